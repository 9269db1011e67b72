package gateway

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/syndicate/syndicate/engine/metric"
)

// stats counts what passes the gateway.
type stats struct {
	statements *statements
	queries    *metric.Histogram
	tally      *metric.Tally     // of the database
	waits      *metric.Histogram // of those who had to wait for a connection
	sessions   atomic.Uint64
	cancels    atomic.Uint64
	lost       atomic.Uint64 // cancels of sessions that are not known

	mu      sync.Mutex
	errors  map[string]uint64 // by class of SQLSTATE; guarded by mu
	refused map[string]uint64 // by SQLSTATE; guarded by mu
}

func newStats(tally *metric.Tally) *stats {
	if tally == nil {
		tally = metric.NewTally()
	}
	return &stats{
		statements: newStatements(), tally: tally, errors: map[string]uint64{}, refused: map[string]uint64{},
		queries: metric.NewHistogram(metric.LatencyBounds), waits: metric.NewHistogram(metric.LatencyBounds),
	}
}

// answered counts a query that has ended; nil is a statement that is not
// known.
func (s *stats) answered(x *series, at time.Time, took time.Duration, ok bool) {
	s.queries.Observe(took)
	s.tally.Answered(at, took, ok)
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
	s.tally.Failed(class)
}

func (s *stats) count(of map[string]uint64, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := of[key]; known || len(of) < maxClasses {
		of[key]++
	}
}

// Snapshot returns what was counted so far, and what there is at this moment.
// Its ID is for the caller to fill in.
func (g *Gateway) Snapshot() metric.Gateway {
	s := g.stats
	out := metric.Gateway{
		Max: g.limits.Load().MaxConn, Sessions: s.sessions.Load(), Cancels: s.cancels.Load(), Lost: s.lost.Load(),
		Queries: s.queries, Waits: s.waits, Statements: s.statements.list(),
	}
	out.Connections, out.Waiting = g.slots.count()
	s.mu.Lock()
	defer s.mu.Unlock()
	out.Errors, out.Refused = maps.Clone(s.errors), maps.Clone(s.refused)
	return out
}
