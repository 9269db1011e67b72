package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"

	"github.com/syndicate/syndicate/view"
)

// engineLog is where an engine in the background writes what it has to say,
// in the state directory.
const engineLog = "engine.log"

// ownLog is that file. It may be written by any goroutine.
type ownLog struct {
	path string
	mu   sync.Mutex
	file *os.File // guarded by mu
}

// openOwnLog begins the log in a state directory. A crash of this program is
// told there, too.
func openOwnLog(dir string) (*ownLog, error) {
	l := &ownLog{path: filepath.Join(dir, engineLog)}
	var err error
	l.file, err = l.open()
	return l, err
}

func (l *ownLog) open() (*os.File, error) {
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err == nil {
		if err = debug.SetCrashOutput(f, debug.CrashOptions{}); err != nil {
			err = errors.Join(err, f.Close())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open the engine's log: %w", err)
	}
	return f, nil
}

// reopen begins the log anew where its file was removed.
func (l *ownLog) reopen() error {
	if _, err := os.Lstat(l.path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := l.open()
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.file.Close() // it has no name any more
	l.file = f
	return nil
}

// Write adds to the log.
func (l *ownLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Write(p)
}

func (l *ownLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.file.Close()
}

// stream is the log as an output.
func (l *ownLog) stream() stream {
	s := newStream(l.file)
	if s.Verbatim() != nil {
		s.Writer = view.NewASCII(l)
	} else {
		s.Writer = l
	}
	s.raw = l
	return s
}
