package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syndicate/syndicate/spec"
)

// bench drives a machine by hand: a clock that only advances when told, and
// no jitter.
type bench struct {
	t   *testing.T
	m   *machine
	now time.Time
	all []effect
}

func newBench(t *testing.T, policies ...policy) *bench {
	b := &bench{t: t, m: newMachine(membersOf(policies), func() float64 { return 0.5 }), now: time.Unix(1000, 0)}
	b.send(evBegin{})
	return b
}

func membersOf(policies []policy) []*member {
	var list []*member
	for _, p := range policies {
		list = append(list, &member{policy: p, kind: "service"})
	}
	return list
}

func (b *bench) send(ev any) {
	b.t.Helper()
	effects := b.m.handle(b.now, ev)
	b.all = append(b.all, effects...)
}

// end ends the live run of a unit.
func (b *bench) end(i int, out Outcome) {
	b.t.Helper()
	b.send(evEnded{i, b.m.units[i].run, out})
}

func (b *bench) ready(i int) { b.t.Helper(); b.send(evReady{i, b.m.units[i].run}) }

// crash ends a run with exit status 1.
func (b *bench) crash(i int) {
	b.t.Helper()
	b.end(i, Outcome{Err: errors.New("exit status 1"), Exit: "exit status 1"})
}

// wait returns how long a unit in backoff waits, and lets that time pass.
func (b *bench) wait(i int) time.Duration {
	b.t.Helper()
	u := b.m.units[i]
	if u.state != Backoff {
		b.t.Fatalf("%s is %s, not in backoff", u.id, u.state)
	}
	d := u.nextAt.Sub(b.now)
	b.now = u.nextAt
	b.send(evTimer{i, u.timer})
	return d
}

func (b *bench) states() string {
	var list []string
	for _, u := range b.m.units {
		list = append(list, string(u.state))
	}
	return strings.Join(list, " ")
}

func (b *bench) expect(want string) {
	b.t.Helper()
	if got := b.states(); got != want {
		b.t.Fatalf("states are %q, want %q", got, want)
	}
}

func service(id string, needs ...need) policy {
	return policy{
		id: id, critical: true, restartUnhealthy: true, needs: needs,
		first: spec.Start{Attempts: 3, Backoff: spec.DefaultBackoff},
		restart: spec.Restart{
			On: "always", Limit: 5, Within: spec.Duration(time.Minute), Backoff: spec.DefaultBackoff,
		},
	}
}

func TestStartAttemptsAreUsedUp(t *testing.T) {
	b := newBench(t, service("service.a"))
	b.crash(0)
	if d := b.wait(0); d != 250*time.Millisecond {
		t.Errorf("the second attempt came after %s", d)
	}
	b.crash(0)
	if d := b.wait(0); d != 500*time.Millisecond {
		t.Errorf("the third attempt came after %s", d)
	}
	b.crash(0)
	b.expect("failed")
	if want := "service.a failed: exit status 1 (attempt 3 of 3)"; b.m.failure != want {
		t.Errorf("failure is %q, want %q", b.m.failure, want)
	}
	if !slices.Contains(b.all, effect(allStopped{})) {
		t.Error("a critical failure during up did not end it")
	}
}

func TestRestartDelays(t *testing.T) {
	b := newBench(t, service("service.a"))
	b.ready(0)
	b.crash(0)
	b.expect("starting") // the first new attempt comes at once
	var waits []time.Duration
	for range 4 {
		b.ready(0)
		b.crash(0)
		waits = append(waits, b.wait(0))
	}
	want := []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second}
	if !slices.Equal(waits, want) {
		t.Errorf("waits are %v, want %v", waits, want)
	}
	b.ready(0)
	b.crash(0)
	b.expect("failed")
	if cause := b.m.units[0].cause; cause != "exit status 1; gave up after 5 restarts within 1m" {
		t.Errorf("cause is %q", cause)
	}
	if state, _ := b.m.systemState(); state != SystemFailed {
		t.Errorf("the system is %s", state)
	}
}

func TestHealthBeginsBackoffAnew(t *testing.T) {
	b := newBench(t, service("service.a"))
	for range 10 {
		b.ready(0)
		b.now = b.now.Add(2 * time.Minute)
		b.crash(0)
		b.expect("starting")
	}
}

func TestAgainAfterGivingUp(t *testing.T) {
	p := service("service.a")
	p.restart.Limit, p.restart.AgainAfter = 0, spec.Duration(10*time.Minute)
	b := newBench(t, p)
	b.ready(0)
	b.crash(0)
	b.expect("failed")
	b.now = b.m.units[0].nextAt
	b.send(evTimer{0, b.m.units[0].timer})
	b.expect("starting")
}

func TestRestartPolicies(t *testing.T) {
	tests := []struct {
		on   string
		out  Outcome
		want State
	}{
		{"always", Outcome{Err: errors.New("exit status 0"), Clean: true}, Starting},
		{"always", Outcome{Err: errors.New("exit status 1")}, Starting},
		{"failure", Outcome{Err: errors.New("exit status 0"), Clean: true}, Failed},
		{"failure", Outcome{Err: errors.New("exit status 1")}, Starting},
		{"never", Outcome{Err: errors.New("exit status 1")}, Failed},
		{"always", Outcome{Err: errors.New("no such file"), Permanent: true}, Failed},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %v", tt.on, tt.out), func(t *testing.T) {
			p := service("service.a")
			p.restart.On = tt.on
			b := newBench(t, p)
			b.ready(0)
			b.end(0, tt.out)
			if got := b.m.units[0].state; got != tt.want {
				t.Errorf("state is %s, want %s", got, tt.want)
			}
		})
	}
}

