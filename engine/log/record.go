package log

import (
	"encoding/binary"
	"hash/crc32"
	"time"
)

// Stream says where a line comes from.
type Stream uint8

// The streams. A line is Unknown where the index does not tell.
const (
	Unknown Stream = iota
	Stdout
	Stderr
	Engine // a note of the log's own
)

// String returns stdout, stderr, syndicate, or nothing where unknown.
func (s Stream) String() string {
	return [...]string{"", "stdout", "stderr", "syndicate"}[s&3]
}

// Line is one line of output, or a piece of one.
type Line struct {
	Unit   string
	Stream Stream
	Time   time.Time // of the write that completed it
	Text   []byte    // without its line end; valid only during the call
	// Continued says that the text goes on where the last line of the same
	// unit and stream broke off: it was longer than MaxLine, or silent for a
	// while.
	Continued bool
}

// flags of a record.
type flags uint8

const (
	continued flags = 1 << iota // goes on with the stream's unfinished line
	unended                     // the last line has no end (yet)
	runBegin                    // a mark, without bytes: a run of the process begins
	runEnd                      // a mark, without bytes: its streams ended
	parting                     // a line end that no stream wrote
)

// record describes one write. The index is a row of them, in the order of
// their offsets.
type record struct {
	offset int64
	time   int64 // Unix nanoseconds
	length uint32
	stream Stream
	flags  flags
}

// recordSize is that of an encoded record: offset and time in 8 bytes each,
// length in 4, stream and flags in 1 each, and 2 of a checksum over them,
// all little-endian.
const recordSize = 24

func (r record) end() int64 { return r.offset + int64(r.length) }

// append adds the encoded record to b.
func (r record) append(b []byte) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.offset))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.time))
	b = binary.LittleEndian.AppendUint32(b, r.length)
	b = append(b, byte(r.stream), byte(r.flags))
	return binary.LittleEndian.AppendUint16(b, uint16(crc32.ChecksumIEEE(b[start:])))
}

// decodeRecord reads one record and reports false for what is none.
func decodeRecord(b []byte) (record, bool) {
	if len(b) < recordSize {
		return record{}, false
	}
	r := record{
		offset: int64(binary.LittleEndian.Uint64(b)),
		time:   int64(binary.LittleEndian.Uint64(b[8:])),
		length: binary.LittleEndian.Uint32(b[16:]),
		stream: Stream(b[20]),
		flags:  flags(b[21]),
	}
	sum := binary.LittleEndian.Uint16(b[22:])
	ok := uint16(crc32.ChecksumIEEE(b[:22])) == sum &&
		r.offset >= 0 && r.offset < 1<<62 && r.stream <= Engine &&
		(r.flags&(runBegin|runEnd) == 0 || r.length == 0) &&
		(r.flags&parting == 0 || r.length == 1)
	return r, ok
}
