package engine

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/syndicate/syndicate/spec"
)

// TestRestartCountsOnceItWasReady: start counts until the first readiness,
// and from then on restart does, also while the unit starts again.
func TestRestartCountsOnceItWasReady(t *testing.T) {
	p := service("service.a")
	p.first.Attempts, p.restart.Limit = 1, 2
	b := newBench(t, p)
	b.ready(0)
	b.crash(0)
	b.expect("starting")
	b.crash(0) // before it is ready: with start alone this would be the end
	b.wait(0)
	b.expect("starting")
	b.crash(0)
	b.expect("failed")
	if want := "exit status 1; gave up after 2 restarts within 1m"; b.m.units[0].cause != want {
		t.Errorf("cause is %q, want %q", b.m.units[0].cause, want)
	}
}

// TestNoLimitForWhatLiesOutside: where the disk is full no number of attempts
// helps, and none is too many.
func TestNoLimitForWhatLiesOutside(t *testing.T) {
	p := service("service.a")
	p.restart.Limit = 1
	b := newBench(t, p)
	b.ready(0)
	full := Outcome{Err: errors.New("no space left"), Exit: "exit status 1", Outside: true}
	for range 9 {
		b.end(0, full)
		if b.m.units[0].state == Backoff {
			b.wait(0)
		}
		b.expect("starting")
	}
	if next, longest := backoff(p.restart.Backoff, b.m.units[0].streak, 0.5), p.restart.Backoff.MaxDelay.Std(); next != longest {
		t.Errorf("the next attempt comes after %s, and not after %s", next, longest)
	}
}

// TestAgainAfterTheStartWasGivenUp begins the attempts anew, as often as that
// takes.
func TestAgainAfterTheStartWasGivenUp(t *testing.T) {
	p := service("service.a")
	p.critical, p.first.Attempts, p.restart.AgainAfter = false, 2, spec.Duration(10*time.Minute)
	b := newBench(t, p)
	for range 3 {
		b.crash(0)
		b.wait(0)
		b.crash(0)
		b.expect("failed")
		if next := b.m.units[0].nextAt; next.Sub(b.now) != 10*time.Minute {
			t.Fatalf("the next attempt comes in %s", next.Sub(b.now))
		}
		b.now = b.m.units[0].nextAt
		b.send(evTimer{0, b.m.units[0].timer})
		b.expect("starting")
	}
	b.ready(0)
	b.expect("ready")
}

// TestNoAgainAfterAnEndForGood: what must not be tried again is not, however
// long ago it was given up.
func TestNoAgainAfterAnEndForGood(t *testing.T) {
	never := service("service.never")
	never.critical, never.restart.On, never.restart.AgainAfter = false, "never", spec.Duration(time.Minute)
	missing := service("service.missing")
	missing.critical, missing.restart.AgainAfter = false, spec.Duration(time.Minute)
	b := newBench(t, never, missing)
	b.ready(0)
	b.crash(0)
	b.end(1, Outcome{Err: errors.New("no such file"), Permanent: true})
	b.expect("failed failed")
	for i, u := range b.m.units {
		if !u.nextAt.IsZero() {
			t.Errorf("unit %d is tried again at %s", i, u.nextAt)
		}
	}
}

// TestTheLimitIsASlidingWindow counts the restarts of the last minute only.
func TestTheLimitIsASlidingWindow(t *testing.T) {
	p := service("service.a")
	p.restart.Limit = 2
	b := newBench(t, p)
	for range 6 {
		b.ready(0)
		b.now = b.now.Add(31 * time.Second)
		b.crash(0)
		if b.m.units[0].state == Backoff {
			b.wait(0)
		}
		b.expect("starting")
	}
}

// TestDegradedFail has a failure of what is not critical undo the first start,
// and leave a running system alone.
func TestDegradedFail(t *testing.T) {
	for _, later := range []bool{false, true} {
		p := service("service.a")
		p.critical, p.first.Attempts, p.restart.On = false, 1, "never"
		b := newBench(t, p, service("service.b"))
		b.m.failDegraded = true
		b.ready(1)
		if later {
			b.ready(0)
		}
		b.crash(0)
		if later {
			b.expect("failed ready")
			if state, _ := b.m.systemState(); state != SystemDegraded {
				t.Errorf("the system is %s", state)
			}
			continue
		}
		b.expect("failed stopping")
		if b.m.failure == "" {
			t.Error("it was no failure of up")
		}
	}
}

// TestDependentsRestartAsDeclared kills a dependency: one dependent runs on,
// the other restarts once the dependency is ready again.
func TestDependentsRestartAsDeclared(t *testing.T) {
	tr := newTrial(t)
	tr.service("db", "http", withHTTP)
	tr.service("keeps", "sh:exec sleep 1000", nil)
	tr.service("follows", "sh:exec sleep 1000", func(s *spec.Service) { s.OnDependencyRestart = "restart" })
	db := addrOf(spec.KindService, "db")
	tr.edge(addrOf(spec.KindService, "follows"), db, "ready")
	tr.edge(addrOf(spec.KindService, "keeps"), db, "ready")
	tr.up()
	tr.until("service.keeps", Ready, 1)
	tr.until("service.follows", Ready, 1)
	before := tr.status("service.keeps").PID
	if err := syscall.Kill(tr.status("service.db").PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	back := tr.until("service.db", Ready, 2)
	ev := tr.until("service.follows", Stopping, 1)
	if ev.Cause != "service.db came back" || ev.Time.Before(back.Time) {
		t.Errorf("%q at %s, and the database was back at %s", ev.Cause, ev.Time, back.Time)
	}
	tr.until("service.follows", Ready, 2)
	if got := tr.status("service.keeps"); got.PID != before || got.Restarts != 0 {
		t.Errorf("what keeps running was restarted: %+v", got)
	}
}
