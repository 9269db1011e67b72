package gateway

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"
)

// Why nobody is let in.
var (
	errQueueFull = errors.New("too many clients wait already")
	errWaited    = errors.New("none became free in time")
)

// limiter counts the connections to the server, and queues those who want
// one: first come, first served.
type limiter struct {
	mu         sync.Mutex
	max        int       // guarded by mu
	maxWaiting int       // guarded by mu
	used       int       // guarded by mu
	queue      list.List // of chan struct{}, closed when its turn has come; guarded by mu
}

// try takes a slot if one is free.
func (l *limiter) try() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.used >= l.max || l.queue.Len() > 0 {
		return false
	}
	l.used++
	return true
}

// acquire takes a slot, and waits for one at most timeout, 0 not at all. Who
// got one has to release it.
func (l *limiter) acquire(ctx context.Context, timeout time.Duration) error {
	l.mu.Lock()
	if l.used < l.max && l.queue.Len() == 0 {
		l.used++
		l.mu.Unlock()
		return nil
	}
	if l.queue.Len() >= l.maxWaiting || timeout <= 0 {
		l.mu.Unlock()
		return errQueueFull
	}
	turn := make(chan struct{})
	place := l.queue.PushBack(turn)
	l.mu.Unlock()

	timer := time.NewTimer(timeout)
	defer timer.Stop()
	var err error
	select {
	case <-turn:
		return nil
	case <-timer.C:
		err = errWaited
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-turn: // at the same moment: it is somebody else's
		l.used--
		l.admit()
	default:
		l.queue.Remove(place)
	}
	return err
}

// release gives a slot back.
func (l *limiter) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.used--
	l.admit()
}

// resize puts other bounds in force. Who has a slot keeps it, who waits
// stays.
func (l *limiter) resize(most, maxWaiting int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.max, l.maxWaiting = most, maxWaiting
	l.admit()
}

// admit gives free slots to those who wait. The caller holds mu.
func (l *limiter) admit() {
	for l.used < l.max && l.queue.Len() > 0 {
		l.used++
		close(l.queue.Remove(l.queue.Front()).(chan struct{}))
	}
}

// count returns how many slots are taken, and how many clients wait.
func (l *limiter) count() (used, waiting int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.used, l.queue.Len()
}
