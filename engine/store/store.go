package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/syndicate/syndicate/engine/event"
)

// name is the file's, in the state directory.
const name = "state.db"

// Bounds of what is kept.
const (
	defaultMaxEvents = 50_000
	defaultMaxBytes  = 16 << 20
	maxPending       = 8192    // events that wait to be written
	maxPendingBytes  = 4 << 20 // of them
)

// When the writer does what.
const (
	batchDelay = 50 * time.Millisecond // from the first event that waits
	batchMost  = 1024                  // events that are written without waiting for more
	idleAfter  = 5 * time.Second
	retryFirst = 250 * time.Millisecond
	retryMost  = 10 * time.Second
)

// Stall is how long one step of the writer may take before the disk is said not
// to answer: a file system that is frozen, or whose server is gone, holds
// whoever writes to it, and nothing else tells.
const Stall = 5 * time.Second

var errStalled = errors.New("the disk does not answer")

// Config says what to open.
type Config struct {
	// Dir is the state directory. It exists, and its holder is the only one
	// to open a store there.
	Dir string
	// Life is put into events that name none, also into the store's own.
	Life   string
	Logger hclog.Logger
	// MaxEvents bounds the journal's events, 50,000 by default, and MaxBytes
	// the file, 16 MiB by default. Both may be exceeded a little.
	MaxEvents int
	MaxBytes  int64
}

// Store is an open store. Its methods may be called from any goroutine.
type Store struct {
	config Config
	queue  *queue
	wake   chan struct{} // there is something to write
	urgent chan struct{} // at once
	repose chan struct{} // nothing more is expected
	ending chan struct{}
	ended  chan struct{}
	// synced is told when a checkpoint has ended.
	synced chan struct{}

	// turn holds one token; who has it owns the file.
	turn chan struct{}
	file *file

	// busy is since when the writer has been at one step, in nanoseconds of
	// Unix time; 0 where it is not.
	busy  atomic.Int64
	stall atomic.Int64 // Stall, in nanoseconds
}

// Open opens the store, or begins a new one. A file that cannot be used is
// dealt with and logged: the only error is a Config without Dir or Logger.
func Open(c Config) (*Store, error) {
	if !filepath.IsAbs(c.Dir) {
		return nil, fmt.Errorf("open store: %q is not an absolute path", c.Dir)
	}
	if c.Logger == nil {
		return nil, errors.New("open store: no logger")
	}
	c.MaxEvents = cmp.Or(max(c.MaxEvents, 0), defaultMaxEvents)
	c.MaxBytes = cmp.Or(max(c.MaxBytes, 0), defaultMaxBytes)
	s := &Store{
		config: c,
		queue:  newQueue(c.Life),
		wake:   make(chan struct{}, 1),
		urgent: make(chan struct{}, 1),
		repose: make(chan struct{}, 1),
		ending: make(chan struct{}),
		ended:  make(chan struct{}),
		synced: make(chan struct{}, 1),
		turn:   make(chan struct{}, 1),
	}
	s.stall.Store(int64(Stall))
	s.file = &file{path: filepath.Join(c.Dir, name), bounds: bounds{c.MaxEvents, c.MaxBytes}}
	w := writer{Store: s}
	w.write()
	go w.run()
	return s, nil
}

// Append puts an event into the journal and returns it as it will stand
// there: with its number, with the time and the life where it had none, and
// its texts cut where they are longer than 4 KiB. It neither waits nor fails;
// after Close it does nothing but that.
func (s *Store) Append(ev event.Event) event.Event {
	ev, waiting := s.queue.append(ev)
	// Those in between find the writer gathering: it need not be woken for
	// each.
	if waiting == 1 || waiting%batchMost == 0 && waiting > 0 {
		s.nudge(waiting)
	}
	return ev
}

// Put keeps a fact, in place of an earlier one. It does not wait. The only
// error is a fact that is too large: a key of more than 1 KiB, a value of more
// than 4 MiB, or all facts together of more than 8 MiB.
func (s *Store) Put(key string, value []byte) error {
	if err := s.queue.put(key, value); err != nil {
		return fmt.Errorf("keep %.40q: %w", key, err)
	}
	s.nudge(1)
	return nil
}

// Delete forgets a fact, if there is one. It does not wait.
func (s *Store) Delete(key string) {
	if s.queue.delete(key) {
		s.nudge(1)
	}
}

// Get returns a fact. The value is the caller's.
func (s *Store) Get(key string) (value []byte, ok bool) { return s.queue.get(key) }

// List returns the facts whose keys begin with prefix, in order of keys.
func (s *Store) List(prefix string) []Fact { return s.queue.list(prefix) }

// Fact is a small durable value.
type Fact struct {
	Key   string
	Value []byte
}

