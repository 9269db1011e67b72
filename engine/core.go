package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/syndicate/syndicate/engine/event"
	"github.com/syndicate/syndicate/plan"
)

// Result is how a life of a system ended.
type Result struct {
	// Settled is whether everything was started, or failed, once.
	Settled bool
	// Failure is why the system failed, empty where it did not.
	Failure string
	// Cause is why it stopped.
	Cause string
	// Degraded lists what had failed when it stopped.
	Degraded []string
}

// work is what a unit does between its start and its end.
type work interface {
	// run makes one attempt. It reports through a, and returns once nothing
	// of what it started is left; when ctx ends it stops in good order, and
	// quickly once a.hurry is closed.
	run(ctx context.Context, a *attempt) Outcome
}

// attempt is one run of a unit, as its work sees it. Its functions may be
// called from any goroutine until run returns.
type attempt struct {
	number  int // of the run, from 1
	hurry   <-chan struct{}
	started func(pid int)
	ready   func()
	health  func(problem string)
	// note says what is wrong about a unit that is ready nevertheless, and
	// degrades the system; empty where nothing is any more.
	note func(text string)
}

// member is a unit with its work.
type member struct {
	policy
	kind string
	work work
	port int
	url  string
	// declared is the definition as plans compare it.
	declared plan.RunningUnit
	// adopt puts what of the definition can be changed in place in force for
	// work of the same kind and run digest, also for a run under way. Nil is
	// nothing.
	adopt func(work)
}

// core runs members as their machine decides. It knows nothing of what they
// do.
type core struct {
	machine *machine
	watch   watcher

	inbox   chan any
	done    chan struct{} // closed when the loop has ended
	hurry   chan struct{}
	once    sync.Once
	runs    sync.WaitGroup
	cancels map[int]context.CancelCauseFunc // of live runs, by their number
	// stopping ends when the system begins to stop for good.
	stopping context.Context
	halt     context.CancelFunc
	since    time.Time
	health   Health // as it was reported last
	untold   int    // transitions since the watcher was told how everything is
	// version counts what was sent and what was handled: while it is as it
	// was, everything is as it was seen.
	version atomic.Uint64
	seen    atomic.Pointer[table]
	end     *table // how everything was in the end; set once the loop is over
}

// watcher is told by the loop what happens, in order. It must not block.
type watcher struct {
	observe func(event.Event)
	settled func(Health, string)
	held    func(unit, by string) // a person's hold begins or, with "", ends
	ended   func(*operation)
	// completed is told that a one-shot unit has, with its run digest.
	completed func(unit, runDigest string)
	// seen is told how everything is: see snapshotDue.
	seen func(Health, string, []UnitStatus)
}

func (w *watcher) defaults() {
	if w.observe == nil {
		w.observe = func(event.Event) {}
	}
	if w.settled == nil {
		w.settled = func(Health, string) {}
	}
	if w.held == nil {
		w.held = func(string, string) {}
	}
	if w.ended == nil {
		w.ended = func(*operation) {}
	}
	if w.completed == nil {
		w.completed = func(string, string) {}
	}
	if w.seen == nil {
		w.seen = func(Health, string, []UnitStatus) {}
	}
}

// errStopped is the cause that a run's context ends with.
var errStopped = errors.New("stopped")

// newCore takes members whose needs count among them.
func newCore(members []*member, w watcher) *core {
	w.defaults()
	stopping, halt := context.WithCancel(context.Background())
	return &core{
		stopping: stopping, halt: halt,
		machine: newMachine(members, rand.Float64),
		watch:   w,
		inbox:   make(chan any, 64),
		done:    make(chan struct{}),
		hurry:   make(chan struct{}),
		cancels: map[int]context.CancelCauseFunc{},
	}
}

// run starts everything and returns once everything has stopped: when ctx
// ends, when something critical failed, or when stop is called.
func (c *core) run(ctx context.Context) Result {
	defer close(c.done)
	defer c.halt()
	c.since = time.Now()
	c.handle(evBegin{})
	stop := ctx.Done()
	for c.machine.phase != phaseDone {
		select {
		case ev := <-c.inbox:
			c.handle(ev)
		case <-stop:
			stop = nil
			c.cancelled(context.Cause(ctx))
		}
	}
	c.runs.Wait()
	c.end = c.look()
	return c.result()
}

