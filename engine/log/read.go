package log

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Query says which lines to read.
type Query struct {
	Dir   string
	Units []string // all that have logs, where empty
	// Since leaves out what was written earlier. Zero: nothing.
	Since time.Time
	// Tail keeps only the last lines, of all units together; 0: all of them.
	Tail int
	// Grep keeps only lines that match.
	Grep *regexp.Regexp
	// Follow goes on with what is written until the context ends.
	Follow bool
}

// Read calls fn for each line that fits, merged by time; within one unit the
// order is that of the file. It needs no running engine. An error of fn ends
// it and is returned. With Follow it ends with the context, without error.
// A line's text is valid only during the call.
func Read(ctx context.Context, q Query, fn func(Line) error) error {
	r := &reader{query: q, fn: fn, cursors: map[string]*cursor{}}
	defer r.close()
	var watch *follower
	if q.Follow {
		var err error
		if watch, err = newFollower(q.Dir); err != nil {
			return err
		}
		defer watch.close()
	}
	units, err := r.units()
	if err != nil {
		return err
	}
	for _, unit := range units {
		if err := r.start(unit); err != nil {
			return err
		}
	}
	if err := r.merge(ctx, r.skip()); err != nil || !q.Follow {
		return err
	}
	for {
		names, ok := watch.wait(ctx, r.waits())
		if !ok {
			return nil
		}
		if err := r.look(names); err != nil {
			return err
		}
		if err := r.merge(ctx, 0); err != nil {
			return err
		}
	}
}

// reader merges the cursors of many units.
type reader struct {
	query   Query
	fn      func(Line) error
	cursors map[string]*cursor
	ready   cursors // those that have a line
}

func (r *reader) units() ([]string, error) {
	if len(r.query.Units) == 0 {
		return Units(r.query.Dir)
	}
	units := slices.Clone(r.query.Units)
	slices.Sort(units)
	return slices.Compact(units), nil
}

// start opens a unit's cursor where the query wants to begin.
func (r *reader) start(unit string) error {
	c := newCursor(r.query.Dir, unit, r.keep)
	r.cursors[unit] = c
	if err := c.start(r.query.Since, r.query.Tail); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read log of %s: %w", unit, err)
	}
	c.live = r.query.Follow
	return r.offer(c)
}

func (r *reader) keep(l Line) bool {
	return (r.query.Since.IsZero() || !l.Time.Before(r.query.Since)) &&
		(r.query.Grep == nil || r.query.Grep.Match(l.Text))
}

// offer puts a cursor into the order, if it has a line.
func (r *reader) offer(c *cursor) error {
	if c.queued {
		return nil
	}
	_, ok, err := c.peek()
	if err != nil {
		return fmt.Errorf("read log of %s: %w", c.unit, err)
	}
	if ok {
		c.queued = true
		heap.Push(&r.ready, c)
	}
	return nil
}

// skip returns how many of the lines that the cursors hold are more than
// Tail wants: each holds its own last ones.
func (r *reader) skip() int {
	if r.query.Tail == 0 {
		return 0
	}
	n := -r.query.Tail
	for _, c := range r.cursors {
		n += len(c.lines) - c.next
	}
	return max(0, n)
}

// merge hands on all lines that there are, but the first skip ones.
func (r *reader) merge(ctx context.Context, skip int) error {
	for len(r.ready) > 0 {
		if err := ctx.Err(); err != nil {
			if r.query.Follow {
				return nil
			}
			return context.Cause(ctx)
		}
		c := r.ready[0]
		line, _, err := c.peek()
		if err != nil {
			return err
		}
		if skip--; skip < 0 {
			if err := r.fn(line); err != nil {
				return err
			}
		}
		c.take()
		_, ok, err := c.peek()
		switch {
		case err != nil:
			return fmt.Errorf("read log of %s: %w", c.unit, err)
		case ok:
			heap.Fix(&r.ready, 0)
		default:
			heap.Pop(&r.ready)
			c.queued = false
		}
	}
	return nil
}

// look takes up what was written to the named files, and new units. Without
// names it looks at every cursor.
func (r *reader) look(names map[string]struct{}) error {
	units := map[string]struct{}{}
	for name := range names {
		if unit, _, ok := parseFile(name); ok {
			units[unit] = struct{}{}
		}
	}
	if len(names) == 0 {
		for unit := range r.cursors {
			units[unit] = struct{}{}
		}
	}
	for unit := range units {
		c := r.cursors[unit]
		if c == nil {
			if len(r.query.Units) > 0 && !slices.Contains(r.query.Units, unit) {
				continue
			}
			c = newCursor(r.query.Dir, unit, r.keep)
			c.live = true
			r.cursors[unit] = c
		}
		c.plain = len(names) == 0
		if err := r.offer(c); err != nil {
			return err
		}
	}
	return nil
}

// waits reports that some cursor stands before bytes whose record is not
// there yet.
func (r *reader) waits() bool {
	for _, c := range r.cursors {
		if c.seg != nil && c.waits() && c.at.offset < c.seg.size {
			return true
		}
	}
	return false
}

func (r *reader) close() {
	for _, c := range r.cursors {
		c.close()
	}
}

// cursors is a heap by the time of the next line, then by unit. Since only
// the next line of each counts, a unit's own order is kept even where the
// clock was set back.
type cursors []*cursor

func (h cursors) Len() int { return len(h) }
func (h cursors) Less(i, j int) bool {
	a, b := h[i].lines[h[i].next], h[j].lines[h[j].next]
	if d := a.Time.Compare(b.Time); d != 0 {
		return d < 0
	}
	return strings.Compare(h[i].unit, h[j].unit) < 0
}
func (h cursors) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *cursors) Push(x any)   { *h = append(*h, x.(*cursor)) }
func (h *cursors) Pop() any {
	old := *h
	c := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return c
}
