package log

import (
	"fmt"
	"time"
)

// Record is a record as tests see it.
type Record struct {
	Offset              int64
	Length              uint32
	Stream              Stream
	Begin, End, Parting bool
}

// DecodeIndex returns the records of a whole index.
func DecodeIndex(b []byte) ([]Record, error) {
	if len(b)%recordSize != 0 {
		return nil, fmt.Errorf("an index of %d bytes", len(b))
	}
	var out []Record
	for i := 0; i < len(b); i += recordSize {
		r, ok := decodeRecord(b[i:])
		if !ok {
			return nil, fmt.Errorf("record %d is damaged", i/recordSize)
		}
		out = append(out, Record{r.offset, r.length, r.stream, r.flags&runBegin != 0, r.flags&runEnd != 0, r.flags&parting != 0})
	}
	return out, nil
}

// Lost returns how many bytes were lost since writing failed.
func (l *Log) Lost() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.loss.Bytes
}

// EncodeIndex returns an index of records of these lengths.
func EncodeIndex(lengths ...uint32) []byte {
	var b []byte
	var offset int64
	for i, n := range lengths {
		r := record{offset: offset, time: int64(i), length: n, stream: Stdout}
		b = r.append(b)
		offset = r.end()
	}
	return b
}

// LookAgainAfter sets how long nothing may come before it is looked whether a
// loss is over.
func (l *Log) LookAgainAfter(d time.Duration) { l.quiet = d }

// StallAfter sets how long a step may take before the disk is said not to
// answer.
func (l *Log) StallAfter(d time.Duration) {
	l.mu.stall.Store(int64(d))
	l.mu.watch.Reset(d)
}
