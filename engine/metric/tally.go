package metric

import (
	"maps"
	"sync"
	"time"
)

// Tally counts the statements of one database, whoever asks them: the
// engine's own pool, and the clients of its gateway. It is safe for
// concurrent use.
type Tally struct {
	queries *Histogram
	recent  Window // queries, lately

	mu     sync.Mutex
	errors map[string]uint64 // by class; guarded by mu
}

// The classes of errors that have no SQLSTATE.
const (
	ClassConnection = "connection" // refused, lost, no answer
	ClassBusy       = "busy"       // no connection was free
)

// maxClasses bounds the classes of errors, whatever a server says.
const maxClasses = 64

// NewTally returns one that has counted nothing.
func NewTally() *Tally {
	return &Tally{queries: NewHistogram(LatencyBounds), errors: map[string]uint64{}}
}

// Answered counts a statement that has ended, well or with an error.
func (t *Tally) Answered(at time.Time, took time.Duration, ok bool) {
	t.queries.Observe(took)
	t.recent.Observe(at, took, ok)
}

// Failed counts an error by its class: the first two characters of its
// SQLSTATE (PostgreSQL's manual, appendix A), or one of those above.
func (t *Tally) Failed(class string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.errors[class]; known || len(t.errors) < maxClasses {
		t.errors[class]++
	}
}

// Queries are the times of all statements.
func (t *Tally) Queries() *Histogram { return t.queries }

// Errors are all errors, by class.
func (t *Tally) Errors() map[string]uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.errors)
}

// Recent says how statements went within a span of time before now.
func (t *Tally) Recent(now time.Time, over time.Duration) Summary { return t.recent.Summary(now, over) }
