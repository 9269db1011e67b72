package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/syndicate/syndicate/engine/event"
	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
)

// Request is what Apply is asked to do.
type Request struct {
	System *spec.System
	// Ports chooses a number for each "auto" of the system when the turn has
	// come: see ChoosePorts, of which it gets the last two arguments. Nil:
	// those that there are.
	Ports func(running Ports, others map[int]bool) (Ports, error)
	// Plan makes the plan from what runs when the turn has come.
	Plan func(context.Context, *spec.System, *plan.Running) (*plan.Plan, error)
	// Expect is the digest that the plan must have; empty is whatever it is.
	Expect string
	// NoRollback leaves a change in force that failed.
	NoRollback bool
	// By says who asks, in words: "up by root (pid 4711)".
	By string
	// Waiting is told, once, whose turn it is; nil is silence.
	Waiting func(holder string, since time.Time)
	// Planned is told of the plan that is about to be carried out; nil is
	// silence.
	Planned func(*plan.Plan)
}

// Change is how an operation ended.
type Change struct {
	Plan *plan.Plan // of Apply
	// State is that of the system afterwards.
	State Health
	Cause string
	// Culprit is the unit that failed, if any did, and Failure why.
	Culprit, Failure string
	// Lines are the last ones that the culprit wrote.
	Lines []string
	// Grave is whether the failure is one of the whole system.
	Grave bool
	// RolledBack is whether the definitions of before are in force again,
	// and RollbackFailure why that did not go well.
	RolledBack      bool
	RollbackFailure string
	// Cancelled is why it ended before its end.
	Cancelled string
	// Holds is whether a hold began or ended.
	Holds bool
	// Lifted are the holds that a restart ended, in words.
	Lifted []string
	// Waited is how long it had to wait for its turn.
	Waited time.Duration
}

// ErrNotRunning is the error of an operation on a system that stops.
var ErrNotRunning = errors.New("the system is stopping")

// ErrMoved is the error of a plan that is no longer what was shown.
var ErrMoved = errors.New("what runs, or what is applied, has changed since the plan was made: nothing was done; plan again")

// Apply makes the running system what req declares: see the machine's apply.
// It returns when everything that changed has settled. Where something fails
// that the system cannot do without, what was declared before is put in force
// again, unless that is not wanted. A context that ends gives up the waiting
// for the turn and for the plan: a change that has begun comes to its end.
func (e *Engine) Apply(ctx context.Context, req Request) (Change, error) {
	if n := len(req.System.Unbuilt); n > 0 {
		return Change{}, fmt.Errorf("apply: %d declared features have no runtime in this version, first %s", n, req.System.Unbuilt[0].Name)
	}
	waited, err := e.turn(ctx, "up by "+req.By, req.Waiting)
	if err != nil {
		return Change{}, err
	}
	defer e.turns.end()
	running := e.Running()
	p, err := req.Plan(ctx, req.System, running)
	if err != nil {
		return Change{}, err
	}
	if req.Expect != "" && p.Digest != req.Expect {
		return Change{}, ErrMoved
	}
	if req.Planned != nil {
		req.Planned(p)
	}
	if p.Empty() && p.Running {
		change := e.changed(newOperation())
		change.Plan, change.Waited = p, waited
		return change, nil
	}
	ports := e.declared().ports
	if req.Ports != nil {
		if ports, err = req.Ports(maps.Clone(ports), p.Elsewhere(running)); err != nil {
			return Change{Plan: p}, err
		}
	}
	e.asked("", "up", req.By)
	op := newOperation()
	op.by = req.By
	op.undo, op.partial = !req.NoRollback, len(p.Targets) > 0
	defer e.closeLogs()
	before, was := e.core.inForce(), e.declared()
	if err := e.declare(op, declaration{req.System, ports, nil}, p); err != nil {
		return Change{Plan: p}, err
	}
	change := e.changed(op)
	change.Plan, change.Waited = p, waited
	if op.undo && op.grave && op.cancelled == "" {
		change.RolledBack = true
		change.RollbackFailure = e.rollBack(op, before, was)
		change.State, change.Cause = e.core.system()
	}
	return change, nil
}

// asked reports what somebody asked for. The loop does, so that events come
// one at a time and in order.
func (e *Engine) asked(unit, verb, by string) {
	e.core.ask(func() {
		e.observe(event.Event{Time: time.Now(), Kind: event.Command, Unit: unit, To: verb, Actor: by})
	})
}

// turn waits for the turn to change something, and says how long it had to.
func (e *Engine) turn(ctx context.Context, by string, waiting func(string, time.Time)) (waited time.Duration, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(e.core.stopping, func() { cancel(ErrNotRunning) })
	defer stop()
	begun, others := time.Now(), false
	err = e.turns.take(ctx, by, func(holder string, since time.Time) {
		others = true
		if waiting != nil {
			waiting(holder, since)
		}
	})
	if errors.Is(err, ErrNotRunning) {
		return 0, err
	}
	if err != nil {
		return 0, fmt.Errorf("wait for the turn: %w", err)
	}
	if e.core.stopping.Err() != nil {
		e.turns.end()
		return 0, ErrNotRunning
	}
	if others {
		waited = time.Since(begun)
	}
	return waited, nil
}

