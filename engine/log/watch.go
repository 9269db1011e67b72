package log

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sort"
	"time"
)

// Watch calls fn for each whole line of this run, of either stream, without
// its line end and a carriage return before it: those already written first,
// then what comes. It returns nil once fn returns true, io.EOF once the run
// ended without that, or the error of ctx. It reads from the file, so a slow
// fn does not hold up the process.
func (c *Capture) Watch(ctx context.Context, fn func(line []byte) bool) error {
	l := c.log
	cur := newCursor(l.config.Dir, l.config.Unit, nil)
	defer cur.close()
	cur.live = true
	for {
		if err := l.mu.take(ctx); err != nil {
			return err
		}
		ended := c.ended
		var err error
		if cur.seg == nil && c.started {
			err = cur.stand(l, c.begin)
		}
		if l.changed == nil {
			l.changed = make(chan struct{})
		}
		changed := l.changed
		cur.plain = l.file == nil || l.file.idx == nil
		l.mu.Unlock()
		if err != nil {
			return fmt.Errorf("watch log of %s: %w", l.config.Unit, err)
		}
		if cur.seg != nil {
			if found, err := cur.scan(fn, ended); found || err != nil {
				return err
			}
		}
		if ended {
			return io.EOF
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// stand puts the cursor at a position of a log whose lock is held, so that
// no rotation comes between. What was rotated out of existence is skipped.
func (c *cursor) stand(l *Log, at position) error {
	if at.gen < 0 {
		return nil
	}
	n := l.gen - at.gen
	for ; n >= 0; n-- {
		seg, err := openSegment(c.base, n)
		if errors.Is(err, fs.ErrNotExist) {
			at.offset = 0
			continue
		}
		if err != nil {
			return err
		}
		c.enter(seg, seg.runAt(at.offset))
		return nil
	}
	return nil
}

// runAt returns the place of the mark of a run that begins at the offset.
func (s *segment) runAt(offset int64) place {
	i := sort.Search(int(s.records), func(i int) bool {
		r, ok := s.record(int64(i))
		return ok && r.offset >= offset
	})
	return place{offset, int64(i)}
}

// scan hands the whole lines that there are to fn. At the end of the run an
// unfinished line is whole, too.
func (c *cursor) scan(fn func([]byte) bool, ended bool) (found bool, err error) {
	emit := func(l Line) {
		text := l.Text
		if n := len(text); n > 0 && text[n-1] == '\r' {
			text = text[:n-1]
		}
		found = found || l.Stream != Engine && fn(text)
	}
	for !found {
		p, ok, err := c.piece()
		if err != nil {
			return false, err
		}
		if p.flags&runBegin != 0 {
			if c.runs++; c.runs > 1 {
				return false, io.EOF
			}
		}
		if ok {
			c.split.feed(p, emit)
			continue
		}
		if moved, err := c.advance(); err != nil || !moved {
			if ended && err == nil {
				c.split.flush(time.Time{}, emit)
			}
			return found, err
		}
	}
	return found, nil
}
