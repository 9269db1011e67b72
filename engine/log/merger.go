package log

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"
)

// defaultPending bounds what waits for a slow terminal, in bytes.
const defaultPending = 1 << 20

// chunkCost is what a chunk takes beside its bytes, roughly.
const chunkCost = 128

// Merger hands the lines of many logs to one consumer, such as a terminal,
// in the order in which they were written. It never holds up a log: what
// the consumer is too slow for is counted and dropped, whole lines at a
// time, and a line of stream Engine says how much. The zero Merger is ready
// for use; a Log is given one in its Config. It takes lines before Run is
// called, too, as many as it has room for; after Stop, and once Run returned,
// it takes nothing and costs nothing.
type Merger struct {
	// Limit bounds the bytes that wait for the consumer; 0 is 1 MiB.
	Limit int

	mu      sync.Mutex // guards all below
	stopped bool       // Stop was called
	gone    bool       // Run returned
	queue   []chunk
	size    int
	sources []*source // in the order of their first output
	byLog   map[*Log]*source
	wake    chan struct{}
}

// source is one log, as the merger sees it.
type source struct {
	unit    string
	dropped int64 // lines; guarded by Merger.mu
	split   splitter
}

// chunk is one write, or the number of lines that are missing here.
type chunk struct {
	from    *source
	piece   piece
	missing int64
}

// Run consumes until Stop is called, and then what still waits; or until ctx
// ends, and then nothing more. It calls consume with one or more lines, from
// one goroutine, and returns its error. The lines are valid only during the
// call. A consume that blocks holds up Run, and nothing else.
func (m *Merger) Run(ctx context.Context, consume func([]Line) error) error {
	m.mu.Lock()
	wake := m.signal()
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.gone, m.queue, m.size = true, nil, 0
	}()
	out := batch{consume: consume}
	for ctx.Err() == nil {
		chunks, stopped := m.take()
		for i := range chunks {
			out.chunk(&chunks[i])
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
		if err := out.flush(); err != nil {
			return err
		}
		if len(chunks) > 0 {
			continue
		}
		if stopped {
			return nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
		}
	}
	return context.Cause(ctx)
}

// Stop makes Run return once it consumed what waits. It does not wait for
// that.
func (m *Merger) Stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stopped = true
	m.signal()
}

// signal wakes Run, and returns what it waits on. Called with mu held.
func (m *Merger) signal() <-chan struct{} {
	if m.wake == nil {
		m.wake = make(chan struct{}, 1)
	}
	select {
	case m.wake <- struct{}{}:
	default:
	}
	return m.wake
}

// take returns what waits. Where nothing does, it returns the notes of what
// was dropped last.
func (m *Merger) take() (chunks []chunk, stopped bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	chunks, m.queue, m.size = m.queue, nil, 0
	for _, src := range m.sources {
		if len(chunks) == 0 || m.stopped {
			chunks = src.confess(chunks)
		}
	}
	return chunks, m.stopped
}

// confess adds a note of what was dropped, if anything was.
func (src *source) confess(chunks []chunk) []chunk {
	if src.dropped > 0 {
		chunks = append(chunks, chunk{from: src, missing: src.dropped})
		src.dropped = 0
	}
	return chunks
}

// deliver takes a copy of what a stream wrote, or drops it. Called with l.mu
// held.
func (m *Merger) deliver(l *Log, s *stream, data []byte, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped || m.gone {
		return
	}
	src := m.byLog[l]
	if src == nil {
		src = &source{unit: l.config.Unit}
		if m.byLog == nil {
			m.byLog = map[*Log]*source{}
		}
		m.byLog[l] = src
		m.sources = append(m.sources, src)
	}
	limit := cmp.Or(m.Limit, defaultPending)
	room := limit - m.size - chunkCost
	if src.dropped > 0 && room < limit/2 {
		room = 0 // a gap worth a note is not mended for a line or two
	}
	kept := data
	if len(data) > room {
		kept = data[:bytes.LastIndexByte(data[:max(0, room)], '\n')+1]
	}
	if len(kept) > 0 {
		m.queue = src.confess(m.queue)
		rec := s.record(kept, now)
		m.queue = append(m.queue, chunk{from: src, piece: piece{rec, bytes.Clone(kept)}})
		m.size += len(kept) + chunkCost
	}
	if lost := data[len(kept):]; len(lost) > 0 {
		src.dropped += int64(max(1, bytes.Count(lost, newline)))
	}
	m.signal()
}

// batch gathers lines, so that a consumer can write many at once.
type batch struct {
	consume func([]Line) error
	lines   []Line
	text    []byte
	err     error
}

// batchBytes is how much text is handed on at once.
const batchBytes = 32 << 10

func (b *batch) add(l Line) {
	start := len(b.text)
	b.text = append(b.text, l.Text...)
	l.Text = b.text[start:len(b.text):len(b.text)]
	b.lines = append(b.lines, l)
	if len(b.text) >= batchBytes {
		_ = b.flush() // kept in err
	}
}

func (b *batch) flush() error {
	if len(b.lines) > 0 && b.err == nil {
		b.err = b.consume(b.lines)
	}
	clear(b.lines)
	b.lines, b.text = b.lines[:0], b.text[:0]
	if cap(b.text) > 2*batchBytes {
		b.text = nil
	}
	return b.err
}

// chunk splits a chunk. What is unfinished was silent for a while, so it is
// shown as it is.
func (b *batch) chunk(c *chunk) {
	emit := func(l Line) {
		l.Unit = c.from.unit
		b.add(l)
	}
	if c.missing > 0 {
		lines, verb := " lines", "were"
		if c.missing == 1 {
			lines, verb = " line", "was"
		}
		emit(Line{Stream: Engine, Time: time.Now(), Text: fmt.Appendf(nil,
			"… %s%s of %s %s not shown: the terminal is too slow; see syndicate logs %s",
			group(c.missing), lines, c.from.unit, verb, c.from.unit)})
		return
	}
	c.from.split.feed(c.piece, emit)
	c.from.split.flush(time.Unix(0, c.piece.time), emit)
}