// declare puts a declaration in force and waits until that has settled.
func (e *Engine) declare(op *operation, d declaration, p *plan.Plan) error {
	was := e.declared()
	if op.partial {
		d = was.with(d, p)
	} else {
		d.settings = plan.Settings(d.system, e.cfg.Key)
	}
	e.site.declare(d.system, d.ports)
	running := e.core.definitions()
	members, err := e.members(d.system, p, running)
	if err != nil {
		e.site.declare(was.system, was.ports)
		return fmt.Errorf("apply: %w", err)
	}
	e.enforce(op, d, members)
	return nil
}

// with returns a declaration with what a plan takes from another one. The
// rest, and what concerns the system as a whole, is as it was.
func (d declaration) with(other declaration, p *plan.Plan) declaration {
	chosen := map[spec.Addr]bool{}
	for i := range p.Steps {
		chosen[p.Steps[i].Addr] = true
	}
	sys := *d.system
	sys.Services = blend(sys.Services, other.system.Services, chosen, func(s *spec.Service) spec.Addr { return s.Addr })
	sys.Tasks = blend(sys.Tasks, other.system.Tasks, chosen, func(t *spec.Task) spec.Addr { return t.Addr })
	sys.Databases = blend(sys.Databases, other.system.Databases, chosen, func(db *spec.Database) spec.Addr { return db.Addr })
	sys.Breakers = blend(sys.Breakers, other.system.Breakers, chosen, func(b *spec.Breaker) spec.Addr { return b.Addr })
	ports := Ports{}
	maps.Copy(ports, other.ports)
	maps.Copy(ports, d.ports)
	before := newBlocks(d.system)
	for i := range p.Steps {
		s := &p.Steps[i]
		gateway := plan.GatewayID(s.Addr)
		own := func(key string) bool { return (key == gateway) == (s.ID == gateway) } // server and gateway are a step each
		for _, key := range before.autoPorts(s.Addr) {
			if own(key) {
				delete(ports, key) // somebody else may have the number soon
			}
		}
		for _, key := range s.Ports {
			if own(key) {
				ports[key] = other.ports[key]
			}
		}
	}
	return declaration{&sys, ports, d.settings}
}

// blend returns the chosen blocks as they are in one list, and the others as
// they are in another, in order of address.
func blend[B any](others, from []B, chosen map[spec.Addr]bool, addr func(B) spec.Addr) []B {
	list := slices.DeleteFunc(slices.Clone(others), func(b B) bool { return chosen[addr(b)] })
	for _, b := range from {
		if chosen[addr(b)] {
			list = append(list, b)
		}
	}
	slices.SortFunc(list, func(a, b B) int { return addr(a).Compare(addr(b)) })
	return list
}

// enforce has the machine make members what there is.
func (e *Engine) enforce(op *operation, d declaration, members []*member) {
	e.mu.Lock()
	e.current = d
	e.mu.Unlock()
	running := e.core.definitions()
	for _, m := range members {
		if was := running[m.id]; m.adopt != nil && (was == nil || was.digest != m.digest || was.aims != m.aims) {
			m.adopt(m.work)
		}
	}
	e.perform(op, evApply{op: op, members: members, settings: settingsOf(d.system)})
}

// rollBack puts what was in force before a failed change in force again. It returns
// why that did not go well.
func (e *Engine) rollBack(failed *operation, before []*member, was declaration) string {
	op := newOperation()
	op.back, op.by = failed, failed.by
	e.site.declare(was.system, was.ports)
	e.enforce(op, was, before)
	return cmp.Or(e.site.redact.clean(op.why), op.cancelled)
}

// declared returns what is declared now.
func (e *Engine) declared() declaration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.current
}

// perform hands an operation to the loop and waits for its end, whoever else
// still does: an operation keeps the turn until it is over.
func (e *Engine) perform(op *operation, ev any) {
	done := make(chan struct{})
	e.mu.Lock()
	e.waits[op] = done
	e.mu.Unlock()
	e.core.send(ev)
	select {
	case <-done:
	case <-e.core.done:
		op.cancelled = "the system has stopped"
	}
}

// operationEnded is told by the loop.
func (e *Engine) operationEnded(op *operation) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if done := e.waits[op]; done != nil {
		close(done)
		delete(e.waits, op)
	}
}

// quotedLines are the last lines of a unit's log that a message quotes.
const quotedLines = 10

// changed says how an operation ended.
func (e *Engine) changed(op *operation) Change {
	state, cause := e.core.system()
	return Change{
		State: state, Cause: e.site.redact.clean(cause),
		Culprit: op.culprit, Failure: e.site.redact.clean(op.why), Grave: op.grave,
		Lines: e.Tail(op.culprit, quotedLines), Cancelled: op.cancelled, Holds: op.holds, Lifted: op.lifted,
	}
}

func settingsOf(sys *spec.System) settings {
	return settings{
		parallelism:  sys.Parallelism,
		failDegraded: sys.Degraded == "fail",
		stopOnFail:   sys.OnFailure == "stop",
	}
}

// Environ returns the base environment that this life began with.
func (e *Engine) Environ() []string { return slices.Clone(e.site.environ.list) }

// Running returns what runs, as plans compare it.
func (e *Engine) Running() *plan.Running {
	d := e.declared()
	return &plan.Running{Units: e.core.running(), Held: e.core.holds(), Settings: d.settings, Ports: d.ports}
}
