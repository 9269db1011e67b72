package store

import (
	"errors"
	"path/filepath"
	"time"

	"github.com/syndicate/syndicate/engine/event"
)

// writer is the goroutine that writes what waits.
type writer struct {
	*Store
	failing time.Time // since when the file cannot be written; zero: it can
	retry   time.Duration
}

// run writes until the store is closed.
func (w *writer) run() {
	defer close(w.ended)
	timer := time.NewTimer(w.next())
	defer timer.Stop()
	gathering := false
	for {
		select {
		case <-w.wake:
			if !gathering && w.failing.IsZero() {
				gathering = true
				timer.Reset(w.gather())
			}
			continue
		case <-w.synced:
			w.truncate()
			if gathering {
				continue
			}
		case <-w.urgent:
			w.write()
		case <-timer.C:
			if w.queue.pending() {
				w.write()
			} else {
				gathering = false // woken for nothing: a fact that was so already
				w.rest()          // until somebody wakes it
				continue
			}
		case <-w.repose:
			w.write()
			w.rest()
		case <-w.ending:
			w.write()
			w.close()
			return
		}
		gathering = false
		timer.Reset(w.next())
	}
}

// step takes the turn for one step of the writer, and returns what ends it. A
// disk that does not answer meanwhile is told of, once, and so is its return.
func (w *writer) step() (end func()) {
	begun := time.Now()
	w.busy.Store(begun.UnixNano()) // whoever reads may be held by the disk as well
	said := time.AfterFunc(time.Duration(w.stall.Load()), func() {
		w.config.Logger.Warn("the journal cannot be written: events wait in memory", "error", errStalled)
	})
	w.turn <- struct{}{}
	return func() {
		<-w.turn
		w.busy.Store(0)
		if !said.Stop() {
			w.config.Logger.Info("the disk answers again", "after", time.Since(begun).Round(time.Millisecond))
		}
	}
}

// next is how long to wait where nothing new comes.
func (w *writer) next() time.Duration {
	switch {
	case !w.failing.IsZero():
		return w.retry
	case w.queue.pending():
		return w.gather()
	}
	return idleAfter
}

// gather is how long to wait for more to write together. What came while
// something else was written has waited already.
func (w *writer) gather() time.Duration { return max(0, batchDelay-w.queue.waited()) }

// write makes one attempt to write everything that waits.
func (w *writer) write() {
	defer w.step()()
	w.note(w.useNow(w.writeTo))
}

func (w *writer) writeTo(db *database) error {
	b := w.queue.take()
	if b.empty() {
		w.queue.done(b)
		return nil
	}
	w.file.empty()
	if err := db.write(b); err != nil {
		w.queue.back(b)
		return err
	}
	w.queue.done(b)
	w.file.quiet = false
	if size := db.logSize(); size >= logUsual {
		w.file.checkpoint(w.synced, size >= logMost)
	}
	if b.lost.count > 0 {
		w.config.Logger.Warn("events are missing in the journal", "count", b.lost.count)
	}
	return nil
}

// rest closes the file, once what was written is in its place.
func (w *writer) rest() {
	defer w.step()()
	if db := w.file.db; db != nil && db.logSize() > 0 && w.file.checkpoint(w.synced, false) {
		return // synced tells when to go on
	}
	w.closeFile()
}

// truncate ends a checkpoint.
func (w *writer) truncate() {
	defer w.step()()
	w.file.truncate()
}

// close closes the file at once.
func (w *writer) close() {
	defer w.step()()
	w.closeFile()
}

func (w *writer) closeFile() {
	if err := w.file.close(); err != nil {
		w.config.Logger.Warn("the journal was not closed well", "error", err)
	}
}

// note remembers whether the file can be written, tells it once, and says
// when to try again.
func (w *writer) note(err error) {
	switch {
	case err == nil && !w.failing.IsZero():
		w.config.Logger.Info("the journal is written again", "after", time.Since(w.failing).Round(time.Millisecond))
		w.failing, w.retry = time.Time{}, 0
	case err == nil:
	case w.failing.IsZero():
		w.failing, w.retry = time.Now(), retryFirst
		w.config.Logger.Warn("the journal cannot be written: events wait in memory", "error", err)
	default:
		w.retry = min(2*w.retry, retryMost)
	}
	w.queue.attempted(err)
}

// useNow has f work with the file, which it opens where it is not open. A
// broken file is set aside, and f called again with a new one. The caller
// has the turn.
func (s *Store) useNow(f func(*database) error) error {
	err := s.attempt(f)
	if !broken(err) {
		return err
	}
	last := s.file.lastNumber()
	aside, asideErr := s.file.setAside(time.Now())
	if asideErr != nil {
		return errors.Join(err, asideErr)
	}
	s.queue.follow(last)
	s.config.Logger.Warn("the journal is broken and was set aside; a new one begins", "file", filepath.Join(s.config.Dir, aside), "error", err)
	s.Append(event.Event{
		Kind:  event.Engine,
		Cause: "the journal until now was set aside as " + aside + ": " + err.Error(),
	})
	return s.attempt(f)
}

// attempt opens the file and calls f. Where that fails the file is closed, so
// that the next attempt finds it as it is then.
func (s *Store) attempt(f func(*database) error) error {
	db, err := s.open()
	if err == nil {
		err = f(db)
	}
	if err != nil {
		_ = s.file.close()
	}
	return err
}

// open returns the open file, and brings memory in line with another one
// than before: the first one's facts are read, later ones are rewritten.
func (s *Store) open() (*database, error) {
	first := s.file.info == nil
	db, other, err := s.file.open()
	if err != nil || !other {
		return db, err
	}
	if first {
		facts, err := db.facts("")
		if err != nil {
			s.file.info = nil
			return nil, err
		}
		s.queue.adopt(facts)
	} else {
		s.config.Logger.Warn("the journal's file is another one than before: the facts are written anew")
		s.queue.rewrite()
	}
	s.file.mine = true
	s.queue.follow(db.last)
	return db, nil
}
