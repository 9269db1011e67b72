package main

import (
	"context"
	"errors"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/api/client"
	"github.com/syndicate/syndicate/view"
)

// statusCmd shows the units of a running system.
type statusCmd struct {
	target

	JSON  bool `name:"json" xor:"form" help:"As JSON."`
	Exit  bool `name:"exit-code" xor:"end" help:"Exit with 3 where something is degraded, failed, unhealthy or blocked."`
	Watch bool `name:"watch" xor:"form,end" help:"Go on with what changes, until Ctrl-C: on a terminal the table, elsewhere a line for each change."`
}

// Help says what the columns count.
func (*statusCmd) Help() string {
	return `RESTARTS is how often a unit was started again since the engine began: after it
had been ready once and ended or was unhealthy, by restart, or with what it
needs. Attempts before it was ever ready, and starts after a stop or for a
change, do not count. Events and metrics count the same.`
}

// Run asks the engine, or looks for what a dead one left.
func (c *statusCmd) Run(s *session) error {
	dir, err := s.stateDirOf(c.Path)
	if err != nil {
		return err
	}
	if c.Watch {
		return s.watchStatus(dir, c.Path)
	}
	st, err := s.statusIn(context.Background(), dir, c.Path)
	if err != nil {
		return err
	}
	if c.JSON {
		err = view.StatusJSON(s.stdout, st)
	} else {
		err = view.StatusText(s.stdout, st, view.StatusOptions{Colour: s.stdout.colour, Width: s.stdout.columns()})
	}
	switch {
	case err != nil:
		return err
	case st.State == api.SystemLost && !c.Exit:
		return &exitError{
			code: exitFailed, told: true, err: errors.New("the system has no engine any more"),
			hint: s.again("up", c.Path) + "   or, to be done with it: " + s.again("down", c.Path),
		}
	case c.Exit && st.Degraded():
		return exit(exitDiffers)
	}
	return nil
}

// statusIn asks the engine of a state directory, or looks for what a dead one
// left.
func (s *session) statusIn(ctx context.Context, dir, operand string) (api.Status, error) {
	st, err := client.New(dir).Status(ctx)
	switch {
	case errors.Is(err, client.ErrNobody):
		return s.lost(ctx, dir, operand)
	case errors.Is(err, client.ErrSilent):
		return st, s.hangs(dir, err)
	}
	return st, err
}
