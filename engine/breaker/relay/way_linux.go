package relay

import (
	"sync"

	"golang.org/x/sys/unix"

	"github.com/syndicate/syndicate/socket"
)

const (
	// bufferSize is how much is copied through memory at a time, in bytes. A
	// connection with more than that to read is spliced.
	bufferSize = 64 << 10
	// turn is how often a way may read before it is another connection's
	// turn.
	turn = 8
)

// buffers are those of ways that wait for room; each worker has one more.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// way is one way of a pair: what one side sends to the other.
type way struct {
	from, to *side
	held     []byte            // was read, and is still to be written
	buffer   *[bufferSize]byte // that held is in
	pipe     *pipe             // holds something that is still to be written, or nil
	bulk     bool              // there is much: splice
	ended    bool              // from has sent everything
	passed   bool              // and to was told
}

// move moves what there is, and reports whether it stopped in the midst of
// it. An error says that one of the sides is gone.
func (w *way) move(by *worker) (more bool, err error) {
	for range turn {
		switch {
		case w.passed:
			return false, nil
		case w.held != nil || w.pipe != nil:
			if !w.to.writable {
				return false, nil
			}
			err = w.write(by)
		case w.ended && w.to.way.passed:
			w.passed = true // both are closed next
		case w.ended:
			// An error says that to is gone, which its own way will tell.
			_ = unix.Shutdown(w.to.fd, unix.SHUT_WR)
			w.passed = true
		case !w.from.readable:
			return false, nil
		case w.bulk:
			err = w.splice(by)
		default:
			err = w.read(by)
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// read reads once, and writes that.
func (w *way) read(by *worker) error {
	n, errno := socket.ReadNow(w.from.fd, by.buffer[:])
	if !w.arrived(n, bufferSize, errno) {
		return failure(errno)
	}
	w.bulk = n == bufferSize
	w.held = by.buffer[:n]
	if err := w.write(by); err != nil {
		return err
	}
	if w.held != nil { // the worker needs another one
		w.buffer, by.buffer = by.buffer, buffers.Get().(*[bufferSize]byte)
	}
	return nil
}

// arrived notes what came of reading up to so many bytes, and reports whether
// something came.
func (w *way) arrived(n, most int, errno unix.Errno) bool {
	if errno == unix.EAGAIN {
		w.from.readable = false
		return false
	}
	w.from.heard(n, errno)
	if errno != 0 {
		return false
	}
	// A read that could have been longer has taken everything there was (see
	// epoll(7)), but for the end and what is behind a mark of urgent data.
	if n < most && !w.from.unsure {
		w.from.readable = false
	}
	w.ended = n == 0
	return n > 0
}

// failure is an error, unless it is one of having to wait.
func failure(errno unix.Errno) error {
	if errno == 0 || errno == unix.EAGAIN {
		return nil
	}
	return errno
}

// write writes what is held.
func (w *way) write(by *worker) error {
	if w.pipe != nil {
		return w.drain(by)
	}
	n, errno := socket.WriteNow(w.to.fd, w.held)
	w.held = w.held[n:]
	if errno != 0 {
		w.to.writable = errno != unix.EAGAIN
		return failure(errno)
	}
	w.held = nil
	if w.buffer != nil {
		buffers.Put(w.buffer)
		w.buffer = nil
	}
	return nil
}

// drop lets go of what is held.
func (w *way) drop() {
	w.held, w.buffer = nil, nil
	if w.pipe != nil {
		w.pipe.close()
		w.pipe = nil
	}
}