// Trouble says since when the file cannot be written, and why. A nil error is
// that it can, for all that is known.
func (s *Store) Trouble() (since time.Time, err error) {
	if since, stalled := s.stalled(); stalled {
		return since, errStalled
	}
	return s.queue.trouble()
}

// stalled reports whether the disk does not answer the writer, and since when.
func (s *Store) stalled() (since time.Time, stalled bool) {
	at := s.busy.Load()
	if at == 0 {
		return time.Time{}, false
	}
	since = time.Unix(0, at)
	return since, time.Since(since) >= time.Duration(s.stall.Load())
}

// unless waits for something, unless the disk stalls before it comes or ctx
// ends. begun is when the disk was asked, if it is not the writer that asks;
// get waits for the other things.
func (s *Store) unless(ctx context.Context, begun time.Time, get func(stalls <-chan time.Time) bool) error {
	for {
		since := begun
		if at := s.busy.Load(); at != 0 {
			since = time.Unix(0, at)
		}
		patience := time.Duration(s.stall.Load())
		left := patience
		if !since.IsZero() {
			left = max(time.Millisecond, patience-time.Since(since))
		}
		look := time.NewTimer(left)
		got := get(look.C)
		look.Stop()
		switch {
		case got:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !since.IsZero() && time.Since(since) >= patience && (since.Equal(begun) || s.busy.Load() == since.UnixNano()):
			return errStalled
		}
	}
}

// nudge tells the writer that something waits.
func (s *Store) nudge(waiting int) {
	c := s.wake
	if waiting >= batchMost {
		c = s.urgent
	}
	select {
	case c <- struct{}{}:
	default:
	}
}

// Flush returns once everything given before is written, or with the reason
// why it could not be, or with the cause of the end of ctx.
func (s *Store) Flush(ctx context.Context) error {
	if err := s.flush(ctx); err != nil {
		return fmt.Errorf("flush store: %w", err)
	}
	return nil
}

func (s *Store) flush(ctx context.Context) error {
	w := s.queue.waiter()
	for {
		done, next, err := w.look()
		if done || err != nil {
			return err
		}
		select {
		case s.urgent <- struct{}{}:
		default:
		}
		select {
		case <-next:
		case <-s.ended:
			if done, _, err := w.look(); done || err != nil {
				return err
			}
			return errClosed
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

var errClosed = errors.New("the store is closed")

// Events returns what the journal holds, oldest first, those included that
// are not written yet. Where the file cannot be read, or the disk does not
// answer, it returns the latter, and the reason.
func (s *Store) Events(ctx context.Context, q Query) ([]event.Event, error) {
	type result struct {
		found []event.Event
		err   error
	}
	read := make(chan result, 1)
	begun := time.Now()
	go func() {
		found, err := s.events(ctx, q)
		read <- result{found, err}
	}()
	var r result
	err := s.unless(ctx, begun, func(stalls <-chan time.Time) bool {
		select {
		case r = <-read:
			return true
		case <-stalls:
		case <-ctx.Done():
		}
		return false
	})
	switch {
	case errors.Is(err, errStalled):
		return q.cut(q.filter(s.queue.waiting())), fmt.Errorf("read journal: %w", err)
	case err != nil:
		return nil, err
	}
	return r.found, r.err
}

func (s *Store) events(ctx context.Context, q Query) ([]event.Event, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() {
			<-s.turn
			s.nudge(1) // to close the file once nobody uses it
		}()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	var found []event.Event
	err := s.useNow(func(db *database) error {
		var err error
		found, err = db.events(ctx, q)
		return err
	})
	// Nothing is being written: who has the turn sees each event once.
	found = q.cut(append(found, q.filter(s.queue.waiting())...))
	if err != nil {
		return found, fmt.Errorf("read journal: %w", reason(ctx, err))
	}
	return found, nil
}

// reason prefers why a context ended to the error that this led to.
func reason(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// Repose is for who expects to give nothing more: what was given is written and
// put in its place, as it else is when nothing has happened for a while. It
// does not wait, and a Close a moment later finds little to wait for.
func (s *Store) Repose() {
	select {
	case s.repose <- struct{}{}:
	default:
	}
}

// Close writes what waits and closes the file. It returns why something could
// not be written; that is lost then. For a disk that does not answer it does
// not wait: what waits is written when it does, if this process still runs.
func (s *Store) Close() error {
	if s.queue.close() {
		close(s.ending)
	}
	err := s.unless(context.Background(), time.Time{}, func(stalls <-chan time.Time) bool {
		select {
		case <-s.ended:
			return true
		case <-stalls:
			return false
		}
	})
	if err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	if n, err := s.queue.remainder(); err != nil {
		return fmt.Errorf("close store: %d events and facts could not be written: %w", n, err)
	}
	return nil
}
