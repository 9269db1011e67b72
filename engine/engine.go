package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Event is one transition of a unit.
type Event struct {
	Time     time.Time
	Unit     string
	Kind     string
	From, To State
	Cause    string
	// Took is the time from the start of the run to this state.
	Took time.Duration
	// Attempt is the number of the attempt in the current series.
	Attempt int
	// Next is when the next attempt begins, for Backoff.
	Next time.Time
}

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
}

// member is a unit with its work.
type member struct {
	policy
	kind string
	work work
	port int
	url  string
}

// core runs members as their machine decides. It knows nothing of what they
// do. Observe and settled are called from the loop and must not block.
type core struct {
	members []member
	machine *machine
	observe func(Event)
	settled func(Health, string)

	inbox   chan any
	done    chan struct{} // closed when the loop has ended
	hurry   chan struct{}
	once    sync.Once
	runs    sync.WaitGroup
	cancels []context.CancelCauseFunc // by unit, of its live run
	since   time.Time
	last    []UnitStatus // after the loop
	final   Health
	why     string
}

// errStopped is the cause that a run's context ends with.
var errStopped = errors.New("stopped")

// newCore takes members in topological order.
func newCore(members []member, observe func(Event), settled func(Health, string)) *core {
	policies := make([]policy, len(members))
	for i, m := range members {
		policies[i] = m.policy
	}
	if observe == nil {
		observe = func(Event) {}
	}
	if settled == nil {
		settled = func(Health, string) {}
	}
	return &core{
		members: members,
		machine: newMachine(policies, rand.Float64),
		observe: observe,
		settled: settled,
		inbox:   make(chan any, 64),
		done:    make(chan struct{}),
		hurry:   make(chan struct{}),
		cancels: make([]context.CancelCauseFunc, len(members)),
	}
}

// run starts everything and returns once everything has stopped: when ctx
// ends, when something critical failed, or when stop is called.
func (c *core) run(ctx context.Context) Result {
	defer close(c.done)
	c.since = time.Now()
	c.handle(evBegin{})
	stop := ctx.Done()
	for c.machine.phase != phaseDone {
		select {
		case ev := <-c.inbox:
			c.handle(ev)
		case <-stop:
			stop = nil
			c.handle(evStop{cause: context.Cause(ctx).Error()})
		}
	}
	c.runs.Wait()
	c.last = c.unitStatus()
	c.final, c.why = c.machine.systemState()
	return c.result()
}

// handle takes one message: a question is answered, an event goes to the
// machine and its effects are carried out.
func (c *core) handle(ev any) {
	if ask, ok := ev.(func()); ok {
		ask()
		return
	}
	now := time.Now()
	for _, eff := range c.machine.handle(now, ev) {
		switch eff := eff.(type) {
		case startRun:
			c.start(eff)
		case stopRun:
			c.cancels[eff.unit](fmt.Errorf("%w: %s", errStopped, eff.cause))
		case setTimer:
			time.AfterFunc(eff.at.Sub(now), func() { c.send(evTimer{eff.unit, eff.seq}) })
		case changed:
			c.report(now, eff)
		case upSettled:
			c.settled(c.machine.systemState())
		}
	}
}

// send delivers a message to the loop, or drops it once the loop has ended.
func (c *core) send(ev any) {
	select {
	case c.inbox <- ev:
	case <-c.done:
	}
}

// start begins a run in a goroutine of its own, which the core waits for.
func (c *core) start(eff startRun) {
	i, run := eff.unit, eff.run
	ctx, cancel := context.WithCancelCause(context.Background())
	c.cancels[i] = cancel
	a := &attempt{
		number:  run,
		hurry:   c.hurry,
		started: func(pid int) { c.send(evStarted{i, run, pid}) },
		ready:   func() { c.send(evReady{i, run}) },
		health:  func(problem string) { c.send(evHealth{i, run, problem}) },
	}
	c.runs.Go(func() {
		defer cancel(nil)
		c.send(evEnded{i, run, c.members[i].work.run(ctx, a)})
	})
}

// report tells the observer of a transition.
func (c *core) report(now time.Time, eff changed) {
	u := c.machine.units[eff.unit]
	ev := Event{
		Time: now, Unit: u.id, Kind: c.members[eff.unit].kind,
		From: eff.from, To: eff.to, Cause: u.cause, Attempt: u.attempt,
	}
	if !u.started.IsZero() {
		ev.Took = now.Sub(u.started)
	}
	if eff.to == Backoff {
		ev.Next = u.next
	}
	c.observe(ev)
}

// stop asks for the orderly end of everything. It does not wait.
func (c *core) stop(cause string) { c.send(evStop{cause}) }

// quicken makes every stop, under way or to come, a quick one.
func (c *core) quicken() { c.once.Do(func() { close(c.hurry) }) }

// snapshot returns the state of the system and of all units at one moment.
func (c *core) snapshot() (Health, string, []UnitStatus) {
	type answer struct {
		state Health
		cause string
		units []UnitStatus
	}
	reply := make(chan answer, 1)
	ask := func() {
		state, cause := c.machine.systemState()
		reply <- answer{state, cause, c.unitStatus()}
	}
	select {
	case c.inbox <- ask:
		select {
		case a := <-reply:
			return a.state, a.cause, a.units
		case <-c.done:
		}
	case <-c.done:
	}
	return c.final, c.why, c.last
}

// unitStatus copies the state of all units. Only the loop calls it.
func (c *core) unitStatus() []UnitStatus {
	list := make([]UnitStatus, len(c.members))
	for i, u := range c.machine.units {
		m := &c.members[i]
		s := UnitStatus{
			ID: u.id, Kind: m.kind, State: u.state, Critical: u.critical,
			Since: u.since, ReadyAfter: u.readyIn, PID: u.pid,
			Port: m.port, URL: m.url,
			Attempt: u.attempt, Restarts: u.restarts,
			WaitingFor: c.machine.waitingFor(u),
			Cause:      u.cause, LastExit: u.lastExit,
		}
		if u.live {
			s.Started = u.started
		}
		if u.state == Backoff || u.state == Failed {
			s.Next = u.next
		}
		list[i] = s
	}
	return list
}

// result says how it went. Only the loop calls it.
func (c *core) result() Result {
	r := Result{
		Settled: c.machine.settled,
		Failure: c.machine.failure,
		Cause:   c.machine.cause,
	}
	for _, u := range c.machine.units {
		if u.state == Failed {
			r.Degraded = append(r.Degraded, fmt.Sprintf("%s failed: %s", u.id, u.cause))
		}
	}
	return r
}
