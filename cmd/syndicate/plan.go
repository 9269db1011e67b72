package main

import (
	"context"
	"os"
	"os/signal"

	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/view"
)

// planWidth is the widest that a plan is written.
const planWidth = 100

type planCmd struct {
	target
	inputs

	JSON             bool `name:"json" help:"Print the plan as versioned JSON."`
	DetailedExitcode bool `name:"detailed-exitcode" help:"Exit with 2 where there is something to do."`
	Offline          bool `name:"offline" help:"Do not ask databases that run elsewhere what is applied."`
}

// Run shows what up would do. It starts nothing.
func (c *planCmd) Run(s *session) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	loaded, err := s.load(demand{operand: c.Path, inputs: c.inputs, values: true})
	if err != nil {
		return err
	}
	facts, err := s.survey(ctx, loaded.System, c.Offline)
	if err != nil {
		return err
	}
	p, diags := plan.Build(loaded.System, facts)
	if diags.HasErrors() {
		return s.refuse(diags, loaded.Sources)
	}
	if c.JSON {
		err = view.PlanJSON(s.stdout, p)
	} else {
		err = view.PlanText(s.stdout, p, s.planOptions())
	}
	if err != nil {
		return err
	}
	if c.DetailedExitcode && !p.Empty() {
		return exit(exitPending)
	}
	return nil
}

// planOptions say how plans and trees look on standard output.
func (s *session) planOptions() view.PlanOptions {
	o := view.PlanOptions{Width: planWidth, Colour: s.stdout.colour, Verbose: s.verbose}
	if n := s.stdout.columns(); n > 0 {
		o.Width = min(n, planWidth)
	}
	return o
}

// refuse shows why there is no plan.
func (s *session) refuse(diags spec.Diagnostics, sources map[string][]byte) error {
	if err := view.NewReport(diags, sources).Text(s.stderr, s.textOptions(s.stderr)); err != nil {
		return err
	}
	return exit(exitFailed)
}
