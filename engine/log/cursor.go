package log

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// readChunk is how much a cursor reads at once.
const readChunk = 16 << 10

// cursor reads the lines of one unit from its files, oldest first, across
// rotations that happen meanwhile.
type cursor struct {
	unit  string
	base  string
	seg   *segment // nil before the first file exists
	at    place
	time  int64 // of what was read last, for what no record covers
	live  bool  // the unit may still be writing: wait for its index
	plain bool  // live, but its index did not come: do not wait

	split splitter
	buf   []byte
	lines []Line // read and not yet taken
	next  int
	keep  func(Line) bool // filter
	open  bool            // the last piece ended within a line

	runs   int  // marks of a beginning that Watch came by
	queued bool // it stands in a reader's order
}

// newCursor returns a cursor that stands at the beginning of the unit's
// oldest file.
func newCursor(dir, unit string, keep func(Line) bool) *cursor {
	return &cursor{unit: unit, base: basePath(dir, unit), keep: keep}
}

// numbers lists the rotations of a unit that exist, oldest first.
func numbers(base string) []int {
	matches, err := os.ReadDir(filepath.Dir(base))
	if err != nil {
		return nil
	}
	var ns []int
	name := filepath.Base(base)
	for _, e := range matches {
		if len(e.Name()) < len(name) || e.Name()[:len(name)] != name {
			continue
		}
		unit, n, ok := parseFile(e.Name())
		if ok && FileName(unit) == name && e.Name() == filepath.Base(numbered(base, logSuffix, n)) {
			ns = append(ns, n)
		}
	}
	slices.Sort(ns)
	slices.Reverse(ns)
	return ns
}

// first opens the oldest segment that has anything from since on, and
// stands there. Without any it reports false.
func (c *cursor) first(since int64) (bool, error) {
	ns := numbers(c.base)
	for _, n := range ns {
		seg, err := openSegment(c.base, n)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, err
		}
		at, newer := place{}, true
		if since > 0 {
			at, newer = seg.since(since)
		}
		if newer || n == 0 {
			if !newer {
				at = place{seg.size, seg.records}
			}
			c.enter(seg, at)
			return true, nil
		}
		seg.close()
	}
	return false, nil
}

// enter goes on in another segment.
func (c *cursor) enter(seg *segment, at place) {
	if c.seg != nil {
		c.seg.close()
	}
	c.seg, c.at, c.plain = seg, at, false
}

func (c *cursor) close() {
	if c.seg != nil {
		c.seg.close()
		c.seg = nil
	}
}

// peek returns the next line without taking it, and false where there is
// none (yet). The line is valid until the call after the next take.
func (c *cursor) peek() (Line, bool, error) {
	for c.next == len(c.lines) {
		c.lines, c.next = c.lines[:0], 0
		more, err := c.fill()
		if err != nil || !more && len(c.lines) == 0 {
			return Line{}, false, err
		}
	}
	return c.lines[c.next], true, nil
}

func (c *cursor) take() { c.next++ }

// emit keeps a line. Its text is copied: the buffer is used again.
func (c *cursor) emit(l Line) {
	l.Unit = c.unit
	if c.keep == nil || c.keep(l) {
		l.Text = slices.Clone(l.Text)
		c.lines = append(c.lines, l)
	}
}

// fill reads one more piece. It reports false at the end of what is there,
// having emitted what is unfinished.
func (c *cursor) fill() (bool, error) {
	if c.seg == nil {
		if ok, err := c.first(0); !ok || err != nil {
			return false, err
		}
	}
	for {
		p, ok, err := c.piece()
		if err != nil {
			return false, err
		}
		if ok {
			if p.time > 0 {
				c.time = p.time
			}
			c.split.feed(p, c.emit)
			return true, nil
		}
		moved, err := c.advance()
		if err != nil {
			return false, err
		}
		if !moved {
			c.split.flush(time.Unix(0, c.time), c.emit)
			return false, nil
		}
	}
}

