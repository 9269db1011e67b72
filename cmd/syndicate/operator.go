package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/api/server"
	"github.com/syndicate/syndicate/engine"
	"github.com/syndicate/syndicate/engine/event"
	"github.com/syndicate/syndicate/engine/store"
	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/spec/decode"
)

// operator changes a running system for the clients of its engine.
type operator struct {
	engine *engine.Engine
	home   *home
	bus    *event.Bus
	// journal has what happened, in this life and before.
	journal *store.Store
	settler settler
	// applied is told of what is declared now.
	applied func(*spec.System, *plan.Plan)

	mu    sync.Mutex
	asked *decode.Questions // guarded by mu: of the configuration applied last
}

// Questions implements server.Operator.
func (o *operator) Questions() api.Questions {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.asked == nil {
		return api.Questions{}
	}
	q := o.asked
	return api.Questions{
		Env: q.Env, Inherit: q.Inherit, Files: q.Files, Dirs: q.Dirs, Paths: q.Paths, Users: q.Users, Groups: q.Groups,
	}
}

// ask keeps what a configuration asked, nil where the next one is to be
// decoded by whoever brings it.
func (o *operator) ask(q *decode.Questions) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = q
}

// unsure answers a guess that is to be made good by decoding.
var unsure = api.Result{Outcome: api.OutcomeUnsure}

// errUnsure ends an operation with that answer.
var errUnsure = errors.New("the configuration is to be decoded by whoever brings it")

// Units implements server.Operator.
func (o *operator) Units() *plan.Running { return o.engine.Running() }

// Apply implements server.Operator.
func (o *operator) Apply(ctx context.Context, req server.ApplyRequest, progress func(api.Progress)) (api.Result, error) {
	defer unhurried()()
	o.settler.putOff()
	defer o.settler.settle()
	root := os.Geteuid() == 0
	decoded, diags := decode.Replay(req.Bundle, decode.Override{Environ: o.engine.Environ(), Superuser: &root})
	sys := decoded.System
	if !diags.HasErrors() {
		diags = append(diags, unbuilt(sys)...)
	}
	if req.Guess && len(diags) > 0 {
		o.ask(nil)
		return unsure, nil
	}
	if diags.HasErrors() {
		return api.Result{}, newRefusal(diags, decoded.Sources)
	}
	if sys.StateDir != o.home.lock.Dir() {
		return api.Result{}, fmt.Errorf("this configuration has its state in %s, and the system that was asked in %s", sys.StateDir, o.home.lock.Dir())
	}
	targets, err := parseTargets(req.Targets)
	if err != nil {
		return api.Result{}, err
	}
	o.ask(decoded.Questions)
	defer o.relay(ctx, progress)()
	change, err := o.engine.Apply(ctx, engine.Request{
		System: sys, NoRollback: req.NoRollback, By: req.Actor,
		Ports: func(running engine.Ports, others map[int]bool) (engine.Ports, error) {
			return o.home.portsFor(sys, false, running, others)
		},
		Plan: func(ctx context.Context, sys *spec.System, running *plan.Running) (*plan.Plan, error) {
			facts := surveyDatabases(ctx, sys, running, req.Offline)
			facts.Key, facts.Targets = o.home.key, targets
			p, diags := plan.Build(sys, facts)
			if diags.HasErrors() && req.Guess {
				return nil, errUnsure
			}
			if diags.HasErrors() {
				return nil, newRefusal(diags, decoded.Sources)
			}
			return p, nil
		},
		Expect:  req.PlanDigest,
		Waiting: tellTurn(progress),
		Planned: tellPlan(progress),
	})
	if errors.Is(err, errUnsure) {
		return unsure, nil
	}
	if err != nil {
		return api.Result{}, err
	}
	o.keep()
	if !change.RolledBack {
		o.applied(o.engine.System(), change.Plan)
	}
	return o.result(change, true), nil
}

// Command implements server.Operator.
func (o *operator) Command(ctx context.Context, req server.CommandRequest, progress func(api.Progress)) (api.Result, error) {
	defer o.relay(ctx, progress)()
	change, err := o.engine.Do(ctx, engine.Command{
		Verb: req.Verb, Units: req.Units, Args: req.Args, By: req.Actor, Waiting: tellTurn(progress),
	})
	if unknown, ok := errors.AsType[*engine.UnknownUnitError](err); ok {
		return api.Result{}, fmt.Errorf("%w%s", unknown, meant(unknown.Units[0], unknown.Known))
	}
	if err != nil {
		return api.Result{}, err
	}
	result := o.result(change, false)
	if err := o.keep(); err != nil && change.Holds {
		result.Unkept = err.Error()
	}
	return result, nil
}

