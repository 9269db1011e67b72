package engine

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
	"github.com/syndicate/syndicate/engine/pg/pool"
	"github.com/syndicate/syndicate/spec"
)

// What a database declares of its breaker is what the breaker does with what
// a pool tells it.
func TestBreakerOfADatabase(t *testing.T) {
	e := &Engine{core: newCore(nil, watcher{})}
	close(e.core.done) // nobody listens to what is reported
	db := &spec.Database{
		Block:   spec.Block{Addr: spec.Addr{Kind: spec.KindDatabase, Name: "main"}},
		Breaker: &spec.BreakerPolicy{Failures: 2, ResetTimeout: spec.Duration(time.Hour), HalfOpen: spec.HalfOpen{Calls: 1, Successes: 1}},
	}
	g, err := e.guard(db)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := e.guard(db); err != nil || again != g {
		t.Error("whoever asks next gets another one")
	}
	guard := pool.Guard(poolGuard{g})
	for _, tell := range []func(pool.Permit){
		func(p pool.Permit) { p.Failure("connection refused") },
		pool.Permit.Success,
		func(p pool.Permit) { p.Failure("connection refused") },
		pool.Permit.Neutral,
		func(p pool.Permit) { p.Failure("connection refused") },
	} {
		p, err := guard.Permit()
		if err != nil {
			t.Fatalf("it opened before there were 2 failures in a row: %v", err)
		}
		tell(p)
	}
	_, err = guard.Permit()
	open, ok := errors.AsType[*breaker.OpenError](err)
	if !ok || !strings.Contains(open.Reason, "2") {
		t.Fatalf("err = %v, want it open after 2 failures in a row", err)
	}
	if s := breakerStatus(g); !s.Open() || s.Rejected != 1 || time.Until(s.Until) <= 0 {
		t.Errorf("status %+v", s)
	}
	// The server was started anew: nobody has to wait for its time.
	g.Mended("the server was started and answers")
	if s := breakerStatus(g); s.Open() {
		t.Errorf("status %+v, want it closed", s)
	}
	g.Trip(0, "a person")
	g.Mended("the server was started and answers")
	if s := breakerStatus(g); !s.Open() {
		t.Errorf("status %+v: a person had opened it", s)
	}
	// Another policy, by a share of the calls.
	db.Breaker = &spec.BreakerPolicy{Rate: 0.5, Over: spec.Duration(time.Minute), MinCalls: 4, ResetTimeout: spec.Duration(time.Second), HalfOpen: spec.HalfOpen{Calls: 1, Successes: 1}}
	if err := g.Configure(e.guardConfig(db)); err != nil {
		t.Error(err)
	}
	db.Breaker = nil
	if err := g.Configure(e.guardConfig(db)); err != nil {
		t.Errorf("the defaults: %v", err)
	}
}
