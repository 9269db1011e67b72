package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/syndicate/syndicate/engine/event"
)

// How a reader waits.
const (
	readTries  = 10
	readPause  = 20 * time.Millisecond
	followTick = 100 * time.Millisecond
	page       = 1000 // events that are read at once
)

// Reader reads the store of an engine that runs in another process, or that
// has ended in whatever way. It changes nothing and holds nothing open
// between two calls.
type Reader struct{ path string }

// OpenReader returns a reader of the store in a state directory. Where there
// is none the error is fs.ErrNotExist.
func OpenReader(dir string) (*Reader, error) {
	r := &Reader{path: filepath.Join(dir, name)}
	info, err := os.Stat(r.path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, &BrokenError{Path: r.path, Err: errors.New("it is no regular file")}
	}
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	return r, nil
}

// BrokenError is the error of reading a file that is damaged, or none of ours.
// The next engine sets it aside.
type BrokenError struct {
	Path string
	Err  error
}

func (e *BrokenError) Error() string { return fmt.Sprintf("%s is broken: %v", e.Path, e.Err) }

// Unwrap returns what is wrong with it.
func (e *BrokenError) Unwrap() error { return e.Err }

// Events returns what the journal holds, oldest first.
func (r *Reader) Events(ctx context.Context, q Query) ([]event.Event, error) {
	var found []event.Event
	err := r.read(ctx, func(db *sql.DB) (err error) {
		found, err = readEvents(ctx, db, q)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", r.named(err))
	}
	return found, nil
}

// Each calls fn with the events that fit, oldest first, not too many at once.
// An error of fn ends it and is returned.
func (r *Reader) Each(ctx context.Context, q Query, fn func([]event.Event) error) error {
	_, err := r.pages(ctx, q, fn)
	return err
}

// Units returns the units that the journal tells of, in order.
func (r *Reader) Units(ctx context.Context) ([]string, error) {
	seen := map[string]bool{}
	err := r.Each(ctx, Query{}, func(events []event.Event) error {
		for _, ev := range events {
			seen[ev.Unit] = true
		}
		return nil
	})
	delete(seen, "")
	return slices.Sorted(maps.Keys(seen)), err
}

// List returns the facts whose keys begin with prefix, in order of keys.
func (r *Reader) List(ctx context.Context, prefix string) ([]Fact, error) {
	var found []Fact
	err := r.read(ctx, func(db *sql.DB) (err error) {
		found, err = readFacts(ctx, db, prefix)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read facts: %w", r.named(err))
	}
	return found, nil
}

// named tells a file that is broken from one that cannot be read just now.
func (r *Reader) named(err error) error {
	if broken(err) {
		return &BrokenError{Path: r.path, Err: err}
	}
	return err
}

// Follow calls fn with the events that fit, and goes on with those that come,
// also of later engines, until ctx ends or fn returns an error. The end of
// ctx is none. The events of one call are in order; there is at least one.
func (r *Reader) Follow(ctx context.Context, q Query, fn func([]event.Event) error) error {
	tick := time.NewTicker(followTick)
	defer tick.Stop()
	var seen stamp
	for {
		now, err := r.stamp()
		switch {
		case errors.Is(err, fs.ErrNotExist): // it is being replaced
		case err != nil:
			return fmt.Errorf("follow journal: %w", err)
		case now != seen:
			if seen.inode != 0 && now.inode != seen.inode {
				q.After = 0 // a new file holds what is new, with numbers of its own
			}
			seen = now
			if q, err = r.pages(ctx, q, fn); err != nil && ctx.Err() == nil {
				return err
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// pages reads on to the end of the journal, and returns the query for what
// comes after it.
func (r *Reader) pages(ctx context.Context, q Query, fn func([]event.Event) error) (Query, error) {
	for {
		q.Limit = page
		found, err := r.Events(ctx, q)
		q.Tail = 0 // what comes later is not part of it
		if err != nil || len(found) == 0 {
			return q, err
		}
		if err := fn(found); err != nil {
			return q, err
		}
		q.After = found[len(found)-1].Seq
	}
}

// inode returns the file's number on its file system.
func inode(info os.FileInfo) uint64 {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return st.Ino
}

// stamp tells two states of the file and its log from one another.
type stamp struct {
	inode           uint64
	size, logSize   int64
	changed, logged int64 // nanoseconds of Unix time
	log             bool
}

func (r *Reader) stamp() (stamp, error) {
	info, err := os.Stat(r.path)
	if err != nil {
		return stamp{}, err
	}
	s := stamp{inode: inode(info), size: info.Size(), changed: info.ModTime().UnixNano()}
	info, err = os.Stat(r.path + "-wal")
	switch {
	case err == nil:
		s.log, s.logSize, s.logged = true, info.Size(), info.ModTime().UnixNano()
	case !errors.Is(err, fs.ErrNotExist):
		return stamp{}, err
	}
	return s, nil
}

// read calls f with the open file, again where the engine opened or closed it
// meanwhile.
func (r *Reader) read(ctx context.Context, f func(*sql.DB) error) error {
	for try := 1; ; try++ {
		again, err := r.once(f)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !again || try == readTries:
			return err
		}
		select {
		case <-time.After(readPause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

var errMoving = errors.New("it changes all the time")

// once reads once, and reports whether the result is worth another try.
func (r *Reader) once(f func(*sql.DB) error) (again bool, err error) {
	before, err := r.stamp()
	if err != nil {
		return errors.Is(err, fs.ErrNotExist), err
	}
	db, err := sql.Open("sqlite", dsn(r.path, r.parameters(before), settings...))
	if err != nil {
		return false, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if err := f(db); err != nil {
		return passing(err), err
	}
	if before.log {
		return false, nil
	}
	// Nobody had it open, so it was read without locks: that holds only
	// where nobody opened it meanwhile.
	if after, err := r.stamp(); err != nil || after != before {
		return true, errMoving
	}
	return false, nil
}

// parameters say how to open the file without making or changing one. A
// database with a write-ahead log cannot be opened read-only without it,
// unless SQLite may trust that nobody changes it.
func (r *Reader) parameters(s stamp) url.Values {
	if !s.log {
		return url.Values{"mode": {"ro"}, "immutable": {"1"}}
	}
	if _, err := os.Stat(r.path + "-shm"); err != nil {
		// Somebody has removed the log's index: SQLite must make it anew.
		return url.Values{"mode": {"ro"}}
	}
	return url.Values{"mode": {"ro"}, "readonly_shm": {"1"}}
}

// passing reports whether an error may come from the engine's opening or
// closing the file.
func passing(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return false
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL,
		sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_IOERR:
		return true
	}
	return false
}
