package main

import (
	"context"
	"os"
	"os/signal"

	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/view"
)

type planCmd struct {
	target
	inputs
	targets

	JSON             bool   `name:"json" help:"Print the plan as versioned JSON."`
	Out              string `name:"out" placeholder:"FILE" help:"Write the plan to FILE, too: up --plan FILE does exactly this plan, or refuses."`
	DetailedExitcode bool   `name:"detailed-exitcode" help:"Exit with 2 where there is something to do."`
	Offline          bool   `name:"offline" help:"Do not ask databases that run elsewhere what is applied."`
}

// Run shows what up would do. It starts nothing.
func (c *planCmd) Run(s *session) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	out := ""
	if c.Out != "" {
		var err error
		if out, err = planTarget(c.Out); err != nil {
			return failWith(err, "")
		}
	}
	p, err := c.build(ctx, s, out)
	if err != nil {
		return err
	}
	if c.JSON {
		err = view.PlanJSON(s.stdout, p)
	} else {
		err = view.PlanText(s.stdout, p, s.planOptions())
	}
	if err != nil {
		return err
	}
	if out != "" && !s.quiet {
		view.Note(s.stderr, "The plan is in "+c.Out+". To do exactly this: "+s.anew("up", "--plan", c.Out))
	}
	if c.DetailedExitcode && !p.Empty() {
		return exit(exitPending)
	}
	return nil
}

// build makes the plan, and writes it to out unless that is empty.
func (c *planCmd) build(ctx context.Context, s *session, out string) (*plan.Plan, error) {
	want := demand{operand: c.Path, inputs: c.inputs, values: true, migrates: true}
	if out == "" {
		loaded, err := s.load(want)
		if err != nil {
			return nil, err
		}
		facts, err := s.survey(ctx, loaded.System, c.Offline)
		if err != nil {
			return nil, err
		}
		if facts.Targets, err = c.addresses(s, loaded.System); err != nil {
			return nil, err
		}
		p, diags := plan.Build(loaded.System, facts)
		if diags.HasErrors() {
			return nil, s.refuse(diags, loaded.Sources)
		}
		s.lintPlan(loaded.System, p)
		s.tellEndsFirst(loaded.System.StateDir)
		return p, nil
	}
	loaded, bundle, err := s.record(want)
	if err != nil {
		return nil, err
	}
	confined, err := c.addresses(s, loaded.System)
	if err != nil {
		return nil, err
	}
	f, err := s.bind(ctx, loaded, bundle, c.Offline, confined)
	if err != nil {
		return nil, err
	}
	s.lintPlan(loaded.System, f.Plan)
	s.tellEndsFirst(loaded.System.StateDir)
	return f.Plan, writePlanFile(out, f)
}

// planOptions say how plans and trees look on standard output.
func (s *session) planOptions() view.PlanOptions { return s.planOptionsFor(s.stdout) }

func (s *session) planOptionsFor(out stream) view.PlanOptions {
	return view.PlanOptions{Width: out.columns(), Colour: out.colour, Verbose: s.verbose}
}

// refuse shows why there is no plan.
func (s *session) refuse(diags spec.Diagnostics, sources map[string][]byte) error {
	return s.reject(view.NewReport(diags, sources))
}