// keepWait bounds how long an answer waits for the disk.
const keepWait = time.Second

// keep has what was asked for on disk before it is answered: a hold outlives
// the engine, whatever happens next. It returns why that could not be; the
// store tries again, and says so.
func (o *operator) keep() error {
	ctx, cancel := context.WithTimeout(context.Background(), keepWait)
	defer cancel()
	return o.journal.Flush(ctx)
}

// tellTurn tells a client whom it waits for.
func tellTurn(progress func(api.Progress)) func(string, time.Time) {
	return func(holder string, since time.Time) {
		progress(api.Progress{Turn: &api.Turn{Operation: holder, Since: since}})
	}
}

// tellPlan tells a client what is about to be done.
func tellPlan(progress func(api.Progress)) func(*plan.Plan) {
	return func(p *plan.Plan) {
		changes := *p
		changes.Steps = slices.DeleteFunc(slices.Clone(p.Steps), func(s plan.Step) bool { return s.Action == plan.Keep && s.Held == "" })
		if text, err := json.Marshal(&changes); err == nil {
			progress(api.Progress{Plan: text})
		}
	}
}

// relay hands transitions to a client until the function that it returns is
// called: those that were published before are handed over then.
func (o *operator) relay(ctx context.Context, progress func(api.Progress)) func() {
	sub := o.bus.Subscribe(0)
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	hand := func(ev event.Event) {
		if ev.Kind == event.Transition {
			wire := wireEvent(ev)
			progress(api.Progress{Event: &wire})
		}
	}
	go func() {
		defer close(done)
		for {
			ev, _, err := sub.Next(ctx)
			if err != nil {
				return
			}
			hand(ev)
		}
	}()
	return func() {
		cancel()
		<-done
		past, stop := context.WithCancel(context.Background())
		stop()
		for {
			ev, _, err := sub.Next(past)
			if err != nil {
				break
			}
			hand(ev)
		}
		sub.Close()
	}
}

// result says how an operation ended, on the wire.
func (o *operator) result(c engine.Change, apply bool) api.Result {
	r := api.Result{Outcome: api.OutcomeDone, Cause: c.Failure, Unit: c.Culprit, Lines: c.Lines, Lifted: c.Lifted, Waited: api.Seconds(c.Waited.Seconds())}
	switch {
	case c.Cancelled != "":
		r.Outcome, r.Cause = api.OutcomeCancelled, c.Cancelled
	case c.RolledBack:
		r.Outcome = api.OutcomeRolledBack
		if c.RollbackFailure != "" {
			r.Outcome = api.OutcomeFailed
			r.Cause += "; what was declared before could not be brought back: " + c.RollbackFailure
		}
	case c.Grave, !apply && c.Failure != "":
		r.Outcome = api.OutcomeFailed
	case !apply:
	case c.State == engine.SystemReady:
		r.Outcome = api.OutcomeReady
	case c.State == engine.SystemFailed:
		r.Outcome, r.Cause = api.OutcomeFailed, cmp.Or(r.Cause, c.Cause)
	default:
		r.Outcome, r.Cause = api.OutcomeDegraded, cmp.Or(r.Cause, c.Cause)
	}
	return r
}

// Events implements server.Journal: what the store has, and then what comes.
// A client that is too slow for the latter finds it in the store again.
func (o *operator) Events(ctx context.Context, q server.EventQuery) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		sub := o.bus.Subscribe(0) // before the store is read: nothing falls between
		defer sub.Close()
		for {
			if !o.past(ctx, &q, yield) || !q.Follow {
				return
			}
			for {
				ev, lost, err := sub.Next(ctx)
				if err != nil {
					return
				}
				if lost > 0 {
					break
				}
				if ev.Seq <= q.After || len(q.Units) > 0 && !slices.Contains(q.Units, ev.Unit) {
					continue
				}
				if !yield(wireEvent(ev), nil) {
					return
				}
				q.After = ev.Seq
			}
		}
	}
}

// eventPage bounds the events that are in memory for one client.
const eventPage = 1000

// past yields what the store has, and has the query go on behind it. It
// reports whether to go on.
func (o *operator) past(ctx context.Context, q *server.EventQuery, yield func(api.Event, error) bool) bool {
	for {
		found, err := o.journal.Events(ctx, store.Query{After: q.After, Since: q.Since, Units: q.Units, Tail: q.Tail, Limit: eventPage})
		for _, ev := range found {
			if !yield(wireEvent(ev), nil) {
				return false
			}
			q.After = ev.Seq
		}
		if err != nil {
			yield(api.Event{}, err)
			return false
		}
		if q.Tail = 0; len(found) == 0 {
			return true
		}
	}
}
