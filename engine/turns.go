package engine

import (
	"context"
	"sync"
	"time"
)

// turns lets one operation change the system at a time. Those that come
// meanwhile wait, first come first served, and can be told for whom.
type turns struct {
	mu    sync.Mutex
	name  string          // of who has the turn, empty for nobody
	since time.Time       // that it has
	queue []chan struct{} // of who waits, closed when it has the turn
	names []string        // of who waits
}

// begin takes a turn that nobody else can have yet.
func (t *turns) begin(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.name, t.since = name, time.Now()
}

// take waits for a turn, which end gives back. Where it has to wait it tells
// waiting once, with who has the turn and since when.
func (t *turns) take(ctx context.Context, name string, waiting func(holder string, since time.Time)) error {
	t.mu.Lock()
	if t.name == "" {
		t.name, t.since = name, time.Now()
		t.mu.Unlock()
		return nil
	}
	mine := make(chan struct{})
	t.queue, t.names = append(t.queue, mine), append(t.names, name)
	holder, since := t.name, t.since
	t.mu.Unlock()
	if waiting != nil {
		waiting(holder, since)
	}
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	for i, ch := range t.queue {
		if ch == mine {
			t.queue = append(t.queue[:i], t.queue[i+1:]...)
			t.names = append(t.names[:i], t.names[i+1:]...)
			t.mu.Unlock()
			return context.Cause(ctx)
		}
	}
	t.mu.Unlock()
	t.end() // it came at the same moment
	return context.Cause(ctx)
}

// end gives the turn to who has waited longest.
func (t *turns) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.queue) == 0 {
		t.name = ""
		return
	}
	t.name, t.since = t.names[0], time.Now()
	close(t.queue[0])
	t.queue, t.names = t.queue[1:], t.names[1:]
}