// piece reads what stands next in the segment, and false at its end.
func (c *cursor) piece() (piece, bool, error) {
	s := c.seg
	if !c.more() {
		return piece{}, false, nil
	}
	r, ok := s.record(c.at.record)
	for ok && (r.end() < c.at.offset || r.end() == c.at.offset && r.length > 0) {
		c.at.record++ // already read, or one of a damaged index
		r, ok = s.record(c.at.record)
	}
	switch {
	case !ok && c.at.record < s.records:
		c.at.record++ // damaged: its bytes are read as plain ones
		return piece{}, true, nil
	case !ok:
		if c.waits() {
			return piece{}, false, nil
		}
		if s.refresh(); c.at.record < s.records {
			return piece{}, true, nil // its record came meanwhile
		}
		r = record{offset: c.at.offset, length: clamp(s.size - c.at.offset), time: c.plainTime()}
	case r.offset > c.at.offset:
		r = record{offset: c.at.offset, length: clamp(r.offset - c.at.offset), time: r.time}
	case r.length == 0:
		c.at.record++
		c.open = false
		return piece{record: r}, true, nil
	}
	return c.read(r)
}

// read reads a part of a record, or of what none covers.
func (c *cursor) read(r record) (piece, bool, error) {
	if c.buf == nil {
		c.buf = make([]byte, readChunk)
	}
	n := min(r.end()-c.at.offset, int64(len(c.buf)))
	got, err := c.seg.log.ReadAt(c.buf[:n], c.at.offset)
	if got == 0 {
		if err != nil && c.shrunk() {
			return piece{}, false, nil
		}
		return piece{}, false, err
	}
	data := c.buf[:got]
	if c.at.offset > r.offset || r.stream == Unknown {
		r.flags &^= continued
		if c.open {
			r.flags |= continued
		}
	}
	c.at.offset += int64(got)
	c.open = data[got-1] != '\n'
	return piece{r, data}, true, nil
}

// shrunk goes to the end of a log that somebody made shorter.
func (c *cursor) shrunk() bool {
	c.seg.refresh()
	if c.at.offset < c.seg.size {
		return false
	}
	c.at = place{c.seg.size, c.seg.records}
	return true
}

func clamp(n int64) uint32 { return uint32(min(n, 1<<30)) }

// plainTime is the time of bytes that no record tells: that of the file
// where there are no records at all.
func (c *cursor) plainTime() int64 {
	if c.seg.records == 0 || c.time == 0 {
		return c.seg.info.ModTime().UnixNano()
	}
	return c.time
}

// waits reports that the bytes beyond the index belong to a write whose
// record is just being written.
func (c *cursor) waits() bool {
	return c.live && !c.plain && c.seg.idx != nil
}

// advance looks whether there is more: in this segment or in a newer one.
func (c *cursor) advance() (bool, error) {
	c.seg.refresh()
	if c.seg.size < c.at.offset {
		c.at = place{} // emptied by somebody: read what is new
	}
	if c.more() {
		return true, nil
	}
	n, found := c.find()
	if found && n == 0 {
		return false, nil
	}
	// It was rotated away. What it has now is all that it will ever have.
	c.plain = true
	if c.seg.refresh(); c.more() {
		return true, nil
	}
	return c.newer(n, found)
}

// more reports that piece has something to read.
func (c *cursor) more() bool {
	if c.at.offset < c.seg.size {
		return !c.waits() || c.at.record < c.seg.records
	}
	r, ok := c.seg.record(c.at.record)
	return ok && r.length == 0 && r.offset == c.at.offset
}

// newer enters the segment after the one that is found as number n, or the
// oldest where it is gone.
func (c *cursor) newer(n int, found bool) (bool, error) {
	for {
		if !found {
			ns := numbers(c.base)
			if len(ns) == 0 {
				return false, nil
			}
			n = ns[0] + 1
		}
		seg, err := openSegment(c.base, n-1)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil // just being rotated: the next look finds it
		}
		if err != nil {
			return false, err
		}
		if again, ok := c.find(); ok == found && (!ok || again == n) {
			c.enter(seg, place{})
			return true, nil
		} else {
			n, found = again, ok
		}
		seg.close()
		if found && n == 0 {
			return false, nil
		}
	}
}

// find returns the number that the cursor's segment has now, and false where
// it is gone. Rotation only adds to a number, so looking upwards misses
// nothing.
func (c *cursor) find() (int, bool) {
	if c.is(0) {
		return 0, true
	}
	for range 3 {
		ns := numbers(c.base)
		if len(ns) == 0 {
			continue
		}
		for n := range ns[0] + 2 {
			if c.is(n) {
				return n, true
			}
		}
	}
	return 0, false
}

// is reports whether the cursor's segment has the number n.
func (c *cursor) is(n int) bool {
	info, err := os.Stat(numbered(c.base, logSuffix, n))
	return err == nil && os.SameFile(info, c.seg.info)
}
