package probe

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync/atomic"
)

// LineSource is the output of one run.
type LineSource interface {
	// Watch calls match with each whole line of both streams of the run,
	// without its end: first those that there are already, then what
	// comes. It returns nil once match returns true, an error when the
	// output or ctx ends before.
	Watch(ctx context.Context, match func(line []byte) bool) error
}

// logCheck waits for a line that matches.
type logCheck struct {
	what    string
	pattern *regexp.Regexp
	source  LineSource
	lines   atomic.Int64
	failure atomic.Pointer[error] // of the source
}

func newLogCheck(pattern string, source LineSource) (*logCheck, error) {
	re, err := regexp.Compile(pattern)
	switch {
	case err != nil:
		return nil, fmt.Errorf("compile regular expression: %w", err)
	case source == nil:
		return nil, errors.New("no output to read")
	}
	return &logCheck{what: fmt.Sprintf("log %q", pattern), pattern: re, source: source}, nil
}

func (c *logCheck) wait(ctx context.Context) error {
	err := c.source.Watch(ctx, func(line []byte) bool {
		c.lines.Add(1)
		return c.pattern.Match(line)
	})
	if err == nil {
		return nil
	}
	// Output that ended is not yet the end of the process, which is not
	// this probe's to judge.
	if ctx.Err() == nil {
		c.failure.Store(&err)
		<-ctx.Done()
	}
	return ctx.Err()
}

func (c *logCheck) state() error {
	ended := ""
	if err := c.failure.Load(); err != nil {
		ended = ", and the output has ended"
	}
	switch n := c.lines.Load(); n {
	case 0:
		return errors.New("no line printed" + ended)
	case 1:
		return errors.New("the one line printed does not match" + ended)
	default:
		return fmt.Errorf("none of %d lines printed matches%s", n, ended)
	}
}
