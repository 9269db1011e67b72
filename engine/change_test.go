package engine

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// declared is a definition of a unit, as an apply hands it over.
func declared(version string, p policy) *member {
	p.digest, p.runDigest, p.why = version, version, "it changed"
	return &member{policy: p, kind: "service"}
}

// newTown returns a bench whose units are all ready or completed.
func newTown(t *testing.T, members ...*member) *bench {
	t.Helper()
	b := &bench{t: t, m: newMachine(members, func() float64 { return 0.5 }), now: time.Unix(1000, 0)}
	b.send(evBegin{})
	for i := range members {
		b.arrive(i)
	}
	if b.m.phase != phaseRunning {
		t.Fatalf("up has not settled: %s", b.states())
	}
	return b
}

// arrive has a run get to where it is meant to.
func (b *bench) arrive(i int) {
	b.t.Helper()
	if b.m.units[i].oneShot {
		b.end(i, Outcome{Clean: true})
		return
	}
	b.ready(i)
}

// apply declares something, and returns the operation.
func (b *bench) apply(op *operation, members ...*member) *operation {
	b.t.Helper()
	b.send(evApply{op: op, members: members})
	return op
}

// stopped ends a run that was asked to end.
func (b *bench) stopped(i int) {
	b.t.Helper()
	if u := b.m.units[i]; u.state != Stopping {
		b.t.Fatalf("%s is %s, not stopping", u.id, u.state)
	}
	b.end(i, Outcome{Err: errStopped, Exit: "signal: terminated"})
}

// over reports whether an operation has ended.
func (b *bench) over(op *operation) bool {
	for _, eff := range b.all {
		if e, ok := eff.(opEnded); ok && e.op == op {
			return true
		}
	}
	return false
}

func undoable() *operation {
	op := newOperation()
	op.undo = true
	return op
}

// takeBack declares what was in force before.
func (b *bench) takeBack(before []*member) *operation {
	b.t.Helper()
	op := newOperation()
	op.back = newOperation()
	var members []*member
	for _, d := range before {
		again := *d
		members = append(members, &again)
	}
	return b.apply(op, members...)
}

func on(unit int) need { return need{unit: unit, condition: "ready"} }

// What needed the other is needed by it now, and the change is not through
// when everything is to stop.
func TestAShutdownAmidAReversalEnds(t *testing.T) {
	b := newTown(t, declared("1", service("service.a")), declared("1", service("service.b", on(0))))
	b.apply(newOperation(), declared("2", service("service.b")), declared("2", service("service.a", on(0))))
	b.expect("ready stopping")
	b.send(evStop{cause: "the end"})
	b.stopped(1)
	b.stopped(0)
	b.expect("stopped stopped")
	if b.m.phase != phaseDone {
		t.Error("the shutdown is not over")
	}
}

// Both need the other's place, besides.
func TestAReversalOfUnitsThatSwapPortsEnds(t *testing.T) {
	at := func(claim string, p policy) policy { p.claims = []string{claim}; return p }
	b := newTown(t, declared("1", at("port 1", service("service.a"))), declared("1", at("port 2", service("service.b", on(0)))))
	op := b.apply(newOperation(), declared("2", at("port 1", service("service.b"))), declared("2", at("port 2", service("service.a", on(0)))))
	b.stopped(1)
	b.stopped(0)
	b.ready(1)
	b.ready(0)
	b.expect("ready ready")
	if !b.over(op) {
		t.Error("the change is not over")
	}
}

// A unit that is just being stopped, for a successor that is not to be after
// all, has not failed.
func TestAStopThatIsTakenBackIsNoFailure(t *testing.T) {
	never := service("service.slow")
	never.restart.On = "never"
	for name, change := range map[string][]*member{
		"replaced": {declared("2", service("service.bad")), declared("2", never)},
		"removed":  {declared("2", service("service.bad"))},
	} {
		t.Run(name, func(t *testing.T) {
			before := []*member{declared("1", service("service.bad")), declared("1", never)}
			b := newTown(t, before...)
			op := b.apply(undoable(), change...)
			b.stopped(0)
			b.end(0, Outcome{Err: errors.New("no such file"), Permanent: true})
			b.expect("failed stopping")
			if !b.over(op) {
				t.Fatal("the change is not over")
			}
			back := b.takeBack(before)
			b.stopped(1)
			b.expect("starting starting")
			b.ready(0)
			b.ready(1)
			if !b.over(back) || len(back.failures) > 0 {
				t.Errorf("taking it back did not go well: %v", back.failures)
			}
		})
	}
}

