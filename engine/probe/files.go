package probe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/fsnotify/fsnotify"
)

// Files watches files for all file probes of an engine, with one inotify
// instance, since a user has only 128 of them. It costs nothing until the
// first file is watched.
type Files struct {
	mu      sync.Mutex
	watcher *fsnotify.Watcher                     // guarded by mu, nil until needed
	dirs    map[string]map[*subscription]struct{} // guarded by mu
	closed  bool                                  // guarded by mu
	done    chan struct{}
}

// subscription is one file that is waited for.
type subscription struct {
	files   *Files
	path    string
	dir     string        // that is watched now, guarded by files.mu
	changed chan struct{} // look again
	touched atomic.Bool   // an event named the file itself
}

// NewFiles returns a Files that watches nothing yet.
func NewFiles() (*Files, error) { return &Files{}, nil }

// watch begins to watch a file that need not exist yet, through the nearest
// directory above it that does.
func (f *Files) watch(path string) (*subscription, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, errors.New("watch file: closed")
	}
	if f.watcher == nil {
		w, err := fsnotify.NewWatcher()
		if err != nil {
			return nil, fmt.Errorf("watch file: %w", err)
		}
		f.watcher, f.dirs, f.done = w, map[string]map[*subscription]struct{}{}, make(chan struct{})
		go f.run(w)
	}
	s := &subscription{files: f, path: path, changed: make(chan struct{}, 1)}
	if err := f.place(s); err != nil {
		return nil, err
	}
	return s, nil
}

// place moves a subscription to the nearest directory that exists. The
// caller holds mu.
func (f *Files) place(s *subscription) error {
	for {
		dir := filepath.Dir(s.path)
		for !isDir(dir) && dir != filepath.Dir(dir) {
			dir = filepath.Dir(dir)
		}
		if s.dir != dir || len(f.dirs[dir]) == 0 {
			f.leave(s)
			if err := f.watcher.Add(dir); err != nil {
				if !isDir(dir) {
					continue // gone meanwhile
				}
				return fmt.Errorf("watch directory: %w", err)
			}
			if f.dirs[dir] == nil {
				f.dirs[dir] = map[*subscription]struct{}{}
			}
			f.dirs[dir][s] = struct{}{}
			s.dir = dir
		}
		// A nearer directory may have appeared before the watch began.
		if dir == filepath.Dir(s.path) || !isDir(next(dir, s.path)) {
			return nil
		}
	}
}

// next returns the path below dir on the way to path.
func next(dir, path string) string {
	for parent := filepath.Dir(path); parent != dir; parent = filepath.Dir(path) {
		if parent == path {
			return path
		}
		path = parent
	}
	return path
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// leave ends the watch of the subscription's directory where it was the last
// one. The caller holds mu.
func (f *Files) leave(s *subscription) {
	set, ok := f.dirs[s.dir]
	if !ok {
		return
	}
	delete(set, s)
	if len(set) == 0 {
		delete(f.dirs, s.dir)
		_ = f.watcher.Remove(s.dir)
	}
	s.dir = ""
}

// run passes events on until the watcher is closed.
func (f *Files) run(w *fsnotify.Watcher) {
	defer close(f.done)
	for {
		select {
		case event, ok := <-w.Events:
			if !ok {
				return
			}
			f.handle(event)
		case _, ok := <-w.Errors:
			if !ok {
				return
			}
			f.wakeAll() // events were lost
		}
	}
}

// handle wakes whoever waits for the file, or for a directory on its way.
func (f *Files) handle(event fsnotify.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := filepath.Clean(event.Name)
	gone := event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename)
	for s := range f.dirs[filepath.Dir(name)] {
		switch {
		case name == s.path:
			if !gone {
				s.touched.Store(true)
			}
			s.wake()
		case next(s.dir, s.path) == name:
			f.move(s)
		}
	}
	if lost := f.dirs[name]; gone && len(lost) > 0 {
		// The watched directory itself is gone, and the kernel's watch
		// with it, even where a new one of that name exists by now.
		delete(f.dirs, name)
		_ = f.watcher.Remove(name)
		for s := range lost {
			s.dir = ""
			f.move(s)
		}
	}
}

// move places a subscription anew and has it looked at. The caller holds mu.
func (f *Files) move(s *subscription) {
	_ = f.place(s)
	s.wake()
}

func (f *Files) wakeAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, set := range f.dirs {
		for s := range set {
			f.move(s)
		}
	}
}

// wake never blocks: one pending wake is enough.
func (s *subscription) wake() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *subscription) close() {
	s.files.mu.Lock()
	defer s.files.mu.Unlock()
	if !s.files.closed {
		s.files.leave(s)
	}
}

// Close ends all watching. Probes that still wait see no more events.
func (f *Files) Close() error {
	f.mu.Lock()
	if f.closed || f.watcher == nil {
		f.closed = true
		f.mu.Unlock()
		return nil
	}
	f.closed = true
	w := f.watcher
	f.mu.Unlock()
	err := w.Close()
	<-f.done
	return err
}
