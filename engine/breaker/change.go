package breaker

import (
	"slices"
	"time"
)

// Change is a change of state or mode.
type Change struct {
	Time     time.Time
	From, To State
	Mode     Mode // after it
	// Until is when Open ends; zero in other states.
	Until time.Time
	// Reason is why, in words; By is who asked, empty where it decided
	// itself.
	Reason, By string
	// Failures are the last ones, oldest first, where calls opened it.
	Failures []Evidence
}

// change makes a change that somebody asked for.
func (g *Guard) change(by string, do func(now time.Time)) {
	now := time.Now()
	g.mu.Lock()
	g.core.advance(now)
	mine := len(g.core.changes)
	do(now)
	for i := range g.core.changes[mine:] {
		g.core.changes[mine+i].By = by
		g.core.by = by
	}
	g.unlock()
}

// unlock ends a step: it lets go of the lock and tells what changed. Where
// another goroutine is telling, that one goes on with it, so changes are told
// in their order.
func (g *Guard) unlock() {
	if len(g.core.changes) > 0 {
		g.revised()
		for _, moved := range g.moved {
			select {
			case moved <- struct{}{}:
			default:
			}
		}
		if g.core.cfg.OnChange == nil {
			g.core.changes = nil
		}
	}
	if g.telling || len(g.core.changes) == 0 {
		g.mu.Unlock()
		return
	}
	g.telling = true
	g.mu.Unlock()
	for g.tell() {
	}
}

// tell tells what has gathered, and reports whether there may be more.
func (g *Guard) tell() bool {
	g.mu.Lock()
	list, tell := g.core.changes, g.core.cfg.OnChange
	g.core.changes = nil
	g.telling = len(list) > 0
	g.mu.Unlock()
	done := false
	defer func() {
		if !done { // a callback that panics is not to silence the others
			g.mu.Lock()
			g.telling = false
			g.mu.Unlock()
		}
	}()
	for _, c := range list {
		if tell != nil {
			tell(c)
		}
	}
	done = true
	return len(list) > 0
}

// Watch returns a channel that has a value once the state or the mode has
// changed since the last one was received. It is for one goroutine, until
// stop.
func (g *Guard) Watch() (moved <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.moved = append(g.moved, c)
	return c, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.moved = slices.DeleteFunc(g.moved, func(other chan struct{}) bool { return other == c })
	}
}
