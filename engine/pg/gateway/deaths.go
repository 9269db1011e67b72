package gateway

import (
	"sync"
	"time"
)

// deaths tells the guard of sessions that the server has ended. Many that die
// at once die of one thing.
type deaths struct {
	mu   sync.Mutex
	last time.Time // guarded by mu
}

// together is the time within which deaths count as one.
const together = time.Second

// first reports whether a death is one that counts.
func (d *deaths) first(now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.last.IsZero() && now.Sub(d.last) < together {
		return false
	}
	d.last = now
	return true
}
