package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/view"
)

// breakerCmd looks at circuit breakers and sets them.
type breakerCmd struct {
	List  breakerListCmd  `cmd:"" help:"Show the circuit breakers of a running system, those of databases too."`
	Show  breakerShowCmd  `cmd:"" help:"Show one with its numbers and the last calls that failed."`
	Trip  breakerTripCmd  `cmd:"" help:"Open some by hand."`
	Reset breakerResetCmd `cmd:"" help:"Close some and forget what was counted. A breaker that is forced stays so."`
	Exec  breakerExecCmd  `cmd:"" help:"Run a command if a breaker lets it through, and tell that how it went."`
	Force breakerForceCmd `cmd:"" help:"Decide in place of some, also across restarts, until it is auto again."`
}

// breakerListCmd shows all of them.
type breakerListCmd struct {
	JSON bool `name:"json" help:"As JSON."`
}

// Run asks the engine.
func (c *breakerListCmd) Run(s *session) error {
	list, err := s.breakers()
	if err != nil {
		return err
	}
	if c.JSON {
		return view.BreakersJSON(s.stdout, list)
	}
	return view.BreakersText(s.stdout, list, time.Now())
}

// breakerShowCmd shows one.
type breakerShowCmd struct {
	Name string `arg:"" name:"breaker" help:"Its address or name: breaker.ollama, ollama, database.main." completion-predictor:"breaker"`
	JSON bool   `name:"json" help:"As JSON."`
}

// Run asks the engine.
func (c *breakerShowCmd) Run(s *session) error {
	list, err := s.breakers()
	if err != nil {
		return err
	}
	ids, err := s.pick([]string{c.Name}, breakerIDs(list), noBreaker)
	if err != nil {
		return err
	}
	chosen := slices.DeleteFunc(list, func(b view.Breaker) bool { return !slices.Contains(ids, b.Address) })
	if c.JSON {
		return view.BreakersJSON(s.stdout, chosen)
	}
	return view.BreakerText(s.stdout, chosen, time.Now())
}

type breakerNames struct {
	Names []string `arg:"" name:"breaker" help:"Addresses or names: breaker.ollama, ollama, database.main." completion-predictor:"breaker"`
	JSON  bool     `name:"json" help:"Print how it ended as JSON."`
}

// breakerTripCmd opens some.
type breakerTripCmd struct {
	breakerNames

	For string `name:"for" placeholder:"5m" help:"How long, also where that is longer than it would stay open by itself. Default: as long as its rule says."`
}

// Run asks the engine.
func (c *breakerTripCmd) Run(s *session) error {
	var args []string
	if c.For != "" {
		if d, err := spec.ParseDuration(c.For); err != nil || d <= 0 {
			return usage("--for takes a duration, such as 5m, and not %q", c.For)
		}
		args = []string{c.For}
	}
	return s.tellOf("trip", c.Names, args, c.JSON, withBreaker, noBreaker)
}

// breakerResetCmd closes some.
type breakerResetCmd struct{ breakerNames }

// Run asks the engine.
func (c *breakerResetCmd) Run(s *session) error {
	return s.tellOf("reset", c.Names, nil, c.JSON, withBreaker, noBreaker)
}

// breakerForceCmd sets the mode of some.
type breakerForceCmd struct {
	Mode string `arg:"" name:"mode" enum:"open,closed,observe,auto" help:"open: nothing passes. closed: everything passes, and nothing is judged. observe: everything passes, and the state says what would have been refused. auto: the breaker decides."`
	breakerNames
}

// Run asks the engine.
func (c *breakerForceCmd) Run(s *session) error {
	return s.tellOf("force", c.Names, []string{c.Mode}, c.JSON, withBreaker, noBreaker)
}

// breakers lists the circuit breakers of a running system.
func (s *session) breakers() ([]view.Breaker, error) {
	dir, err := s.stateDirOf("")
	if err != nil {
		return nil, err
	}
	st, err := s.statusIn(context.Background(), dir, "")
	if err != nil {
		return nil, err
	}
	if st.State == api.SystemLost {
		return nil, failWith(fmt.Errorf("%s, and its breakers with it", view.Death(st)), s.again("up", ""))
	}
	return view.Breakers(st), nil
}

func breakerIDs(list []view.Breaker) []string {
	var ids []string
	for _, b := range list {
		ids = append(ids, b.Address)
	}
	return ids
}

// withBreaker lists the units that have a circuit breaker.
func withBreaker(st api.Status) []string { return breakerIDs(view.Breakers(st)) }
