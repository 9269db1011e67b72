package log

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// indexDelay is how long a follower waits for the record of bytes that it
// sees, before it takes them as plain lines. The record is usually written
// within microseconds; it never comes where the index cannot be written.
const indexDelay = 200 * time.Millisecond

// follower tells which files of a directory changed.
type follower struct {
	watcher *fsnotify.Watcher
}

func newFollower(dir string) (*follower, error) {
	w, err := fsnotify.NewBufferedWatcher(64)
	if err == nil {
		if err = w.Add(dir); err != nil {
			_ = w.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("follow logs in %s: %w", dir, err)
	}
	return &follower{w}, nil
}

// wait returns the names of the files that changed; none means that anything
// may have changed. It reports false once ctx ended. While a cursor waits for
// a record, it waits for indexDelay at most.
func (f *follower) wait(ctx context.Context, short bool) (map[string]struct{}, bool) {
	var late <-chan time.Time
	if short {
		timer := time.NewTimer(indexDelay)
		defer timer.Stop()
		late = timer.C
	}
	names := map[string]struct{}{}
	select {
	case <-ctx.Done():
		return nil, false
	case <-late:
		return nil, true
	case <-f.watcher.Errors:
		return nil, true // events were lost
	case ev, ok := <-f.watcher.Events:
		if !ok {
			return nil, false
		}
		names[filepath.Base(ev.Name)] = struct{}{}
	}
	for len(names) < 1024 {
		select {
		case ev, ok := <-f.watcher.Events:
			if !ok {
				return names, true
			}
			names[filepath.Base(ev.Name)] = struct{}{}
		default:
			return names, true
		}
	}
	return names, true
}

func (f *follower) close() { _ = f.watcher.Close() }
