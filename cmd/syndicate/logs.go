package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"github.com/syndicate/syndicate/api/client"
	"github.com/syndicate/syndicate/engine"
	"github.com/syndicate/syndicate/engine/log"
	"github.com/syndicate/syndicate/view"
)

// logsCmd shows what units wrote, also after a crash and without an engine.
type logsCmd struct {
	Addresses []string `arg:"" optional:"" name:"address" help:"Units, such as api, service.api or worker[a]; by default all of them." completion-predictor:"address"`

	window
	Grep string `name:"grep" placeholder:"REGEXP" help:"Only lines that match."`
}

// Run asks the engine, and reads the log files where none answers.
func (c *logsCmd) Run(s *session) error {
	q, err := c.query(time.Now())
	if err != nil {
		return err
	}
	if err := s.placed(c.Addresses); err != nil {
		return err
	}
	dir, err := s.stateDirOf("")
	if err != nil {
		return err
	}
	q.Dir = engine.LogDir(dir)
	known, err := unitsWithLogs(dir)
	if err != nil {
		return err
	}
	if len(known) == 0 && len(c.Addresses) == 0 && !inUse(dir) {
		return s.absent(dir, "")
	}
	units := known
	if len(c.Addresses) > 0 {
		if units, err = s.pick(c.Addresses, known, nothingRan); err != nil {
			return err
		}
		q.Units = units
	}
	show, err := c.view(s, units)
	if err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := readLines(ctx, client.New(dir), q, show); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return exit(exitInterrupted)
	}
	s.tellDeath(dir)
	return nil
}

// query reads the flags.
func (c *logsCmd) query(now time.Time) (log.Query, error) {
	q := log.Query{Follow: c.Follow}
	if c.Grep != "" {
		re, err := regexp.Compile(c.Grep)
		if err != nil {
			return q, usage("--grep: %w", err)
		}
		q.Grep = re
	}
	var err error
	q.Since, q.Tail, err = c.bounds(now)
	return q, err
}

// lineView shows log lines.
type lineView interface {
	Lines([]view.LogLine) error
}

func (c *logsCmd) view(s *session, units []string) (lineView, error) {
	if c.JSON {
		return view.NewLogJSON(s.stdout)
	}
	return view.NewConsole(view.ConsoleConfig{
		Out: s.stdout, Colour: s.stdout.colour, Times: s.verbose,
		Units: units, Bare: len(c.Addresses) > 0 && len(units) == 1,
	}), nil
}

// unitsWithLogs lists the units that have written something, and those of the
// system that runs, in order.
func unitsWithLogs(dir string) ([]string, error) {
	known, err := log.Units(engine.LogDir(dir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	// Without an engine the files tell all that there is.
	if st, err := client.New(dir).Status(context.Background()); err == nil {
		for _, u := range st.Units {
			known = append(known, u.ID)
		}
	}
	return withUnitsLost(context.Background(), dir, known), nil
}
