package main

import (
	"context"
	"errors"
	"time"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/api/client"
	"github.com/syndicate/syndicate/engine/process"
	"github.com/syndicate/syndicate/statedir"
	"github.com/syndicate/syndicate/view"
)

// statusCmd shows the units of a running system.
type statusCmd struct {
	target

	JSON  bool `name:"json" xor:"form" help:"As JSON."`
	Exit  bool `name:"exit-code" xor:"end" help:"Exit with 3 where something is degraded, failed, unhealthy or blocked."`
	Watch bool `name:"watch" xor:"form,end" help:"Go on with what changes, until Ctrl-C: on a terminal the table, elsewhere a line for each change."`
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
		return &exitError{code: exitFailed, err: errors.New("the system runs without its engine"), hint: s.again("down", c.Path)}
	case c.Exit && st.Degraded():
		return exit(exitDiffers)
	}
	return nil
}

// statusIn asks the engine of a state directory, or looks for what a dead one
// left.
func (s *session) statusIn(ctx context.Context, dir, operand string) (api.Status, error) {
	st, err := client.New(dir).Status(ctx)
	if errors.Is(err, client.ErrNobody) {
		return s.lost(dir, operand)
	}
	return st, err
}

// lost describes a system whose engine does not answer.
func (s *session) lost(dir, operand string) (api.Status, error) {
	info, held, ok, err := holder(dir)
	switch {
	case err != nil:
		return api.Status{}, err
	case !ok:
		return api.Status{}, s.absent(dir, operand)
	case held:
		return api.Status{}, s.silent(dir, info)
	}
	left, err := leftovers(info)
	if err != nil {
		return api.Status{}, err
	}
	return lostStatus(dir, info, left), nil
}

// lostStatus describes a system whose engine has died.
func lostStatus(dir string, info statedir.Info, left []api.Leftover) api.Status {
	return api.Status{
		FormatVersion: api.FormatVersion, Name: info.Name, Config: info.Config, StateDir: dir,
		Life: info.Life, PID: info.PID, Since: info.Started, Now: time.Now(),
		State: api.SystemLost, Units: []api.Unit{}, Leftovers: left,
	}
}

// leftovers lists what a dead engine left running.
func leftovers(info statedir.Info) ([]api.Leftover, error) {
	found, err := process.FindByLife(info.Life)
	if err != nil {
		return nil, err
	}
	var left []api.Leftover
	for _, l := range found {
		left = append(left, api.Leftover{PID: l.PID, Unit: l.Unit})
	}
	return left, nil
}
