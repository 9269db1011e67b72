package probe

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// clockGrain is how far the clock that stamps files may lag behind the one
// that stamps starts.
const clockGrain = 10 * time.Millisecond

// fileCheck waits until a file is created or touched. What counts is an
// event on the file, or a difference from what lay there when the probe was
// made; times alone are too coarse, and a file that the run before left
// behind must not count.
type fileCheck struct {
	path  string
	since time.Time // zero: the probe was made before the start
	old   os.FileInfo
	live  bool
	sub   *subscription // nil where looks are repeated
	seen  atomic.Pointer[error]
}

func newFileCheck(path string, since time.Time, files *Files, live bool) (*fileCheck, error) {
	if !filepath.IsAbs(path) {
		return nil, errors.New("its path is not absolute")
	}
	c := &fileCheck{path: filepath.Clean(path), since: since, live: live}
	if live {
		return c, nil
	}
	if files != nil {
		// Where the system has no more watches, looking now and then is
		// better than no probe.
		c.sub, _ = files.watch(c.path)
	}
	c.old, _ = os.Stat(c.path)
	return c, nil
}

// look succeeds where the file is new; for a live probe, where it exists.
func (c *fileCheck) look(context.Context, time.Duration) error {
	info, err := os.Stat(c.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("it does not exist")
	case err != nil:
		var perr *fs.PathError
		if errors.As(err, &perr) {
			err = perr.Err
		}
		return err
	case c.live || c.isNew(info):
		return nil
	}
	return errors.New("it was there before and has not been touched since")
}

// isNew reports whether the file differs from what was there at first.
func (c *fileCheck) isNew(info os.FileInfo) bool {
	if c.old == nil || !os.SameFile(c.old, info) || !c.old.ModTime().Equal(info.ModTime()) {
		return c.old != nil || c.since.IsZero() || c.fresh(info)
	}
	return !c.since.IsZero() && c.fresh(info)
}

// fresh reports whether the file was touched after the start.
func (c *fileCheck) fresh(info os.FileInfo) bool {
	return !info.ModTime().Before(c.since.Add(-clockGrain))
}

func (c *fileCheck) wait(ctx context.Context) error {
	for {
		err := c.look(ctx, 0)
		if err == nil {
			return nil
		}
		c.seen.Store(&err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.sub.changed:
		}
		if c.sub.touched.Swap(false) {
			if _, err := os.Stat(c.path); err == nil {
				return nil
			}
		}
	}
}

func (c *fileCheck) state() error {
	if err := c.seen.Load(); err != nil {
		return *err
	}
	return errors.New("it was not looked at yet")
}

func (c *fileCheck) close() {
	if c.sub != nil {
		c.sub.close()
	}
}
