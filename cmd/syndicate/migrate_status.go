package main

import (
	"cmp"
	"context"
	"errors"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/migration"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/view"
)

// migrateStatusCmd shows what is applied.
type migrateStatusCmd struct {
	serverFlags
	lookFlags
}

// Run shows what is applied and what is pending. A database that does not
// tell keeps nobody from seeing the others.
func (c *migrateStatusCmd) Run(s *session) error {
	var result view.Migrations
	code := exitDone
	var silent []error
	failed := c.each(s, func(ctx context.Context, m *migrator, db *spec.Database) error {
		d, err := m.status(ctx, db)
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			d.Error = s.spelt(err.Error())
			silent = append(silent, err)
		}
		result.Databases = append(result.Databases, d)
		switch {
		case d.Dirty || d.Drifted:
			code = exitDiffers
		case d.Pending > 0 && code == exitDone:
			code = exitPending
		}
		return nil
	})
	failed = cmp.Or(failed, errors.Join(silent...))
	told := failed == nil || c.JSON && len(result.Databases) > 0 || len(silent) < len(result.Databases)
	return cmp.Or(c.show(s, &result, told, result.StatusText, failed), exit(code))
}

// status reads the ledger of one database. A managed one that was never
// started has none, and is not created for the question.
func (m *migrator) status(ctx context.Context, db *spec.Database) (view.DatabaseMigrations, error) {
	d := view.DatabaseMigrations{Address: db.Addr.String(), Path: db.Migrations.Path}
	if server := m.sys.Server(db); server != nil && m.home != nil && pg.DataMajor(server.Managed.DataDir) == 0 {
		status := migration.Ledger{None: true}.Status(db.Migrations.Path)
		m.s.describe(&d, status)
		return d, usable(status.Problems)
	}
	err := m.reach(ctx, db, func(ctx context.Context, to pg.Endpoint) error {
		status, err := migration.ReadStatus(ctx, to, db.Migrations.Path)
		if err != nil {
			return err
		}
		m.s.describe(&d, status)
		return errors.Join(usable(status.Problems), m.recordLedger(to, db))
	})
	return d, err
}

// usable turns what is wrong with the files into an error.
func usable(problems []migration.Problem) error {
	for _, p := range problems {
		if p.Severity == spec.Error {
			return &migration.ProblemsError{Problems: problems}
		}
	}
	return nil
}

// describe fills in where a database stands.
func (s *session) describe(d *view.DatabaseMigrations, status migration.Status) {
	l := status.Ledger
	d.Dirty, d.Drifted, d.Pending = l.Dirty, len(status.Findings) > 0 && !l.Dirty, len(status.Pending)
	if !l.None {
		d.Version = &l.Version
	}
	d.Findings, d.Warnings = s.migrationFindings(status.Findings), s.migrationFindings(status.Warnings)
	for _, e := range status.Entries {
		d.Files = append(d.Files, migrationFile(e))
	}
}

// stands fills in where a database stands after something was done or refused,
// as far as its ledger was read.
func (s *session) stands(d *view.DatabaseMigrations, l migration.Ledger) {
	if l.At.IsZero() {
		return
	}
	s.describe(d, l.Status(d.Path))
	d.Files = nil
}

func (s *session) migrationFindings(found []migration.Finding) (all []view.MigrationFinding) {
	for _, f := range found {
		all = append(all, view.MigrationFinding{Code: f.Code, Version: f.Version, State: string(f.State), Text: f.Text, Remedy: s.spelt(f.Remedy)})
	}
	return all
}

// migrationFile is what the ledger tells of one version.
func migrationFile(e migration.Entry) view.MigrationFile {
	f := view.MigrationFile{Version: e.Version, Name: e.Name, State: string(e.State), Permitted: e.Permitted}
	if e.Row == nil {
		return f
	}
	f.At, f.By, f.Host, f.Role, f.Tool, f.Note = &e.Row.Started, e.Row.By, e.Row.Host, e.Row.Role, e.Row.Tool, e.Row.Note
	f.Action = string(e.Row.Action)
	if e.Row.Action == migration.ActionUp && e.Row.Outcome == migration.Done {
		seconds := e.Row.Took().Seconds()
		f.Seconds = &seconds
	}
	return f
}
