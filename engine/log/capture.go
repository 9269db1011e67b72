package log

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

// Capture is the output of one run of a process.
type Capture struct {
	// Stdout and Stderr are the child's ends. Whoever starts the child
	// closes them once it has started, or could not be.
	Stdout, Stderr *os.File

	log     *Log
	streams [2]stream
	left    atomic.Int32 // streams that have not ended
	done    chan struct{}

	started bool     // its mark is set; guarded by log.mu
	begin   position // of that mark; guarded by log.mu
	ended   bool     // guarded by log.mu
}

// Attach makes the two pipes for one run of a process and begins to read
// them. The run's mark is set by its first output. Where the disk does not
// answer it waits until ctx ends, whose error it returns.
func (l *Log) Attach(ctx context.Context) (*Capture, error) {
	c := &Capture{log: l, done: make(chan struct{})}
	c.left.Store(int32(len(c.streams)))
	ends := [2]**os.File{&c.Stdout, &c.Stderr}
	for i := range c.streams {
		s := &c.streams[i]
		s.capture, s.kind = c, Stdout+Stream(i)
		r, w, err := newPipe("|" + s.kind.String())
		if err == nil {
			*ends[i] = w
			err = s.init(r)
		}
		if err != nil {
			c.abandon()
			return nil, fmt.Errorf("attach to log of %s: %w", l.config.Unit, err)
		}
	}
	if err := l.begin(ctx, c); err != nil {
		c.abandon()
		return nil, err
	}
	for i := range c.streams {
		go c.streams[i].run()
	}
	return c, nil
}

// abandon closes the pipes of a capture that never began.
func (c *Capture) abandon() {
	for _, f := range []*os.File{c.Stdout, c.Stderr, c.streams[0].pipe, c.streams[1].pipe} {
		if f != nil {
			_ = f.Close()
		}
	}
}

// Wait returns once both streams ended and everything is written: when the
// last process that holds the pipes is gone. Its error is that of ctx.
func (c *Capture) Wait(ctx context.Context) error {
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close ends the capture where something else still holds the pipes: it
// writes what stands in them now and closes them. It waits for that, and where
// the disk does not answer it says so, as *StalledError: the rest is done when
// it does. To close a capture that ended is harmless.
func (c *Capture) Close() error {
	for i := range c.streams {
		c.streams[i].stop()
	}
	for {
		look := time.NewTimer(max(c.log.mu.left(), time.Millisecond))
		select {
		case <-c.done:
			look.Stop()
			return nil
		case <-look.C:
			if since, stalled := c.log.Stalled(); stalled {
				return &StalledError{Unit: c.log.config.Unit, Since: since}
			}
		}
	}
}

// streamEnded is called by each stream, last.
func (c *Capture) streamEnded() {
	if c.left.Add(-1) == 0 {
		c.log.end(c)
		close(c.done)
	}
}