// What is replaced leaves its dependents alone, also where it cannot wait for
// its turn, since something that it needed is removed.
func TestWhoNeedsWhatIsReplacedRunsOn(t *testing.T) {
	b := newTown(t, declared("1", service("service.base")), declared("1", service("service.api", on(0))), declared("1", service("service.web", on(1))))
	op := b.apply(newOperation(), declared("2", service("service.api")), declared("1", service("service.web", on(0))))
	b.expect("ready stopping ready")
	b.stopped(1)
	b.expect("stopping starting ready")
	b.stopped(0)
	b.ready(1)
	if !b.over(op) || b.m.units[1].state != Ready || b.m.units[2].state != Ready {
		t.Error("the change is not over")
	}
}

// What a unit that follows is to restart for is awaited by what starts: it
// would restart as well.
func TestWhoStartsWaitsForWhatIsAboutToRestart(t *testing.T) {
	b := newTown(t, declared("1", service("service.db")), declared("1", follows("service.api", on(0))))
	op := b.apply(newOperation(), declared("2", service("service.db")), declared("1", follows("service.api", on(0))),
		declared("1", follows("service.web", on(1))))
	b.expect("stopping ready pending")
	if got := b.m.waitingFor(b.m.units[2]); !slices.Equal(got, []string{"service.api restarted"}) {
		t.Errorf("web waits for %q", got)
	}
	b.stopped(0)
	b.ready(0)
	b.expect("ready stopping pending")
	b.stopped(1)
	b.ready(1)
	b.expect("ready ready starting")
	b.ready(2)
	if !b.over(op) {
		t.Error("the change is not over")
	}
}

// A change is not over while something stops because of it.
func TestAChangeWaitsForWhatStopsOfAHold(t *testing.T) {
	b := newTown(t, declared("1", service("service.db")), declared("1", service("service.api")))
	b.send(evCommand{op: newOperation(), verb: verbStop, units: []string{"service.db"}, why: heldPrefix + "by a test"})
	b.stopped(0)
	op := b.apply(newOperation(), declared("1", service("service.db")), declared("1", service("service.api", on(0))))
	b.expect("stopped stopping")
	if b.over(op) {
		t.Error("the change is over, and api has not stopped")
	}
	b.stopped(1)
	b.expect("stopped blocked")
	if !b.over(op) {
		t.Error("the change is not over")
	}
}

// What fails after the change has, and before it is taken back, is part of
// what is taken back.
func TestASecondFailureDoesNotPreventTakingBack(t *testing.T) {
	before := []*member{declared("1", service("service.a")), declared("1", service("service.b"))}
	b := newTown(t, before...)
	b.m.stopOnFail = true
	b.send(evApply{op: undoable(), members: []*member{declared("2", service("service.a")), declared("2", service("service.b"))}, settings: settings{stopOnFail: true}})
	b.stopped(0)
	b.stopped(1)
	b.end(0, Outcome{Err: errors.New("no such file"), Permanent: true})
	b.end(1, Outcome{Err: errors.New("no such file"), Permanent: true})
	b.expect("failed failed")
	if b.m.phase != phaseRunning || b.m.failure != "" {
		t.Fatalf("the system stops, since %q", b.m.failure)
	}
	b.takeBack(before)
	b.ready(0)
	b.ready(1)
	b.expect("ready ready")
}

// What was removed comes back as it was: held by who held it, and done where
// it was done.
func TestWhatIsRemovedComesBackAsItWas(t *testing.T) {
	task := service("task.once")
	task.oneShot = true
	before := []*member{
		declared("1", service("service.bad")), declared("1", task), declared("1", service("service.held")),
	}
	b := newTown(t, before...)
	b.send(evCommand{op: newOperation(), verb: verbStop, units: []string{"service.held"}, why: "stopped by root"})
	b.stopped(2)
	b.expect("ready completed stopped")
	op := b.apply(undoable(), declared("2", service("service.bad")))
	b.stopped(0)
	b.end(0, Outcome{Err: errors.New("no such file"), Permanent: true})
	if !b.over(op) {
		t.Fatal("the change is not over")
	}
	b.takeBack(before)
	b.ready(0)
	b.expect("ready completed stopped")
	if by := b.m.units[2].held; by != "stopped by root" {
		t.Errorf("it is held by %q", by)
	}
	for _, eff := range b.all {
		if d, ok := eff.(dropped); ok {
			t.Errorf("%s was dropped", d.member.id)
		}
	}
}

