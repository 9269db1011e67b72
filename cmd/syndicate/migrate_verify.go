package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/syndicate/syndicate/engine"
	"github.com/syndicate/syndicate/engine/pg/migration"
	"github.com/syndicate/syndicate/engine/pg/roundtrip"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/view"
)

// migrateVerifyCmd proves that migrations can be undone, on a server that is
// thrown away.
type migrateVerifyCmd struct{ migrateFlags }

// Run verifies the files of every database. It touches neither the databases
// themselves nor the state directory.
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
	for _, db := range databases {
		d, err := s.verify(ctx, loaded.System, db)
		if err != nil {
			return s.migrateExit(fmt.Errorf("%s: %w", db.Addr, err))
		}
		if d.Verified < d.Files || hasError(d.Findings) {
			code = exitFailed
		}
		result.Databases = append(result.Databases, d)
	}
	render := result.Text
	if c.JSON {
		render = result.JSON
	}
	return errors.Join(render(s.stdout), exit(code))
}

func hasError(findings []view.VerifyFinding) bool {
	for _, f := range findings {
		if f.Severity == string(spec.Error) {
			return true
		}
	}
	return false
}

// verify sends the files of one database up, down and up again.
func (s *session) verify(ctx context.Context, sys *spec.System, db *spec.Database) (view.VerifiedDatabase, error) {
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
	note("starting a server that is thrown away afterwards")
	cfg := engine.ScratchConfig{System: sys, Database: db, Life: newLife()}
	return d, engine.WithScratch(ctx, cfg, func(ctx context.Context, scratch engine.Scratch) error {
		var extensions []string
		if db.Managed != nil {
			extensions = db.Managed.Extensions
		} else if db.Shared != nil {
			extensions = db.Shared.Extensions
		}
		d.PostgreSQL = scratch.Major
		result, err := roundtrip.Verify(ctx, roundtrip.Config{
			Files: files, Admin: scratch.Admin, User: scratch.User, Extensions: extensions,
			Progress: func(step roundtrip.Step) {
				if step.Text == "up" {
					note("%d of %d: %06d_%s", step.Number, step.Of, step.File.Version, step.File.Name)
				} else if step.Text == "all the way down" && step.Number == step.Of {
					note("all the way down")
				}
			},
		})
		if err == nil {
			describeVerified(&d, result)
		}
		return err
	})
}

// describeVerified fills in what was found.
func describeVerified(d *view.VerifiedDatabase, result *roundtrip.Result) {
	d.Roles, d.Seconds = result.Roles, result.Took.Seconds()
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
