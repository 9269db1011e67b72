package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/api/client"
	"github.com/syndicate/syndicate/view"
)

// startCmd starts units, and lets go of those that were stopped.
type startCmd struct {
	Addresses []string `arg:"" name:"address" help:"Units: service.api, api, worker[a], or worker for all its instances." completion-predictor:"address"`
	JSON      bool     `name:"json" help:"Print how it ended as JSON."`
}

// Run asks the engine and waits for the end.
func (c *startCmd) Run(s *session) error {
	return s.tellOf("start", c.Addresses, nil, c.JSON, startable, nothingDeclared)
}

// stopCmd stops units, and keeps them stopped.
type stopCmd struct {
	Addresses []string `arg:"" name:"address" help:"Units: service.api, api, worker[a], or worker for all its instances." completion-predictor:"address"`
	JSON      bool     `name:"json" help:"Print how it ended as JSON."`
}

// Run asks the engine and waits for the end.
func (c *stopCmd) Run(s *session) error {
	return s.tell("stop", c.Addresses, nil, c.JSON)
}

// restartCmd restarts units.
type restartCmd struct {
	Addresses []string `arg:"" name:"address" help:"Units: service.api, api, worker[a], or worker for all its instances." completion-predictor:"address"`
	JSON      bool     `name:"json" help:"Print how it ended as JSON."`
}

// Run asks the engine and waits for the end.
func (c *restartCmd) Run(s *session) error {
	return s.tell("restart", c.Addresses, nil, c.JSON)
}

// doCmd has a unit do one of its actions.
type doCmd struct {
	Action string   `arg:"" name:"address.action" help:"An action of a unit: service.api.restart, database.main.migrate, service.api.signal." completion-predictor:"action"`
	Args   []string `arg:"" optional:"" name:"argument" help:"What the action takes: signal takes a signal's name, such as SIGHUP."`
	JSON   bool     `name:"json" help:"Print how it ended as JSON."`
}

// Run asks the engine and waits for the end.
func (c *doCmd) Run(s *session) error {
	dot := strings.LastIndexByte(c.Action, '.')
	if dot <= 0 || dot == len(c.Action)-1 || strings.ContainsAny(c.Action[dot:], "[]\"") {
		return usage("%q names no action: write a unit, a dot and what it is to do, as in service.api.restart", c.Action)
	}
	return s.tell(c.Action[dot+1:], []string{c.Action[:dot]}, c.Args, c.JSON)
}

// tell has units of a running system do something, and shows how that goes.
func (s *session) tell(verb string, addresses, args []string, asJSON bool) error {
	return s.tellOf(verb, addresses, args, asJSON, commandable, nothingDeclared)
}

// tellOf does that where addresses stand for some of the units only; none is
// why there may be none of them.
func (s *session) tellOf(verb string, addresses, args []string, asJSON bool, among func(api.Status) []string, none string) error {
	if err := s.placed(addresses); err != nil {
		return err
	}
	dir, err := s.stateDirOf("")
	if err != nil {
		return err
	}
	ctx, stop := interruptible()
	defer stop()
	c := client.New(dir)
	st, err := c.Status(ctx)
	if errors.Is(err, client.ErrNobody) {
		if st, err = s.lost(ctx, dir, ""); err == nil {
			return failWith(errors.New(view.Death(st)), s.again("up", ""))
		}
	}
	if errors.Is(err, client.ErrSilent) {
		return s.hangs(dir, err)
	}
	if err != nil {
		return err
	}
	units, err := s.pick(addresses, among(st), none)
	if err != nil {
		return err
	}
	show := s.follow(c, units)
	result, err := c.Command(ctx, api.CommandRequest{Verb: verb, Units: units, Args: args}, show.progress)
	if err != nil {
		return s.left(ctx, err)
	}
	if asJSON {
		return errors.Join(view.ResultJSON(s.stdout, result), resultCode(result))
	}
	return show.end(s, result, told(verb, units))
}

// commandable lists the units that can be told something: a database stands
// for its migrations, too.
func commandable(st api.Status) []string {
	var list []string
	for _, u := range st.Units {
		if u.Kind != "migrations" {
			list = append(list, u.ID)
		}
	}
	slices.Sort(list)
	return list
}

// startable lists them with those that are declared no longer and held: a
// start ends the hold.
func startable(st api.Status) []string {
	list := commandable(st)
	for _, h := range st.Holds {
		list = append(list, h.ID)
	}
	slices.Sort(list)
	return list
}

// resultCode is what a command exits with for a result that is not shown in
// words.
func resultCode(r api.Result) error {
	if r.Failed() {
		return exit(exitFailed)
	}
	return nil
}

// told says what was done.
func told(verb string, units []string) string {
	const most = 4
	names := strings.Join(units[:min(len(units), most)], ", ")
	if len(units) > most {
		names += fmt.Sprintf(" and %d more", len(units)-most)
	}
	return verb + " " + names
}
