package gateway

import "encoding/binary"

// headSize is that of a message's type and length.
const headSize = 5

// reader is told of the messages of one direction.
type reader interface {
	// wants returns how many bytes of a message's body message needs to
	// see, at most keepSize; -1 where it need not be told at all.
	wants(kind byte) int
	// message is told of a message as soon as the bytes that it wants are
	// there. body is valid during the call only, and shorter than wanted
	// where the message is.
	message(kind byte, body []byte)
}

// keepSize bounds what is kept of a message whose bytes come piecemeal.
const keepSize = 4096

// scanner finds the messages in a stream of bytes that is copied as it comes.
// It keeps nothing but the beginning of a message that is cut in two.
type scanner struct {
	head [headSize]byte
	have int    // of head
	left uint32 // bytes of the body that are still to come
	kind byte
	want int // bytes of the body to be told, 0 once they were
	kept []byte
	lost bool // a length that cannot be: nothing more is found
}

// between reports whether the stream is at the end of a message.
func (s *scanner) between() bool { return s.have == 0 && s.left == 0 && !s.lost }

// feed looks at the next bytes of the stream.
func (s *scanner) feed(data []byte, r reader) {
	for len(data) > 0 && !s.lost {
		if s.left > 0 {
			data = s.body(data, r)
			continue
		}
		var size uint32
		if s.have == 0 && len(data) >= headSize {
			s.kind, size = data[0], binary.BigEndian.Uint32(data[1:])
			data = data[headSize:]
		} else {
			n := copy(s.head[s.have:], data)
			s.have, data = s.have+n, data[n:]
			if s.have < headSize {
				return
			}
			s.kind, size, s.have = s.head[0], binary.BigEndian.Uint32(s.head[1:]), 0
		}
		if size < 4 || size > 1<<31-1 {
			s.lost = true
			return
		}
		s.left = size - 4
		if s.want = min(r.wants(s.kind), int(s.left)); s.want == 0 {
			r.message(s.kind, nil)
		}
	}
}

// body passes over as much of the current message as there is.
func (s *scanner) body(data []byte, r reader) []byte {
	n := len(data)
	if uint32(n) > s.left {
		n = int(s.left)
	}
	if s.want > 0 {
		if len(s.kept) == 0 && n >= s.want {
			r.message(s.kind, data[:s.want])
			s.want = 0
		} else {
			s.kept = append(s.kept, data[:min(n, s.want-len(s.kept))]...)
			if len(s.kept) == s.want {
				r.message(s.kind, s.kept)
				s.want = 0
				s.kept = s.kept[:0]
			}
		}
	}
	s.left -= uint32(n)
	return data[n:]
}
