package log

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Stall is how long one step of a log may take before the disk is said not to
// answer: a file system that is frozen, or whose server is gone, holds whoever
// writes to it, and nothing else tells.
const Stall = 5 * time.Second

// StalledError says that the disk does not answer. Nothing is lost by it: what
// stands in the pipes is written when it does, and a unit that writes more
// than these hold waits.
type StalledError struct {
	Unit  string
	Since time.Time
	Over  bool // it answers again
}

func (e *StalledError) Error() string {
	if e.Over {
		return fmt.Sprintf("write log of %s: the disk answers again, after %s", e.Unit, time.Since(e.Since).Round(time.Second))
	}
	return fmt.Sprintf("write log of %s: %s", e.Unit, e.Reason())
}

// Reason is what there is to say of it that is the same for all units.
func (e *StalledError) Reason() string { return "the disk does not answer" }

// turn is who may touch a log's files: a lock that others need not wait for
// longer than they want, since its holder may wait for the disk for ever.
type turn struct {
	held  chan struct{} // one token, of the holder
	since atomic.Int64  // when that got it, in nanoseconds of Unix time; 0: there is none
	stall atomic.Int64  // Stall, in nanoseconds

	// The watch looks at the holder while there is now and then one: a timer
	// for each would cost more than what it is about.
	watching atomic.Bool
	watch    *time.Timer
	said     atomic.Bool // that this holder has stalled
	telling  sync.Mutex  // keeps what is told in order
	tell     func(since time.Time, over bool)
}

// init readies a turn. tell is told once of a holder that stalls, and of its
// end.
func (t *turn) init(tell func(since time.Time, over bool)) {
	t.held, t.tell = make(chan struct{}, 1), tell
	t.stall.Store(int64(Stall))
	t.watch = time.AfterFunc(time.Hour, t.look)
	t.watch.Stop()
}

// Lock takes the turn, however long that takes.
func (t *turn) Lock() {
	t.held <- struct{}{}
	t.took()
}

// take takes the turn, unless ctx ends before that.
func (t *turn) take(ctx context.Context) error {
	select {
	case t.held <- struct{}{}:
		t.took()
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// try takes the turn, unless the disk does not answer.
func (t *turn) try() bool {
	select {
	case t.held <- struct{}{}:
		t.took()
		return true
	default:
	}
	for {
		wait := time.NewTimer(t.left())
		select {
		case t.held <- struct{}{}:
			wait.Stop()
			t.took()
			return true
		case <-wait.C:
			if t.left() == 0 {
				return false
			}
		}
	}
}

// left is how long the holder has until it is said to stall; 0: no longer.
func (t *turn) left() time.Duration {
	since := t.stood()
	if since.IsZero() {
		return t.patience()
	}
	return max(0, t.patience()-time.Since(since))
}

func (t *turn) patience() time.Duration { return time.Duration(t.stall.Load()) }

// stood returns since when there is a holder, zero where there is none.
func (t *turn) stood() (since time.Time) {
	if at := t.since.Load(); at != 0 {
		since = time.Unix(0, at)
	}
	return since
}

func (t *turn) took() {
	t.since.Store(time.Now().UnixNano())
	if !t.watching.Load() && t.watching.CompareAndSwap(false, true) {
		t.watch.Reset(t.patience())
	}
}

// Unlock gives the turn back.
func (t *turn) Unlock() {
	since := t.stood()
	t.since.Store(0)
	over := t.said.CompareAndSwap(true, false)
	<-t.held
	if over {
		t.telling.Lock()
		defer t.telling.Unlock()
		t.tell(since, true)
	}
}

// look is the watch's.
func (t *turn) look() {
	since := t.stood()
	switch left := t.left(); {
	case since.IsZero():
		t.watching.Store(false)
		if t.stood().IsZero() || !t.watching.CompareAndSwap(false, true) {
			return
		}
		t.watch.Reset(t.patience())
	case left > 0:
		t.watch.Reset(left)
	default:
		t.watching.Store(false) // until the next holder
		t.telling.Lock()
		defer t.telling.Unlock()
		t.said.Store(true)
		if t.stood().Equal(since) { // so whoever gives that turn back sees what was said
			t.tell(since, false)
		} else {
			t.said.CompareAndSwap(true, false)
		}
	}
}
