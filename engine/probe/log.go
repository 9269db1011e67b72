package probe

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"sync/atomic"
)

// LineSource is the output of one run.
type LineSource interface {
	// Watch calls match with every whole line of both streams of the run,
	// without its end, from the first line on, until match returns true.
	// match neither blocks nor keeps the line, and is not called by two
	// goroutines at once for one stream.
	Watch(match func(line []byte) bool)
}

// logCheck waits for a line that matches.
type logCheck struct {
	what    string
	pattern *regexp.Regexp
	lines   atomic.Int64
	closed  atomic.Bool
	once    sync.Once
	found   chan struct{}
}

func newLogCheck(pattern string, source LineSource) (*logCheck, error) {
	re, err := regexp.Compile(pattern)
	switch {
	case err != nil:
		return nil, fmt.Errorf("compile regular expression: %w", err)
	case source == nil:
		return nil, errors.New("no output to read")
	}
	c := &logCheck{what: fmt.Sprintf("log %q", pattern), pattern: re, found: make(chan struct{})}
	source.Watch(c.match)
	return c, nil
}

// match sees one line, and returns whether it has seen enough.
func (c *logCheck) match(line []byte) bool {
	if c.closed.Load() {
		return true
	}
	c.lines.Add(1)
	if !c.pattern.Match(line) {
		return false
	}
	c.closed.Store(true)
	c.once.Do(func() { close(c.found) })
	return true
}

func (c *logCheck) wait(ctx context.Context) error {
	select {
	case <-c.found:
		return nil
	default:
	}
	select {
	case <-c.found:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *logCheck) state() error {
	switch n := c.lines.Load(); n {
	case 0:
		return errors.New("no line printed")
	case 1:
		return errors.New("the one line printed does not match")
	default:
		return fmt.Errorf("none of %d lines printed matches", n)
	}
}

func (c *logCheck) close() { c.closed.Store(true) }
