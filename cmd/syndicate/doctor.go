package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/syndicate/syndicate/api/client"
	"github.com/syndicate/syndicate/doctor"
	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/process"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/statedir"
	"github.com/syndicate/syndicate/view"
)

// doctorCmd looks at this machine.
type doctorCmd struct {
	target
	inputs
	JSON bool `name:"json" help:"As JSON."`
}

// Run looks at what every system needs and, where there is a configuration,
// at what it needs. Mistakes in it are validate's to tell.
func (c *doctorCmd) Run(s *session) error {
	config := doctor.Config{
		Postgres: findPostgres,
		State:    readState,
		Leftovers: func(life string) int {
			left, _ := process.FindByLife(life)
			return len(left)
		},
	}
	path, err := s.path(c.Path)
	if err != nil {
		return err
	}
	result, ds, err := s.decode(demand{operand: c.Path, inputs: c.inputs})
	if err != nil {
		return err
	}
	config.ConfigPath, _ = filepath.Abs(path)
	broken := ds.HasErrors()
	if !broken {
		config.System = result.System
	}
	report := doctor.Run(context.Background(), config)
	if c.JSON {
		err = view.DoctorJSON(s.stdout, report)
	} else {
		o := view.DoctorOptions{Width: s.stdout.Width(), Colour: s.stdout.colour, Quiet: s.quiet}
		if broken {
			o.Unread = fmt.Sprintf("The configuration %s has mistakes, and was left out: see %s", path, s.command("validate", path))
		}
		err = view.Doctor(s.stdout, report, o)
	}
	if err == nil && !report.Works {
		err = exit(exitFailed)
	}
	return err
}

// findPostgres looks for the programs that a managed database needs.
func findPostgres(ctx context.Context, db *spec.Database) doctor.Postgres {
	var cfg pg.FindConfig
	if db != nil {
		cfg.BinDir, cfg.Major = db.Managed.BinDir, db.Managed.Version
		cfg.DataMajor = pg.DataMajor(db.Managed.DataDir)
	}
	found, err := pg.Find(ctx, cfg)
	if err == nil {
		return doctor.Postgres{Found: found.Version + " in " + found.Dir}
	}
	missing, ok := errors.AsType[*pg.NotFoundError](err)
	if !ok {
		return doctor.Postgres{Looked: []string{err.Error()}}
	}
	var out doctor.Postgres
	for _, l := range missing.Looked {
		out.Looked = append(out.Looked, fmt.Sprintf("%s (%s): %s", l.Dir, l.Why, l.Result))
	}
	out.Install = missing.Install.Commands
	if missing.Install.Note != "" {
		out.Looked = append(out.Looked, missing.Install.Note)
	}
	return out
}

// readState tells who has a state directory.
func readState(dir string) (doctor.State, error) {
	info, held, err := statedir.Read(dir)
	if err != nil {
		return doctor.State{}, err
	}
	st := doctor.State{
		Exists: true, Held: held && info.PID != os.Getpid(), PID: info.PID, Life: info.Life, Config: info.Config,
	}
	if st.Held {
		if now, err := client.New(dir).Status(context.Background()); err == nil { // else it tells nothing of that
			for _, n := range now.Notices {
				st.Unwritten = append(st.Unwritten, view.Notice(n)+".")
			}
		}
	}
	return st, nil
}