// A unit that is removed for good is dropped before its change is over.
func TestWhatIsRemovedIsDropped(t *testing.T) {
	for _, op := range []*operation{newOperation(), undoable()} {
		b := newTown(t, declared("1", service("service.a")), declared("1", service("service.b", on(0))))
		b.apply(op, declared("1", service("service.c")))
		b.stopped(1)
		b.stopped(0)
		b.ready(2)
		var got []string
		for _, eff := range b.all {
			switch eff := eff.(type) {
			case dropped:
				got = append(got, eff.member.id)
			case opEnded:
				got = append(got, "end")
			}
		}
		if len(got) != 3 || got[2] != "end" {
			t.Errorf("what ended: %v", got)
		}
		if len(b.m.order) != 1 || len(b.m.byID) != 1 {
			t.Errorf("what is left: %v", b.m.byID)
		}
	}
}

// The failure that ends a system is the one that it tells of.
func TestTheLatestFailureIsTheOneThatIsTold(t *testing.T) {
	b := newTown(t, declared("1", service("service.a")), declared("1", service("service.b")))
	b.end(0, Outcome{Err: errors.New("first"), Permanent: true})
	b.m.stopOnFail = true
	b.end(1, Outcome{Err: errors.New("second"), Permanent: true})
	if want := "service.b failed: second"; b.m.cause != want {
		t.Errorf("it stops since %q, want %q", b.m.cause, want)
	}
}

// Nothing waits without status saying what for.
func TestWhoWaitsForAPlaceSaysSo(t *testing.T) {
	members := membersOf([]policy{service("service.a"), service("service.b")})
	b := &bench{t: t, m: newMachine(members, func() float64 { return 0.5 }), now: time.Unix(1000, 0)}
	b.m.parallelism = 1
	b.send(evBegin{})
	b.expect("starting pending")
	if got := b.m.waitingFor(b.m.units[1]); len(got) != 1 || got[0] != "another start to end (parallelism = 1)" {
		t.Errorf("it waits for %q", got)
	}
}

// A unit that had kept its place, and can no longer start, gives it to those
// who wait for one. Nothing else would happen then that has them looked at.
func TestAPlaceThatIsGivenBackIsTaken(t *testing.T) {
	db := func() *member { return declared("1", service("service.db")) }
	api := func(version string) *member {
		return declared(version, service("service.api", need{unit: 0, condition: "ready"}))
	}
	b := newTown(t, db(), api("1"))
	b.apply(newOperation(), db(), api("2"))
	b.m.parallelism = 1
	b.expect("ready stopping")
	b.crash(0)
	b.expect("pending stopping")
	b.stopped(1)
	b.expect("starting pending")
}

// What cannot start says so, too, while what it needs has yet to stop.
func TestWhoIsBlockedByAStopToComeSaysSo(t *testing.T) {
	b := newTown(t, declared("1", service("service.db")),
		declared("1", service("service.api", need{unit: 0, condition: "ready"})),
		declared("1", service("service.web", need{unit: 0, condition: "ready"})))
	b.end(2, Outcome{Err: errors.New("exit status 1"), Permanent: true})
	b.send(evCommand{op: newOperation(), verb: verbStop, units: []string{"service.db"}, why: heldPrefix + "by a test"})
	b.expect("ready stopping blocked")
	if got := b.m.waitingFor(b.m.units[2]); !slices.Equal(got, []string{"service.db ready"}) {
		t.Errorf("web waits for %q", got)
	}
}

