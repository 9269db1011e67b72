package log

import (
	"time"
)

// firstWindow is how much of a file's end is read first for the last lines;
// it grows fourfold until there are enough.
const firstWindow = 32 << 10

// start puts the cursor where a query begins. With tail it reads on to the
// end and holds the last lines, that many at most.
func (c *cursor) start(since time.Time, tail int) error {
	var from int64
	if !since.IsZero() {
		from = since.UnixNano()
	}
	if tail == 0 {
		_, err := c.first(from)
		return err
	}
	ns := numbers(c.base)
	for _, i := range backwards(ns) {
		for window := int64(firstWindow); ; window *= 4 {
			whole, err := c.window(i, window, from)
			if err != nil {
				return err
			}
			if err := c.last(tail); err != nil {
				return err
			}
			if len(c.lines) >= tail {
				return nil
			}
			if whole {
				break
			}
		}
	}
	return nil
}

// backwards returns the numbers, newest first.
func backwards(ns []int) []int {
	out := make([]int, 0, len(ns))
	for i := len(ns) - 1; i >= 0; i-- {
		out = append(out, ns[i])
	}
	return out
}

// window puts the cursor that many bytes before the end of the n-th segment,
// and reports that nothing in it stands before that.
func (c *cursor) window(n int, bytes, since int64) (whole bool, err error) {
	seg, err := openSegment(c.base, n)
	if err != nil {
		return false, err
	}
	at := seg.byOffset(seg.size - bytes)
	whole = at.offset == 0
	if since > 0 {
		first, newer := seg.since(since)
		if !newer {
			first = place{seg.size, seg.records}
		}
		if first.offset >= at.offset {
			at, whole = first, true
		}
	}
	c.split = splitter{}
	c.open, c.time = false, 0
	c.enter(seg, at)
	return whole, nil
}

// last reads to the end and holds the last n lines.
func (c *cursor) last(n int) error {
	c.lines, c.next = nil, 0
	for {
		more, err := c.fill()
		if err != nil {
			return err
		}
		if over := len(c.lines) - n; over > n {
			c.lines = append(c.lines[:0:0], c.lines[over:]...)
		}
		if !more {
			c.lines = c.lines[max(0, len(c.lines)-n):]
			return nil
		}
	}
}

// Tail returns the last n lines, of the latest run only if asked; what is
// unfinished counts as a line. The texts are the caller's.
func (l *Log) Tail(n int, thisRunOnly bool) ([]Line, error) {
	if n <= 0 {
		return nil, nil
	}
	c := newCursor(l.config.Dir, l.config.Unit, nil)
	defer c.close()
	if !thisRunOnly {
		err := c.start(time.Time{}, n)
		return c.lines, err
	}
	if err := l.lock(); err != nil {
		return nil, err
	}
	run := l.run
	err := c.stand(l, run)
	l.mu.Unlock()
	if err != nil || c.seg == nil {
		return nil, err
	}
	err = c.last(n)
	return c.lines, err
}
