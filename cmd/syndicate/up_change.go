package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/api/client"
	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/spec/decode"
	"github.com/syndicate/syndicate/statedir"
	"github.com/syndicate/syndicate/view"
)

// answers reports whether an engine holds a state directory and answers. One
// that is about to start or to end is waited for, and so is another command
// that has the directory for a while, which is told.
func (s *session) answers(ctx context.Context, dir string) (bool, error) {
	queue := newQueueing(func(text string) {
		if !s.quiet {
			view.Note(s.stderr, text)
		}
	})
	for {
		err := client.New(dir).Answers(ctx)
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, client.ErrNobody) {
			return false, failWith(err, s.anew("doctor"))
		}
		info, held, _, err := holder(dir)
		switch {
		case err != nil:
			return false, err
		case !held:
			return false, nil
		case info.Moved != "", !queue.waits(info):
			return false, s.silent(dir, info)
		}
		select {
		case <-ctx.Done():
			return false, exit(exitInterrupted)
		case <-time.After(lookAgain):
		}
	}
}

// guess is change without decoding the configuration: the engine has told
// what the last one asked, and is sent the answers of now. It decodes them,
// which the command would only do as well. Where nobody runs, or the engine
// does not find everything, or anything to say of it, nothing was done and the
// error is errUnsure.
func (c *upCmd) guess(s *session, d demand) error {
	o, err := s.decodeOptions(d)
	if err != nil {
		return err
	}
	head, ds := decode.Head(o)
	if len(ds) > 0 {
		return errUnsure
	}
	ctx, stop := c.patience()
	defer stop()
	q, err := client.New(head.StateDir).Questions(ctx)
	_, refused := errors.AsType[*client.Error](err) // by an engine of another version
	switch {
	case ctx.Err() != nil:
		return c.lostEngine(ctx, s, head.StateDir, err)
	case refused || errors.Is(err, client.ErrNobody):
		statedir.Foresee(head.StateDir)
		return errUnsure
	case err != nil:
		return failWith(err, s.anew("doctor"))
	}
	bundle := decode.Answer(o, &decode.Questions{
		Env: q.Env, Inherit: q.Inherit, Files: q.Files, Dirs: q.Dirs, Paths: q.Paths, Users: q.Users, Groups: q.Groups,
	})
	if bundle == nil {
		return errUnsure
	}
	s.declared = func() *spec.System {
		result, _ := decode.Load(o)
		return result.System
	}
	return c.change(ctx, s, head.StateDir, client.ApplyRequest{Bundle: bundle.Bytes(), NoRollback: c.NoRollback, Guess: true})
}

// change applies the difference between a configuration and what runs. The
// engine makes the plan, when the turn of this change has come.
func (c *upCmd) change(ctx context.Context, s *session, dir string, req client.ApplyRequest) error {
	show := s.follow(client.New(dir), nil)
	var p plan.Plan
	var shown error
	result, err := show.client.Apply(ctx, req, func(got api.Progress) {
		if got.Plan == nil {
			show.progress(got)
			return
		}
		if shown = json.Unmarshal(got.Plan, &p); shown == nil && !s.quiet && !p.Empty() {
			show.view.Name(unitsOf(&p))
			shown = view.PlanText(s.stderr, &p, s.planOptionsFor(s.stderr))
		}
	})
	switch {
	case err != nil:
		return c.lostEngine(ctx, s, dir, err)
	case result.Outcome == api.OutcomeUnsure:
		return errUnsure
	case p.Running && p.Empty():
		show.view.Print("Nothing to do: " + p.System + " runs as declared" + stateNote(result) + ".")
		show.view.Flush()
		return shown
	}
	return errors.Join(shown, show.end(s, result, changeSummary(p.Summary)))
}

// stateNote says how a system is that is not simply ready.
func stateNote(r api.Result) string {
	if r.Outcome == api.OutcomeReady || r.Cause == "" {
		return ""
	}
	return fmt.Sprintf(" (it is %s: %s)", r.Outcome, r.Cause)
}

// unitsOf lists the units that a plan speaks of.
func unitsOf(p *plan.Plan) []string {
	var units []string
	for _, step := range p.Steps {
		units = append(units, step.ID)
	}
	for _, f := range p.Followers {
		units = append(units, f.ID)
	}
	for _, stop := range p.Stops {
		units = append(units, stop.ID)
	}
	return units
}

