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
	changed context.Context // ends when the value is exchanged
	end     context.CancelFunc
}

func newCurrent[T any](v *T) *current[T] {
	c := &current[T]{value: v}
	c.changed, c.end = context.WithCancel(context.Background())
	return c
}

// get returns the definition in force.
func (c *current[T]) get() *T {
	v, _ := c.watch()
	return v
}

// watch returns the definition in force, and what ends when it is so no
// longer.
func (c *current[T]) watch() (*T, context.Context) {
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
	c.end()
	c.changed, c.end = context.WithCancel(context.Background())
}

// each calls do with the definition in force, and again, after do has ended,
// with each that is set then, until ctx ends or do returns by itself.
func (c *current[T]) each(ctx context.Context, do func(context.Context, *T)) {
	for ctx.Err() == nil {
		v, changed := c.watch()
		inner, cancel := context.WithCancel(ctx)
		forget := context.AfterFunc(changed, cancel)
		do(inner, v)
		exchanged := inner.Err() != nil
		forget()
		cancel()
		if !exchanged {
			return
		}
	}
}