// One that is to stop and does not yet says whose end it waits for.
func TestWhoStopsLaterSaysAfterWhom(t *testing.T) {
	b := newTown(t, declared("1", service("service.base")), declared("1", service("service.top", need{unit: 0, condition: "ready"})))
	b.send(evStop{cause: "Ctrl-C"})
	b.expect("ready stopping")
	if got := b.m.waitingFor(b.m.units[0]); !slices.Equal(got, []string{"service.top stopped"}) {
		t.Errorf("base waits for %q", got)
	}
	if got := b.m.waitingFor(b.m.units[1]); len(got) != 0 {
		t.Errorf("top waits for %q", got)
	}
	b.end(1, Outcome{})
	b.expect("stopping stopped")
	if got := b.m.waitingFor(b.m.units[0]); len(got) != 0 {
		t.Errorf("base waits for %q", got)
	}
}

// An event has the exit of the run that ended, and of no other.
func TestOnlyAnEndHasAnExit(t *testing.T) {
	b := newTown(t, declared("1", service("service.a")))
	b.crash(0)
	b.ready(0)
	b.send(evHealth{0, b.m.units[0].run, "no answer"})
	var exits []string
	for _, eff := range b.all {
		if c, ok := eff.(changed); ok && c.exit != "" {
			exits = append(exits, string(c.from)+" "+string(c.to)+" "+c.exit)
		}
	}
	if len(exits) != 1 || exits[0] != "ready pending exit status 1" {
		t.Errorf("exits are %q", exits)
	}
}

// A failed rerun that is taken back leaves done what was done, unless it has
// spoiled that.
func TestWhatWasDoneStandsWhenARerunFails(t *testing.T) {
	for spoiled, want := range map[bool]string{false: "completed ready", true: "failed ready"} {
		migrations := service("database.main.migrations")
		migrations.oneShot = true
		before := []*member{declared("1", migrations), declared("1", service("service.api", need{unit: 0, condition: "completed"}))}
		b := newTown(t, before...)
		pending := declared("1", migrations)
		pending.rerun = true
		op := b.apply(undoable(), pending, declared("1", service("service.api", need{unit: 0, condition: "completed"})))
		b.expect("starting ready")
		b.end(0, Outcome{Err: errors.New("syntax error"), Permanent: true, Spoiled: spoiled})
		if !b.over(op) || !op.grave {
			t.Fatal("the change has not failed")
		}
		if back := b.takeBack(before); !b.over(back) {
			t.Fatal("taking it back is not over")
		}
		b.expect(want)
	}
}

// Under degraded = "fail" a change fails with what it concerns, and with
// nothing else.
func TestAnOperationFailsOfWhatItConcerns(t *testing.T) {
	lesser := service("service.lesser")
	lesser.critical = false
	b := newTown(t, declared("1", lesser), declared("1", service("service.b")))
	b.m.failDegraded, b.m.stopOnFail = true, true
	op := newOperation()
	b.send(evCommand{op: op, verb: verbRestart, units: []string{"service.b"}, why: "restarted by root"})
	b.end(0, Outcome{Err: errors.New("no such file"), Permanent: true})
	b.stopped(1)
	b.ready(1)
	b.expect("failed ready")
	if !b.over(op) || op.grave || b.m.failure != "" {
		t.Errorf("the operation ended as %+v, the system as %q", op, b.m.failure)
	}
}

// Of what is replaced no more stands still than may start at a time.
func TestParallelismBoundsWhatIsReplaced(t *testing.T) {
	b := newTown(t, declared("1", service("service.a")), declared("1", service("service.b")), declared("1", service("service.c")))
	op := newOperation()
	b.send(evApply{op: op, settings: settings{parallelism: 1}, members: []*member{
		declared("2", service("service.a")), declared("2", service("service.b")), declared("2", service("service.c")),
	}})
	b.expect("stopping ready ready")
	if got := b.m.waitingFor(b.m.units[1]); len(got) != 1 || got[0] != "another start to end (parallelism = 1)" {
		t.Errorf("it waits for %q", got)
	}
	b.stopped(0)
	b.expect("starting ready ready")
	b.ready(0)
	b.expect("ready stopping ready")
	b.stopped(1)
	b.crash(1) // a backoff takes no place
	b.expect("ready backoff stopping")
	b.stopped(2)
	b.ready(2)
	b.wait(1)
	b.ready(1)
	b.expect("ready ready ready")
	if !b.over(op) {
		t.Error("the change is not over")
	}
}
