package engine

import (
	"fmt"
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
	e.mu.Lock()
	defer e.mu.Unlock()
	if g := e.guards[db.Addr]; g != nil {
		return g, nil
	}
	g, err := breaker.New(e.guardConfig(db))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", db.Addr, err)
	}
	if e.guards == nil {
		e.guards = map[spec.Addr]*breaker.Guard{}
	}
	e.guards[db.Addr] = g
	return g, nil
}

// guardConfig is what the breaker of a database goes by. Only failures of the
// connection are told to it, so there is nothing to say of slow ones.
func (e *Engine) guardConfig(db *spec.Database) breaker.Config {
	unit := db.Addr.String()
	cfg := breaker.Config{OnChange: func(c breaker.Change) { e.breakerChanged(unit, c) }}
	p := db.Breaker
	if p == nil {
		return cfg
	}
	cfg.Rule.Failures = p.Failures
	if p.Rate > 0 {
		cfg.Rule = breaker.Rule{Rate: float64(p.Rate), Over: p.Over.Std(), MinCalls: p.MinCalls}
	}
	cfg.ResetTimeout, cfg.Calls, cfg.Successes = p.ResetTimeout.Std(), p.HalfOpen.Calls, p.HalfOpen.Successes
	return cfg
}

// breakerChanged puts a change into the journal.
func (e *Engine) breakerChanged(unit string, c breaker.Change) {
	e.report(event.Event{
		Time: c.Time, Kind: event.Breaker, Unit: unit, UnitKind: string(plan.StepServer),
		From: c.From.String(), To: c.To.String(), Cause: c.Reason, Actor: c.By, Next: c.Until,
	})
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

// BreakerStatus is the circuit breaker of a database.
type BreakerStatus struct {
	State  string // closed, half_open, open
	Since  time.Time
	Until  time.Time // when open ends, zero in other states
	Reason string
	// Opened is how often it has opened, Rejected how many it has refused.
	Opened, Rejected uint64
}

// Open reports whether it lets nothing through.
func (b *BreakerStatus) Open() bool { return b.State == breaker.Open.String() }

func breakerStatus(g *breaker.Guard) *BreakerStatus {
	if g == nil {
		return nil
	}
	s := g.Snapshot()
	return &BreakerStatus{
		State: s.State.String(), Since: s.Since, Until: s.Until, Reason: s.Reason,
		Opened: s.Numbers.Opened, Rejected: s.Numbers.Rejected,
	}
}

// breakers trips or resets the breakers of databases.
func (e *Engine) breakers(cmd Command) (Change, error) {
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
