package share

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
	"github.com/syndicate/syndicate/spec"
)

// engine is a guard whose state is shared, as an engine has it.
type engine struct {
	*breaker.Guard
	mu        sync.Mutex
	to        pg.Endpoint // guarded by mu
	moved     chan breaker.Change
	connected chan error
}

func newEngine(t *testing.T, to pg.Endpoint, name string) *engine {
	t.Helper()
	e := &engine{to: to, moved: make(chan breaker.Change, 100), connected: make(chan error, 1000)}
	var err error
	e.Guard, err = breaker.New(breaker.Config{Rule: breaker.Rule{Failures: 2}, OnChange: func(c breaker.Change) { e.moved <- c }})
	if err != nil {
		t.Fatal(err)
	}
	m := breaker.NewMember(e.Guard, name)
	moved, stop := e.Watch()
	t.Cleanup(stop)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Follow(ctx, Config{
			Key: "system/breaker.up", Changed: moved,
			Endpoint: func() (pg.Endpoint, error) {
				e.mu.Lock()
				defer e.mu.Unlock()
				return e.to, nil
			},
			Settle:    func(x *Entry) ([]byte, error) { return m.Settle((*breaker.Entry)(x)) },
			Agreed:    func(x Entry) (bool, error) { return m.Agreed(breaker.Entry(x)) },
			Connected: func(err error) { e.connected <- err },
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return e
}

// until waits for something in a channel.
func until[T any](t *testing.T, c <-chan T, what string, ok func(T) bool) T {
	t.Helper()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	for {
		select {
		case v := <-c:
			if ok(v) {
				return v
			}
		case <-limit.C:
			t.Fatal("not seen: " + what)
		}
	}
}

func (e *engine) in(t *testing.T, s breaker.State) breaker.Change {
	t.Helper()
	return until(t, e.moved, s.String(), func(c breaker.Change) bool { return c.To == s })
}

func there(err error) bool { return err == nil }
func away(err error) bool  { return err != nil }

func TestOneTripsAndAllKnow(t *testing.T) {
	to := pgtest.Database(t)
	a, b := newEngine(t, to, "engine a"), newEngine(t, to, "engine b")
	until(t, a.connected, "a is there", there)
	until(t, b.connected, "b is there", there)
	for range 2 {
		p, err := a.Permit()
		if err != nil {
			t.Fatal(err)
		}
		p.Failure(breaker.Evidence{Status: "503"})
	}
	began := time.Now()
	c := b.in(t, breaker.Open)
	if c.By != "engine a" {
		t.Errorf("told %+v", c)
	}
	t.Logf("after %v", time.Since(began))
	if _, err := b.Permit(); err == nil {
		t.Error("the other one lets calls through")
	}
	if d := a.Snapshot().Until.Sub(b.Snapshot().Until).Abs(); d > time.Second {
		t.Errorf("they stay open until %v apart", d)
	}
	b.Reset("somebody")
	if c := a.in(t, breaker.Closed); c.By != "somebody" {
		t.Errorf("told %+v", c)
	}
	b.Force(breaker.ForcedOpen, "somebody")
	until(t, a.moved, "forced", func(c breaker.Change) bool { return c.Mode == breaker.ForcedOpen })

	// One that comes later knows as well.
	late := newEngine(t, to, "engine c")
	until(t, late.moved, "forced", func(c breaker.Change) bool { return c.Mode == breaker.ForcedOpen })

	// A notice that says nothing new, or nothing at all, does no harm.
	pgtest.Exec(t, to, "select pg_notify('syndicate_shared', 'system/breaker.up'), pg_notify('syndicate_shared', 'nonsense')")
	a.Force(breaker.Auto, "somebody")
	until(t, late.moved, "auto", func(c breaker.Change) bool { return c.Mode == breaker.Auto })
}

// Without the database each is on its own; with it they agree again.
func TestLosingTheDatabase(t *testing.T) {
	to := pgtest.Database(t)
	a, b := newEngine(t, to, "engine a"), newEngine(t, to, "engine b")
	until(t, a.connected, "a is there", there)
	until(t, b.connected, "b is there", there)
	gone, err := pg.ParseURL(spec.Plain("postgres://a@127.0.0.1:1/a"))
	if err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	b.to = gone
	b.mu.Unlock()
	pgtest.Exec(t, to, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
	until(t, b.connected, "b is away", away)
	until(t, a.connected, "a is away", away)
	until(t, a.connected, "a is there again", there)
	b.Trip(time.Hour, "somebody at b")
	a.Trip(time.Minute, "somebody at a")
	a.in(t, breaker.Open)
	b.mu.Lock()
	b.to = to
	b.mu.Unlock()
	c := until(t, a.moved, "what b decided", func(c breaker.Change) bool { return c.By == "somebody at b" })
	if left := time.Until(c.Until); left < 50*time.Minute {
		t.Errorf("it is open for %v", left)
	}
}

// Many begin at once: one table, one entry, every write counted.
func TestEverybodyWritesAtOnce(t *testing.T) {
	to := pgtest.Database(t)
	const engines, writes = 6, 5
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range engines {
		left := writes
		changed := make(chan struct{}, 1)
		finished := make(chan struct{})
		all.Go(func() {
			own, stop := context.WithCancel(ctx)
			defer stop()
			go func() { <-finished; stop() }()
			err := Follow(own, Config{
				Key: "counter", Changed: changed,
				Endpoint: func() (pg.Endpoint, error) { return to, nil },
				Settle: func(e *Entry) ([]byte, error) {
					n := 0
					if e != nil {
						n, _ = strconv.Atoi(string(e.Value))
					}
					return fmt.Append(nil, n+1), nil
				},
				Agreed: func(Entry) (bool, error) {
					if left--; left == 0 {
						close(finished)
						return false, nil
					}
					return true, nil
				},
				Connected: func(error) {},
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	cancel()
	if got := pgtest.Query(t, to, "select version || ' ' || value from syndicate_shared"); got != fmt.Sprint(engines*writes, " ", engines*writes) {
		t.Errorf("the table has %s", got)
	}
}

func TestWhatCannotBeReadEndsIt(t *testing.T) {
	to := pgtest.Database(t)
	want := errors.New("nonsense")
	err := Follow(t.Context(), Config{
		Key: "x", Endpoint: func() (pg.Endpoint, error) { return to, nil },
		Settle: func(*Entry) ([]byte, error) { return nil, want }, Connected: func(error) {},
	})
	if !errors.Is(err, want) {
		t.Errorf("got %v", err)
	}
}