// cancelled stops everything since the context of run has ended.
func (c *core) cancelled(cause error) {
	by := ""
	if asked, ok := errors.AsType[*Asked](cause); ok {
		by = asked.By
	}
	if by != "" && c.machine.phase < phaseStopping {
		c.watch.observe(event.Event{Time: time.Now(), Kind: event.Command, To: "down", Actor: by})
	}
	c.handle(evStop{cause.Error(), by})
}

// handle takes one message: a question is answered, an event goes to the
// machine and its effects are carried out.
func (c *core) handle(ev any) {
	if ask, ok := ev.(func()); ok {
		ask()
		return
	}
	c.version.Add(1)
	if ended, ok := ev.(evEnded); ok {
		delete(c.cancels, ended.run)
	}
	now := time.Now()
	due := false
	for _, eff := range c.machine.handle(now, ev) {
		switch eff := eff.(type) {
		case startRun:
			c.start(eff)
		case stopRun:
			c.cancels[eff.run](fmt.Errorf("%w: %s", errStopped, eff.cause))
		case setTimer:
			time.AfterFunc(eff.at.Sub(now), func() { c.send(evTimer{eff.unit, eff.seq}) })
		case changed:
			c.report(now, eff)
			c.untold++
		case upSettled:
			c.watch.settled(c.machine.systemState())
			due = true
		case heldChanged:
			c.watch.held(eff.id, strings.TrimPrefix(eff.by, heldPrefix))
		case dropped:
			if eff.held != "" {
				c.watch.observe(event.Event{
					Time: now, Kind: event.Notice, Unit: eff.member.id, UnitKind: eff.member.kind, To: "held",
					Cause: "no longer declared, and " + eff.held + ": that counts when it is declared again, until start",
				})
			}
		case opEnded:
			c.watch.ended(eff.op)
			due = true
		}
	}
	if c.machine.phase >= phaseStopping {
		c.halt()
	}
	c.reportSystem(now)
	if _, begins := ev.(evBegin); begins || due || c.snapshotDue() {
		c.untold = 0
		state, cause := c.machine.systemState()
		units, _ := c.unitStatus()
		c.watch.seen(state, cause, units)
	}
}

// snapshotDue reports whether so much has happened since the watcher was told
// how everything is that it is to be told again. It is told at the beginning
// and at the end of each change besides: with the transitions since then, which
// it is told of in any case, it always knows. The more units there are, the
// rarer it is, so that it costs the same for each transition.
func (c *core) snapshotDue() bool {
	const least = 1000
	return c.untold >= max(least, 2*len(c.machine.order))
}

// ask has the loop answer a question. It reports whether the loop still runs.
func (c *core) ask(question func()) bool {
	answered := make(chan struct{})
	select {
	case c.inbox <- func() { question(); close(answered) }:
	case <-c.done:
		return false
	}
	select {
	case <-answered:
		return true
	case <-c.done:
		return false
	}
}

// definitions returns what is in force for each unit.
func (c *core) definitions() map[string]*member {
	found := map[string]*member{}
	c.ask(func() {
		for _, i := range c.machine.order {
			found[c.machine.units[i].id] = c.machine.units[i].member
		}
	})
	return found
}

// inForce returns the definitions in force, as an apply takes them: with
// needs that count among them.
func (c *core) inForce() []*member {
	var list []*member
	c.ask(func() {
		at := map[int]int{}
		for _, i := range c.machine.order {
			if u := c.machine.units[i]; !u.removal {
				d := *u.member
				d.rerun, d.inPlace, d.why = false, false, "what was declared before is back"
				at[i] = len(list)
				list = append(list, &d)
			}
		}
		for _, d := range list {
			var needs []need
			for _, n := range d.needs {
				if j, ok := at[n.unit]; ok {
					n.unit = j
					needs = append(needs, n)
				}
			}
			d.needs = needs
		}
	})
	return list
}