func TestADependentWaitsForTheConditionToHoldNow(t *testing.T) {
	db, api := service("service.db"), service("service.api", need{unit: 0, condition: "ready"})
	b := newBench(t, db, api)
	b.expect("starting pending")
	b.ready(0)
	b.ready(1)
	b.crash(0) // a dependency that restarts leaves its dependents alone
	b.expect("starting ready")
	b.crash(1) // but to start again it must be ready
	b.expect("starting pending")
	if got := b.m.waitingFor(b.m.units[1]); !slices.Equal(got, []string{"service.db ready"}) {
		t.Errorf("waits for %q", got)
	}
	b.ready(0)
	b.expect("ready starting")
	if u := b.m.units[1]; u.attempt != 1 {
		t.Errorf("waiting cost attempts: this is attempt %d", u.attempt)
	}
}

func TestBlockedDependents(t *testing.T) {
	cache := service("service.cache")
	cache.critical = false
	hard := service("service.hard", need{unit: 0, condition: "ready"})
	hard.critical = false
	soft := service("service.soft", need{unit: 0, condition: "ready", soft: true})
	b := newBench(t, cache, hard, soft)
	b.end(0, Outcome{Err: errors.New("no such file"), Permanent: true})
	b.expect("failed blocked starting")
	if cause := b.m.units[1].cause; cause != "needs service.cache, which failed" {
		t.Errorf("cause is %q", cause)
	}
	b.ready(2)
	if state, cause := b.m.systemState(); state != SystemDegraded || !strings.HasPrefix(cause, "service.cache is failed") {
		t.Errorf("the system is %s: %s", state, cause)
	}
}

func TestUnhealthyIsRestarted(t *testing.T) {
	b := newBench(t, service("service.a"))
	b.ready(0)
	b.send(evHealth{0, 1, "3 probes failed"})
	b.expect("stopping")
	b.end(0, Outcome{Exit: "signal: terminated"})
	b.expect("starting")
	if u := b.m.units[0]; u.restarts != 1 || u.run != 2 {
		t.Errorf("restarts %d, run %d", u.restarts, u.run)
	}
}

func TestUnhealthyWithRestartNeverComesBackByItself(t *testing.T) {
	p := service("service.a")
	p.restart.On = "never"
	b := newBench(t, p)
	b.ready(0)
	b.send(evHealth{0, 1, "3 probes failed"})
	b.expect("unhealthy")
	b.send(evHealth{0, 1, ""})
	b.expect("ready")
}

func TestRestartWithDependency(t *testing.T) {
	api := service("service.api", need{unit: 0, condition: "ready"})
	api.restartWithNeeds = true
	b := newBench(t, service("service.db"), api)
	b.ready(0)
	b.ready(1)
	b.crash(0)
	b.expect("starting ready")
	b.ready(0)
	b.expect("ready stopping")
	b.end(1, Outcome{Exit: "signal: terminated"})
	b.expect("ready starting")
	if w := b.m.units[1].window; len(w) != 0 {
		t.Errorf("the restart counts against the limit: %v", w)
	}
}

func TestLaterFailureOfACriticalUnit(t *testing.T) {
	for _, stop := range []bool{false, true} {
		t.Run(fmt.Sprintf("on_failure stop %v", stop), func(t *testing.T) {
			p := service("service.a")
			p.restart.On = "never"
			b := newBench(t, p, service("service.b"))
			b.m.stopOnFail = stop
			b.ready(0)
			b.ready(1)
			b.crash(0)
			if stop {
				b.expect("failed stopping")
				return
			}
			b.expect("failed ready")
			if state, _ := b.m.systemState(); state != SystemFailed {
				t.Errorf("the system is %s", state)
			}
		})
	}
}

func TestParallelismBoundsStarts(t *testing.T) {
	b := newBench(t)
	b.m = newMachine(membersOf([]policy{service("service.a"), service("service.b"), service("service.c")}), func() float64 { return 0 })
	b.m.parallelism = 2
	b.send(evBegin{})
	b.expect("starting starting pending")
	b.ready(0)
	b.expect("ready starting starting")
}

func TestStaleEventsAreIgnored(t *testing.T) {
	b := newBench(t, service("service.a"))
	b.ready(0)
	b.crash(0)
	b.expect("starting")
	b.send(evReady{0, 1})
	b.send(evHealth{0, 1, "late"})
	b.send(evEnded{0, 1, Outcome{Err: errors.New("late")}})
	b.expect("starting")
}

// Shutdown goes through what has already ended: the server stops after the
// service, although only a completed task stands between them.
func TestShutdownOrderGoesThroughCompletedTasks(t *testing.T) {
	seed := service("task.seed", need{unit: 0, condition: "ready"})
	seed.oneShot = true
	b := newBench(t, service("service.db"), seed, service("service.api", need{unit: 1, condition: "completed"}))
	b.ready(0)
	b.end(1, Outcome{Clean: true})
	b.ready(2)
	b.expect("ready completed ready")
	b.send(evStop{cause: "test"})
	b.expect("ready completed stopping")
	b.end(2, Outcome{})
	b.expect("stopping completed stopped")
	b.end(0, Outcome{})
	if !slices.Contains(b.all, effect(allStopped{})) {
		t.Error("the shutdown did not end")
	}
}

func TestBackoffIsBounded(t *testing.T) {
	for n := range 2000 {
		d := backoff(spec.DefaultBackoff, n, 0.999)
		if d < 0 || d > 36*time.Second {
			t.Fatalf("wait %d is %s", n, d)
		}
	}
}