// changeSummary counts what was done.
func changeSummary(sum plan.Summary) string {
	var parts []string
	for _, n := range []struct {
		count int
		what  string
	}{
		{sum.Start + sum.Tasks, "started"}, {sum.Restart, "restarted"}, {sum.Update, "changed in place"},
		{sum.Stop, "stopped"}, {sum.Migrations, "migration applied"},
	} {
		if n.count > 1 {
			n.what = strings.Replace(n.what, "migration ", "migrations ", 1)
		}
		if n.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n.count, n.what))
		}
	}
	if len(parts) == 0 {
		return "as declared"
	}
	return strings.Join(parts, ", ")
}

// left says what becomes of an operation whose end was not seen.
func (s *session) left(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &exitError{code: exitInterrupted, err: errors.New("interrupted: what has begun goes on without it"), hint: s.here("status")}
	}
	return failWith(err, s.here("status"))
}

// following shows an operation of a running engine.
type following struct {
	client *client.Client
	view   *view.Up
	result api.Result
	// Without a terminal what is waited for is a line, which comes no more
	// often than every so long.
	every time.Duration
	next  time.Time
}

// follow prepares to show what happens to some units.
func (s *session) follow(c *client.Client, units []string) *following {
	f := &following{client: c}
	var width func() int
	if s.stderr.terminal {
		width = s.stderr.columns
	} else {
		f.every, f.next = heartbeat, time.Now().Add(heartbeat)
	}
	f.view = view.NewUp(view.UpConfig{
		Screen: view.NewScreen(s.stderr, width), Colour: s.stderr.colour, Quiet: s.quiet, Units: units,
		Tail: func(unit string) []string {
			if unit == f.result.Unit {
				return f.result.Lines
			}
			return nil
		},
		Fatal: func(string) bool { return true }, // the result has the lines
	})
	return f
}

// progress shows what an operation reports.
func (f *following) progress(p api.Progress) {
	switch {
	case p.Turn != nil:
		f.view.Print(fmt.Sprintf("Waiting for %s, under way since %s.", p.Turn.Operation, p.Turn.Since.Local().Format(time.TimeOnly)))
	case p.Event != nil:
		f.view.Event(*p.Event)
	case p.Waiting != nil:
		now := time.Now()
		if now.Before(f.next) {
			return
		}
		f.next = now.Add(f.every)
		f.view.Waiting(waitedFor(p.Waiting, f.every > 0))
	}
	f.view.Flush()
}

// end shows how an operation ended, and returns what the command exits with.
func (f *following) end(s *session, r api.Result, summary string) error {
	f.result = r
	f.view.Waited(r.Waited.Duration())
	for _, hold := range r.Lifted {
		f.view.Print("The hold is lifted: " + hold + ".")
	}
	if r.Unkept != "" {
		f.view.Print("This is not on disk yet, and forgotten if the engine dies before it is: " + r.Unkept)
	}
	switch r.Outcome {
	case api.OutcomeDone:
		f.view.Done(summary)
	case api.OutcomeReady:
		f.view.Settled("ready", "", summary)
	case api.OutcomeDegraded:
		f.view.Settled("degraded", r.Cause, summary)
	case api.OutcomeRolledBack:
		f.view.Fail(r.Unit, s.spelt(r.Cause), "", s.withheldAtStart(r.Unit, false))
		f.view.Print("Rolled back: what was declared before is in force again.")
		f.view.Print("Next: " + s.nextOf(r.Unit, f.view, len(r.Lines) > 0))
		f.view.Flush()
		return exit(exitFailed)
	case api.OutcomeFailed:
		next := s.here("status")
		if r.Unit != "" {
			next = s.nextOf(r.Unit, f.view, len(r.Lines) > 0)
		}
		f.view.Fail(r.Unit, s.spelt(r.Cause), next, s.withheldAtStart(r.Unit, false))
		return exit(exitFailed)
	case api.OutcomeCancelled:
		f.view.Flush()
		return failWith(fmt.Errorf("it was not done to the end: the system was stopped meanwhile (%s)", r.Cause), s.here("status"))
	default:
		f.view.Flush()
		return s.refused(r, s.here("status"))
	}
	f.view.Flush()
	return nil
}

// nextOf is the command that tells most of a unit that failed: its lines, else
// what it was run with, or what is missing for it to start.
func (s *session) nextOf(unit string, seen *view.Up, wrote bool) string {
	switch {
	case wrote:
		return s.here("logs", unit)
	case seen.Ran(unit):
		return s.anew("plan", "-v")
	}
	return s.anew("doctor")
}

// taken reports whether an error says that another engine has the directory.
func taken(err error) bool {
	_, ok := errors.AsType[*statedir.Held](err)
	return ok
}
