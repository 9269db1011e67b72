package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/syndicate/syndicate/engine"
	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/migration"
	"github.com/syndicate/syndicate/engine/pg/roundtrip"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/view"
)

// migrateVerifyCmd proves that migrations can be undone, on a server that is
// thrown away.
type migrateVerifyCmd struct {
	migrateFlags
	DryRun bool   `name:"dry-run" help:"Try nothing, and print which files would run, where and in which order."`
	On     string `name:"on" placeholder:"URL" env:"SYNDICATE_VERIFY_URL" help:"Try them in a database to throw away on this server, where the role may create one, instead of on a server to throw away, which needs PostgreSQL on this machine; 'declared' is the database's own server."`
}

// Run verifies the files of every database, also after one that could not be
// tried. It touches neither the databases themselves nor the state directory.
func (c *migrateVerifyCmd) Run(s *session) error {
	loaded, err := s.load(demand{inputs: c.inputs, values: true})
	if err != nil {
		return err
	}
	databases, err := c.choose(s, loaded.System)
	if err != nil {
		return err
	}
	ctx, stop := interruptible()
	defer stop()
	var result view.Verification
	code := exitDone
	var failed error
	told := c.JSON
	for _, db := range databases {
		d, err := s.verify(ctx, loaded.System, db, c.On, c.DryRun)
		if err != nil {
			err = fmt.Errorf("%s: %w", db.Addr, err)
			if ctx.Err() != nil {
				return s.migrateExit(err)
			}
			d.Error = s.spelt(err.Error())
			failed = errors.Join(failed, err)
		}
		told = told || err == nil
		if !c.DryRun && d.Verified < d.Files || hasError(d.Findings) {
			code = exitFailed
		}
		result.Databases = append(result.Databases, d)
	}
	return cmp.Or(c.show(s, &result, told, result.Text, failed), exit(code))
}

func hasError(findings []view.VerifyFinding) bool {
	for _, f := range findings {
		if f.Severity == string(spec.Error) {
			return true
		}
	}
	return false
}

// verify sends the files of one database up, down and up again: on a server
// to throw away, or on one that is named.
func (s *session) verify(ctx context.Context, sys *spec.System, db *spec.Database, on string, dry bool) (view.VerifiedDatabase, error) {
	d := view.VerifiedDatabase{Address: db.Addr.String(), Path: db.Migrations.Path, Findings: []view.VerifyFinding{}}
	files, problems := migration.Files(db.Migrations.Path)
	if err := usable(problems); err != nil {
		return d, err
	}
	d.Files = len(files)
	if d.Files == 0 {
		return d, nil
	}
	note := func(format string, args ...any) {
		if !s.quiet {
			view.Note(s.stderr, d.Address+": "+fmt.Sprintf(format, args...))
		}
	}
	cfg := roundtrip.Config{Files: files, Progress: func(step roundtrip.Step) {
		if step.Text == "up" {
			note("%d of %d: %06d_%s", step.Number, step.Of, step.File.Version, step.File.Name)
		} else if step.Text == "all the way down" && step.Number == step.Of {
			note("all the way down")
		}
	}}
	if db.Managed != nil {
		cfg.Extensions = db.Managed.Extensions
	} else if db.Shared != nil {
		cfg.Extensions = db.Shared.Extensions
	}
	verify := func() error {
		result, err := roundtrip.Verify(ctx, cfg)
		if err == nil {
			describeVerified(&d, result)
		}
		return err
	}
	if on != "" {
		var err error
		if cfg.Admin, cfg.User, err = borrowed(db, on); err != nil {
			return d, err
		}
		cfg.Borrowed = true
		if dry {
			d.Where = fmt.Sprintf("the database %s of %s, which is made for it and dropped", cfg.User.Database, cfg.User.Address())
			d.Plan = verifyPlan(files)
			return d, nil
		}
		note("in the database %s of %s, which is thrown away afterwards", cfg.User.Database, cfg.User.Address())
		return d, verify()
	}
	if dry {
		d.Where, d.Plan = "a server that is started for it and thrown away", verifyPlan(files)
		return d, nil
	}
	note("starting a server that is thrown away afterwards")
	err := engine.WithScratch(ctx, engine.ScratchConfig{System: sys, Database: db, Life: newLife()}, func(_ context.Context, scratch engine.Scratch) error {
		cfg.Admin, cfg.User = scratch.Admin, scratch.User
		return verify()
	})
	if _, missing := errors.AsType[*pg.NotFoundError](err); missing {
		err = fmt.Errorf("%w\nOr try them in a database to throw away on a server that you have: --on URL", err)
	}
	return d, err
}

// verifyPlan are the files in the order in which they would run.
func verifyPlan(files []migration.File) []view.VerifyStep {
	var steps, down []view.VerifyStep
	add := func(list []view.VerifyStep, f migration.File, direction, path string) []view.VerifyStep {
		return append(list, view.VerifyStep{Version: f.Version, Name: f.Name, Direction: direction, Path: path})
	}
	all := true
	for _, f := range files {
		steps = add(steps, f, "up", f.Up)
		if f.Down == "" {
			all = false
			continue
		}
		steps = add(add(steps, f, "down", f.Down), f, "up", f.Up)
		down = add(down, f, "down", f.Down)
	}
	if !all {
		return steps
	}
	slices.Reverse(down)
	return append(steps, down...)
}

// borrowed returns the way into a named server, and a database of it that does
// not exist yet.
func borrowed(db *spec.Database, on string) (admin, user pg.Endpoint, err error) {
	url := spec.Sensitive(on)
	if on == "declared" {
		if db.Source != "url" {
			return admin, user, usage("--on declared: %s has no url; leave --on out, or give one", db.Addr)
		}
		url, _ = db.URL.Value()
	}
	if admin, err = pg.ParseURL(url); err != nil {
		return admin, user, fmt.Errorf("--on: %w", err)
	}
	user, err = admin.InDatabase("syndicate_verify_" + newLife()[:8])
	return admin, user, err
}

// describeVerified fills in what was found.
func describeVerified(d *view.VerifiedDatabase, result *roundtrip.Result) {
	d.PostgreSQL, d.Roles, d.Seconds = result.Major, result.Roles, result.Took.Seconds()
	for _, f := range result.Files {
		if f.Verified {
			d.Verified++
		} else if len(f.Findings) == 0 {
			d.Unreached = append(d.Unreached, fmt.Sprintf("%06d_%s", f.File.Version, f.File.Name))
		}
		for _, finding := range f.Findings {
			d.Findings = append(d.Findings, view.VerifyFinding{
				Code: finding.Code, Severity: string(finding.Severity), Version: f.File.Version, Path: finding.Path,
				Line: finding.Line, Column: finding.Column, Text: finding.Text, Differences: finding.Differences, Advice: finding.Advice,
			})
		}
	}
}
