package gateway

import (
	"maps"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds are the upper bounds of the buckets of both histograms, in seconds.
var Bounds = [...]float64{
	0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
}

// histogram counts durations. It is safe for concurrent use.
type histogram struct {
	counts [len(Bounds) + 1]atomic.Uint64
	nanos  atomic.Int64
}

func (h *histogram) add(d time.Duration) {
	h.counts[sort.SearchFloat64s(Bounds[:], d.Seconds())].Add(1)
	h.nanos.Add(int64(d))
}

// Histogram is what was counted of a duration.
type Histogram struct {
	Counts [len(Bounds) + 1]uint64 // for each bound those above the one before; the last: the rest
	Sum    time.Duration
}

func (h *histogram) snapshot() Histogram {
	out := Histogram{Sum: time.Duration(h.nanos.Load())}
	for i := range h.counts {
		out.Counts[i] = h.counts[i].Load()
	}
	return out
}

// stats counts what passes the gateway.
type stats struct {
	statements *statements
	queries    histogram
	waits      histogram // of those who had to wait for a connection
	sessions   atomic.Uint64
	cancels    atomic.Uint64
	lost       atomic.Uint64 // cancels of sessions that are not known

	mu      sync.Mutex
	errors  map[string]uint64 // by class of SQLSTATE; guarded by mu
	refused map[string]uint64 // by SQLSTATE; guarded by mu
}

func newStats() *stats {
	return &stats{statements: newStatements(), errors: map[string]uint64{}, refused: map[string]uint64{}}
}

// answered counts a query that has ended; nil is a statement that is not
// known.
func (s *stats) answered(x *series, at time.Time, took time.Duration) {
	s.queries.add(took)
	x = s.statements.of(x)
	x.seen.Store(at.Unix())
	x.calls.Add(1)
	x.nanos.Add(int64(took))
}

// maxClasses bounds the classes of errors, whatever a server says.
const maxClasses = 64

// failed counts an error of the server.
func (s *stats) failed(x *series, state string) {
	s.statements.of(x).errors.Add(1)
	class := "??"
	if len(state) == 5 {
		class = state[:2]
	}
	s.count(s.errors, class)
}

func (s *stats) count(of map[string]uint64, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := of[key]; known || len(of) < maxClasses {
		of[key]++
	}
}

// Snapshot is what a gateway has counted, and what it does now.
type Snapshot struct {
	Connections, MaxConnections int // to the server, replication aside
	Waiting                     int
	Sessions                    uint64 // that were let in so far
	Refused                     map[string]uint64
	Queries                     Histogram
	Waits                       Histogram
	Errors                      map[string]uint64 // by class of SQLSTATE
	Statements                  []Statement
	Cancels, LostCancels        uint64
}

// Snapshot returns the figures of this moment.
func (g *Gateway) Snapshot() Snapshot {
	s := g.stats
	out := Snapshot{
		MaxConnections: g.limits.Load().MaxConn,
		Sessions:       s.sessions.Load(), Queries: s.queries.snapshot(), Waits: s.waits.snapshot(),
		Statements: s.statements.list(), Cancels: s.cancels.Load(), LostCancels: s.lost.Load(),
	}
	out.Connections, out.Waiting = g.slots.count()
	s.mu.Lock()
	defer s.mu.Unlock()
	out.Errors, out.Refused = maps.Clone(s.errors), maps.Clone(s.refused)
	return out
}
