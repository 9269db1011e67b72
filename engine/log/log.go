package log

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"
)

const (
	// MaxLine is the longest line, in bytes, that stays in one piece.
	MaxLine = 64 << 10
	// Quiet is how long a stream must be silent before its unfinished line
	// is written.
	Quiet = 75 * time.Millisecond

	defaultMaxSize = 50e6
)

// ErrClosed is the answer of a Log that was closed.
var ErrClosed = errors.New("log is closed")

// Config says where the log of one unit stands.
type Config struct {
	Dir  string // made with mode 0700 where it does not exist
	Unit string // service.api, service.worker["a"]

	// MaxSize is the size in bytes at which the file is rotated; 0 is 50 MB.
	// A file is longer only by the rest of a line.
	MaxSize int64
	// Keep is the number of rotated files beside the current one.
	Keep int

	// OnError is told once when lines begin to be lost, and once when
	// writing works again, as *LossError; in the same way of a disk that does
	// not answer, as *StalledError; and of failed rotations. It may be nil. It
	// must not call back into the log.
	OnError func(error)

	// Buffers are shared by the logs of one engine; nil gives this log its
	// own.
	Buffers *Buffers
	// Merger receives everything that is written, too; nil: nobody does.
	Merger *Merger
}

// LossError says that output was, or is being, lost since the file could not
// be written.
type LossError struct {
	Unit  string
	Err   error // of the first failed write
	Over  bool  // writing works again; the following is the sum
	Lines int64
	Bytes int64
}

func (e *LossError) Error() string {
	if e.Over {
		return fmt.Sprintf("write log of %s: works again; %s lines (%s bytes) were lost: %v",
			e.Unit, group(e.Lines), group(e.Bytes), e.Err)
	}
	return fmt.Sprintf("write log of %s: lines are being lost, the unit runs on: %v", e.Unit, e.Err)
}

func (e *LossError) Unwrap() error { return e.Err }

// Log is the log of one unit. It is safe for use by many goroutines.
type Log struct {
	config  Config
	base    string
	buffers *Buffers

	mu       turn  // guards all below
	file     *file // nil before the first line
	gen      int   // how often it was rotated since Open
	noRotate int64 // after a failed rotation: do not try below this size

	// The line that the file ends with is unfinished, and this many of its
	// bytes are in this file. owner wrote it; nil is one of an earlier life.
	midline int64
	owner   *stream

	loss     LossError // of the current failure, zero without one
	lost     time.Time // when it was met last
	again    *time.Timer
	quiet    time.Duration // lossQuiet
	reports  []error       // for OnError, once the lock is released
	run      position      // where the latest run begins
	changed  chan struct{}
	captures map[*Capture]struct{}
	closed   bool

	bounding sync.Mutex
	wanted   *bounds // by Bound, until the next write; guarded by bounding
}

// bounds are what [Log.Bound] changes.
type bounds struct {
	maxSize int64
	keep    int
}

// position is a place in the row of a unit's files.
type position struct {
	gen    int
	offset int64
}

// Open prepares the log of a unit. Directory and files are made by the first
// line.
func Open(c Config) (*Log, error) {
	if c.Dir == "" || c.Unit == "" {
		return nil, errors.New("open log: a directory and a unit are needed")
	}
	if c.MaxSize < 0 || c.Keep < 0 {
		return nil, fmt.Errorf("open log of %s: neither size nor number of files may be negative", c.Unit)
	}
	c.MaxSize = cmp.Or(c.MaxSize, defaultMaxSize)
	l := &Log{config: c, base: basePath(c.Dir, c.Unit), buffers: c.Buffers, run: position{gen: -1}, quiet: lossQuiet}
	if l.buffers == nil {
		l.buffers = NewBuffers()
	}
	l.mu.init(func(since time.Time, over bool) {
		if c.OnError != nil {
			c.OnError(&StalledError{Unit: c.Unit, Since: since, Over: over})
		}
	})
	return l, nil
}

