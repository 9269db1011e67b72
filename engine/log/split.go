package log

import (
	"bytes"
	"time"
)

// splitter makes lines of the pieces of one unit's output, each stream for
// itself. Its zero value is ready for use.
type splitter struct {
	pending [4][]byte // unfinished lines
	within  [4]bool   // the stream's last line broke off
}

// piece is a part of one record, or of what no record covers.
type piece struct {
	record
	data []byte
}

// feed splits a piece. The lines are valid only during the call of emit.
func (sp *splitter) feed(p piece, emit func(Line)) {
	at := time.Unix(0, p.time)
	if p.flags&(runBegin|runEnd) != 0 {
		sp.flush(at, emit)
		sp.within = [4]bool{}
		return
	}
	if len(p.data) == 0 || p.flags&parting != 0 && p.data[0] == '\n' {
		return
	}
	s := p.stream & 3
	if p.flags&continued == 0 {
		sp.flushOne(s, at, emit)
		sp.within[s] = false
	} else if len(sp.pending[s]) == 0 {
		sp.within[s] = true
	}
	data := p.data
	for len(data) > 0 {
		line, rest, whole := bytes.Cut(data, newline)
		data = rest
		if len(sp.pending[s]) > 0 {
			sp.pending[s] = append(sp.pending[s], line...)
			line = sp.pending[s]
		} else if !whole {
			sp.pending[s] = append(sp.pending[s], line...)
			line = sp.pending[s]
		}
		if whole || len(line) >= MaxLine {
			sp.pending[s] = sp.pending[s][:0]
			emit(Line{Stream: s, Time: at, Text: line, Continued: sp.within[s]})
			sp.within[s] = !whole
		}
	}
}

var newline = []byte{'\n'}

// flush emits what is unfinished. What comes later for it is continued.
func (sp *splitter) flush(at time.Time, emit func(Line)) {
	for s := range sp.pending {
		sp.flushOne(Stream(s), at, emit)
	}
}

func (sp *splitter) flushOne(s Stream, at time.Time, emit func(Line)) {
	if len(sp.pending[s]) == 0 {
		return
	}
	text := sp.pending[s]
	sp.pending[s] = sp.pending[s][:0]
	emit(Line{Stream: s, Time: at, Text: text, Continued: sp.within[s]})
	sp.within[s] = true
}
