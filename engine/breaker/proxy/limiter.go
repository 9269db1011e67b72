package proxy

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// errFull says that as many calls as may be are under way and wait.
var errFull = errors.New("as many calls as max_calls allows are under way")

// limits bound the calls at once.
type limits struct {
	calls   int           // 0: any number
	waiting int           // how many more may wait for one to end
	wait    time.Duration // how long
}

// limiter lets so many in at once, and others wait in line.
type limiter struct {
	mu      sync.Mutex
	limits  limits
	inside  int
	waiters []*waiter // first come, first served
}

type waiter struct{ admitted chan struct{} }

// set takes other bounds. Who is inside stays.
func (l *limiter) set(to limits) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limits = to
	l.admit()
}

// admit lets in whoever fits. The lock is held.
func (l *limiter) admit() {
	for len(l.waiters) > 0 && (l.limits.calls == 0 || l.inside < l.limits.calls) {
		l.inside++
		close(l.waiters[0].admitted)
		l.waiters = l.waiters[1:]
	}
}

// enter waits for a place; leave gives it back. It returns errFull, or the
// cause that ctx ended with.
func (l *limiter) enter(ctx context.Context) error {
	l.mu.Lock()
	if l.tryLocked() {
		l.mu.Unlock()
		return nil
	}
	if len(l.waiters) >= l.limits.waiting {
		l.mu.Unlock()
		return errFull
	}
	w := &waiter{make(chan struct{})}
	l.waiters = append(l.waiters, w)
	wait := l.limits.wait
	timeout := time.NewTimer(wait)
	l.mu.Unlock()
	defer timeout.Stop()
	var err error
	select {
	case <-w.admitted:
		return nil
	case <-timeout.C:
		err = fmt.Errorf("%w, and none ended within %s", errFull, wait)
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.waiters {
		if l.waiters[i] == w {
			l.waiters = append(l.waiters[:i:i], l.waiters[i+1:]...)
			return err
		}
	}
	// Admitted at that very moment.
	if ctx.Err() == nil {
		return nil
	}
	l.inside--
	l.admit()
	return err
}

// try takes a place if one is free, and reports whether it did.
func (l *limiter) try() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tryLocked()
}

func (l *limiter) tryLocked() bool {
	free := l.limits.calls == 0 || l.inside < l.limits.calls && len(l.waiters) == 0
	if free {
		l.inside++
	}
	return free
}

func (l *limiter) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inside--
	l.admit()
}

// waiting returns how many are in line.
func (l *limiter) waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiters)
}
