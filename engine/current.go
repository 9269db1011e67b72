package engine

import (
	"context"
	"sync"
)

// current is a definition that may be exchanged, in what does not concern its
// process, while a run of it is under way. It is safe for concurrent use.
type current[T any] struct {
	mu      sync.Mutex
	value   *T
	changed chan struct{} // closed when the value is exchanged
}

func newCurrent[T any](v *T) *current[T] {
	return &current[T]{value: v, changed: make(chan struct{})}
}

// get returns the definition in force.
func (c *current[T]) get() *T {
	v, _ := c.watch()
	return v
}

// watch returns the definition in force, and what is closed when it is so no
// longer.
func (c *current[T]) watch() (*T, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value, c.changed
}

// set puts another definition in force.
func (c *current[T]) set(v *T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.value == v {
		return
	}
	c.value = v
	close(c.changed)
	c.changed = make(chan struct{})
}

// each calls do with the definition in force, and again, after do has ended,
// with each that is set then, until ctx ends or do returns by itself.
func (c *current[T]) each(ctx context.Context, do func(context.Context, *T)) {
	for ctx.Err() == nil {
		v, changed := c.watch()
		inner, cancel := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			select {
			case <-changed:
				cancel()
			case <-inner.Done():
			}
		}()
		do(inner, v)
		exchanged := inner.Err() != nil
		cancel()
		<-ended
		if !exchanged {
			return
		}
	}
}