// Stalled returns since when the disk has not answered, and false where it
// has, for all that is known.
func (l *Log) Stalled() (since time.Time, stalled bool) {
	since = l.mu.stood()
	return since, !since.IsZero() && time.Since(since) >= l.mu.patience()
}

// lock takes the lock, or says that the disk does not answer.
func (l *Log) lock() error {
	if l.mu.try() {
		return nil
	}
	return &StalledError{Unit: l.config.Unit, Since: l.mu.stood()}
}

// Reopen begins a new file where the current one was removed. What it held is
// lost.
func (l *Log) Reopen() error {
	if err := l.lock(); err != nil {
		return err
	}
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	if _, err := os.Lstat(l.Path()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := l.file.restart(); err != nil {
		return fmt.Errorf("open log of %s: %w", l.config.Unit, err)
	}
	l.begun()
	return nil
}

// Path returns the path of the current file, which may not exist yet.
func (l *Log) Path() string { return numbered(l.base, logSuffix, 0) }

// Close ends what is still attached and closes the files. Where the disk does
// not answer it says so, as *StalledError, and leaves the rest to the
// goroutines that wait for it.
func (l *Log) Close() error {
	if err := l.lock(); err != nil {
		return err
	}
	l.closed = true
	var open []*Capture
	for c := range l.captures {
		open = append(open, c)
	}
	l.mu.Unlock()
	for _, c := range open {
		if err := c.Close(); err != nil {
			return err
		}
	}
	if err := l.lock(); err != nil {
		return err
	}
	defer l.mu.Unlock()
	if l.again != nil {
		l.again.Stop()
	}
	if l.file == nil {
		return nil
	}
	err := l.file.close()
	l.file = nil
	return err
}

// begin notes that a run begins. Its mark is written with its first line.
func (l *Log) begin(ctx context.Context, c *Capture) error {
	if err := l.mu.take(ctx); err != nil {
		return err
	}
	defer l.mu.Unlock()
	if l.closed {
		return fmt.Errorf("attach to log of %s: %w", l.config.Unit, ErrClosed)
	}
	if l.captures == nil {
		l.captures = map[*Capture]struct{}{}
	}
	l.captures[c] = struct{}{}
	l.run = position{gen: -1}
	return nil
}

// end notes that both streams of a run ended.
func (l *Log) end(c *Capture) {
	l.mu.Lock()
	now := time.Now()
	if l.loss.Err != nil && l.file != nil {
		l.recover(nil, nil, now) // so that the note is not left to a next run
	}
	if c.started && l.file != nil {
		l.file.mark(runEnd, now, true)
	}
	delete(l.captures, c)
	c.ended = true
	l.wake()
	l.unlock()
}

// unlock releases the lock and then reports what went wrong under it.
func (l *Log) unlock() {
	reports := l.reports
	l.reports = nil
	l.mu.Unlock()
	for _, err := range reports {
		if l.config.OnError != nil {
			l.config.OnError(err)
		}
	}
}

// wake tells whoever follows this log that there is more.
func (l *Log) wake() {
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// group writes n with commas: 1,204.
func group(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Bound changes the size at which the file is rotated, where 0 is 50 MB, and
// the number of rotated files that are kept: from the next rotation on.
func (l *Log) Bound(maxSize int64, keep int) {
	l.bounding.Lock()
	defer l.bounding.Unlock()
	l.wanted = &bounds{cmp.Or(maxSize, defaultMaxSize), keep}
}

// bound takes over what Bound wants. Called with mu held.
func (l *Log) bound() {
	l.bounding.Lock()
	b := l.wanted
	l.wanted = nil
	l.bounding.Unlock()
	if b == nil {
		return
	}
	l.config.MaxSize, l.config.Keep = b.maxSize, b.keep
	l.noRotate = 0
	if l.file != nil {
		l.file.keep = b.keep
	}
}