// running returns what runs, as plans compare it.
func (c *core) running() []plan.RunningUnit {
	var list []plan.RunningUnit
	c.ask(func() {
		list = make([]plan.RunningUnit, 0, len(c.machine.order))
		for _, i := range c.machine.order {
			u := c.machine.units[i]
			unit := u.declared
			unit.Listens = u.listens()
			unit.State, unit.Held, unit.WasReady = string(u.state), strings.TrimPrefix(u.held, heldPrefix), u.before
			list = append(list, unit)
		}
	})
	return list
}

// holds returns the holds of addresses that are no unit now.
func (c *core) holds() map[string]string {
	found := map[string]string{}
	c.ask(func() { found = c.kept() })
	return found
}

// send delivers a message to the loop, or drops it once the loop has ended.
func (c *core) send(ev any) {
	if _, ask := ev.(func()); !ask {
		c.version.Add(1)
	}
	select {
	case c.inbox <- ev:
	case <-c.done:
	}
}

// start begins a run in a goroutine of its own, which the core waits for.
func (c *core) start(eff startRun) {
	i, run := eff.unit, eff.run
	u := c.machine.units[i]
	work := u.work
	ctx, cancel := context.WithCancelCause(context.Background())
	c.cancels[run] = cancel
	a := &attempt{
		number:  u.runs,
		hurry:   c.hurry,
		started: func(pid int) { c.send(evStarted{i, run, pid}) },
		ready:   func() { c.send(evReady{i, run}) },
		health:  func(problem string) { c.send(evHealth{i, run, problem}) },
		note:    func(text string) { c.send(evNote{i, run, text}) },
	}
	c.runs.Go(func() {
		defer cancel(nil)
		c.send(evEnded{i, run, work.run(ctx, a)})
	})
}

// usual is why a unit goes to a state where nothing else is to be said of it.
var usual = map[State]string{
	Pending:   "it may start",
	Starting:  "all that it needs is there",
	Ready:     "its run is ready",
	Completed: "its run ended well",
}

// report tells the observer of a transition.
func (c *core) report(now time.Time, eff changed) {
	u := eff.unit
	ev := event.Event{
		Time: now, Kind: event.Transition, Unit: u.id, UnitKind: u.kind,
		From: string(eff.from), To: string(eff.to), Cause: cmp.Or(eff.cause, usual[eff.to]), Actor: eff.actor, Run: u.runs, Attempt: u.attempt,
		Restarts: u.restarts, Exit: eff.exit,
	}
	if !u.started.IsZero() {
		ev.Took = now.Sub(u.started)
	}
	if eff.to == Backoff {
		ev.Next = u.nextAt
	}
	c.watch.observe(ev)
	if eff.to == Completed {
		c.watch.completed(u.id, u.done)
	}
}

// reportSystem tells the observer of a change of the system as a whole.
func (c *core) reportSystem(now time.Time) {
	if !c.machine.healthMayDiffer() {
		return
	}
	state, cause := c.machine.systemState()
	if state == c.health {
		return
	}
	c.watch.observe(event.Event{Time: now, Kind: event.System, From: string(c.health), To: string(state), Cause: cause})
	c.health = state
}

// stop asks for the orderly end of everything. It does not wait.
func (c *core) stop(cause string) { c.send(evStop{cause: cause}) }

// quicken makes every stop, under way or to come, a quick one.
func (c *core) quicken() { c.once.Do(func() { close(c.hurry) }) }

// system returns the state of the system as a whole, and why it is that.
func (c *core) system() (state Health, cause string) {
	if c.ask(func() { state, cause = c.machine.systemState() }) {
		return state, cause
	}
	return c.end.state, c.end.cause
}

// result says how it went. Only the loop calls it.
func (c *core) result() Result {
	r := Result{
		Settled: c.machine.settled,
		Failure: c.machine.failure,
		Cause:   c.machine.cause,
	}
	for _, i := range c.machine.order {
		if u := c.machine.units[i]; u.state == Failed {
			r.Degraded = append(r.Degraded, fmt.Sprintf("%s failed: %s", u.id, u.cause))
		}
	}
	return r
}
