package engine

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
	"github.com/syndicate/syndicate/engine/event"
	"github.com/syndicate/syndicate/engine/pg/pool"
	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
)

// guard returns the circuit breaker before a database, the same one for all
// who reach it and for as long as the database is declared.
func (e *Engine) guard(db *spec.Database) (*breaker.Guard, error) {
	return e.guardOf(db.Addr, e.guardConfig(db))
}

// guardConfig is what the breaker of a database goes by. Only failures of the
// connection are told to it, so there is nothing to say of slow ones.
func (e *Engine) guardConfig(db *spec.Database) breaker.Config {
	var cfg breaker.Config
	if db.Breaker != nil {
		cfg = policyConfig(db.Breaker)
	}
	unit := db.Addr.String()
	cfg.OnChange = func(c breaker.Change) { e.breakerChanged(unit, plan.StepServer, c) }
	return cfg
}

// breakerChanged puts a change into the journal, with its evidence.
func (e *Engine) breakerChanged(unit string, kind plan.StepKind, c breaker.Change) {
	e.report(event.Event{
		Time: c.Time, Kind: event.Breaker, Unit: unit, UnitKind: string(kind),
		From: c.From.String(), To: c.To.String(), Cause: c.Reason + before(c.Failures), Actor: c.By, Next: c.Until,
	})
}

// before tells of the failures before the last one, which the reason has.
func before(list []breaker.Evidence) string {
	const most = 3
	if len(list) < 2 {
		return ""
	}
	var texts []string
	for _, e := range slices.Backward(list[max(0, len(list)-1-most) : len(list)-1]) {
		texts = append(texts, e.String())
	}
	return "; before it: " + strings.Join(texts, ", ")
}

// report has the loop tell of something, so that events come one at a time
// and in order.
func (e *Engine) report(ev event.Event) { e.core.send(func() { e.observe(ev) }) }

// poolGuard is a breaker as a pool takes it.
type poolGuard struct{ guard *breaker.Guard }

// Permit implements pool.Guard.
func (g poolGuard) Permit() (pool.Permit, error) {
	p, err := g.guard.Permit()
	if err != nil {
		return nil, err
	}
	return &poolPermit{&p}, nil
}

type poolPermit struct{ *breaker.Permit }

// Failure implements pool.Permit.
func (p *poolPermit) Failure(reason string) { p.Permit.Failure(breaker.Evidence{Error: reason}) }

// BreakerStatus is a circuit breaker, or that of a database.
type BreakerStatus struct {
	State  string // closed, half_open, open
	Mode   string // auto, open, closed, observe
	Since  time.Time
	Until  time.Time // when open ends, zero in other states
	Reason string
	// Opened is how often it has opened, Rejected how many it has refused.
	Opened, Rejected uint64

	// InFlight are the calls under way, Observed those that were let through
	// though it would have refused them.
	InFlight int64
	Observed uint64
	// Calls are those of the last minute, FailureRate the share of them that
	// failed, and LatencyP95 the time to the first byte that 95 % of them
	// stayed below.
	Calls       uint64
	FailureRate float64
	LatencyP95  time.Duration
	// Failures are the last ones, oldest first.
	Failures []CallFailure
	// Target is what it stands before, without credentials.
	Target string
	// Shared is the database through which other engines share its state, or
	// why it is on its own; empty where nothing is shared.
	Shared string
	// Full are the calls that were refused since too many were under way,
	// Fallbacks the answers of fallbacks by their kind.
	Full      uint64
	Fallbacks map[string]uint64
	// Waiting are the calls in line, Retries further attempts, Exhausted
	// those that the budget did not allow.
	Waiting            int
	Retries, Exhausted uint64
}

// CallFailure is what is known of a call that failed.
type CallFailure struct {
	At      time.Time
	Text    string // 503, connection refused
	Latency time.Duration
}

// Open reports whether it lets nothing through.
func (b *BreakerStatus) Open() bool { return b.State == breaker.Open.String() }

func breakerStatus(g *breaker.Guard) *BreakerStatus {
	if g == nil {
		return nil
	}
	s := g.Snapshot()
	out := &BreakerStatus{
		State: s.State.String(), Mode: s.Mode.String(), Since: s.Since, Until: s.Until, Reason: s.Reason,
		Opened: s.Numbers.Opened, Rejected: s.Numbers.Rejected, InFlight: s.Numbers.InFlight, Observed: s.Numbers.Observed,
		Calls: s.Recent.Calls, LatencyP95: s.Recent.LatencyP95,
	}
	if !math.IsNaN(s.Recent.FailureRate) {
		out.FailureRate = s.Recent.FailureRate
	}
	for _, f := range s.Failures {
		at, latency := f.Time, f.Latency
		f.Latency = 0
		out.Failures = append(out.Failures, CallFailure{At: at, Text: f.String(), Latency: latency})
	}
	return out
}

// breakers trips, resets or forces circuit breakers.
func (e *Engine) breakers(cmd Command) (Change, error) {
	if cmd.Verb == "force" {
		return e.forceBreakers(cmd)
	}
	var trip time.Duration
	if len(cmd.Args) > 1 || len(cmd.Args) == 1 && cmd.Verb != "trip" {
		return Change{}, fmt.Errorf("%s: it takes %s", cmd.Verb, map[bool]string{true: "at most a duration, such as 5m", false: "no argument"}[cmd.Verb == "trip"])
	}
	if len(cmd.Args) == 1 {
		d, err := spec.ParseDuration(cmd.Args[0])
		if err != nil || d <= 0 {
			return Change{}, fmt.Errorf("trip: %q is no duration: write for how long, such as 5m", cmd.Args[0])
		}
		trip = d.Std()
	}
	known := e.core.definitions()
	for _, id := range cmd.Units {
		w, ok := known[id].work.(guarded)
		if !ok || w.breaker() == nil {
			return Change{}, &ActionError{Unit: id, Action: cmd.Verb, Known: e.actionsOf(known[id])}
		}
		e.asked(id, cmd.Verb, cmd.By)
		if cmd.Verb == "trip" {
			w.breaker().Trip(trip, cmd.By)
		} else {
			w.breaker().Reset(cmd.By)
		}
	}
	return e.changed(newOperation()), nil
}

// guarded is work behind a circuit breaker.
type guarded interface{ breaker() *breaker.Guard }
