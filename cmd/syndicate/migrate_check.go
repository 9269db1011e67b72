package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/catalog"
	"github.com/syndicate/syndicate/engine/pg/migration"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/view"
)

// migrateCheckCmd holds live schemas against what they should be.
type migrateCheckCmd struct {
	serverFlags
	DryRun bool `name:"dry-run" help:"With --accept: record nothing, and print the SQL that would."`
	Accept bool `name:"accept" help:"Record the schema as it is now, so that it is no drift any more."`
}

// checkTimeout bounds one look at a database's schema.
const checkTimeout = 2 * time.Minute

// Run checks one database after another. One that does not tell keeps nobody
// from seeing the others.
func (c *migrateCheckCmd) Run(s *session) error {
	loaded, err := s.load(demand{inputs: c.inputs, values: true})
	if err != nil {
		return err
	}
	databases, err := c.checkable(loaded.System)
	if err != nil {
		return err
	}
	m, err := s.newMigrator(loaded.System, c.Timeout.Std())
	if err != nil {
		return err
	}
	defer m.close()
	ctx, stop := interruptible()
	defer stop()
	var result view.SchemaChecks
	code := exitDone
	var failed error
	told := c.JSON
	for _, db := range databases {
		d, err := m.checkSchema(ctx, db, c.Accept, c.DryRun)
		if ctx.Err() != nil {
			return s.migrateExit(err)
		}
		if err != nil {
			d.Error = s.spelt(err.Error())
			failed = errors.Join(failed, err)
		}
		told = told || err == nil
		for i, f := range d.Findings {
			d.Findings[i].Advice = s.spelt(f.Advice)
			if f.Severity == string(spec.Error) {
				code = exitDiffers
			}
		}
		result.Databases = append(result.Databases, d)
	}
	return cmp.Or(c.show(s, &result, told, result.Text, failed), exit(code))
}

// checkable returns the databases that have something to hold a schema
// against, or the one that a flag names.
func (c *migrateCheckCmd) checkable(sys *spec.System) ([]*spec.Database, error) {
	var chosen []*spec.Database
	var known []string
	for _, db := range sys.Databases {
		if db.Migrations == nil && len(db.Schema) == 0 {
			continue
		}
		name := strings.TrimPrefix(db.Addr.String(), "database.")
		known = append(known, name)
		if c.Database == "" || c.Database == name || c.Database == db.Addr.String() {
			chosen = append(chosen, db)
		}
	}
	switch {
	case len(known) == 0:
		return nil, failWith(errors.New("no database of this configuration has migrations { } or schema { }: nothing says what a schema should be"), "")
	case len(chosen) == 0:
		return nil, usage("--database %s: there is no such database with migrations or a schema; there is %s", c.Database, strings.Join(known, ", "))
	}
	return chosen, nil
}

// checkSchema looks at one database. A managed one that was never started is
// not created for the question.
func (m *migrator) checkSchema(ctx context.Context, db *spec.Database, accept, dry bool) (view.SchemaCheck, error) {
	d := view.SchemaCheck{Address: db.Addr.String(), Findings: []view.SchemaFinding{}}
	if db.Source == "managed" && m.home != nil && pg.DataMajor(db.Managed.DataDir) == 0 {
		return d, fmt.Errorf("%s: there is no database yet: syndicate up or syndicate migrate up creates it", db.Addr)
	}
	err := m.reach(ctx, db, func(ctx context.Context, to pg.Endpoint) error {
		if err := checkFiles(ctx, to, db, &d); err != nil {
			return err
		}
		switch {
		case accept && dry:
			if err := to.With(ctx, checkTimeout, catalog.Recording(&d.SQL)); err != nil {
				return err
			}
		case accept:
			if err := to.With(ctx, checkTimeout, catalog.Record); err != nil {
				return err
			}
			d.Accepted = true
		}
		var report *catalog.Report
		if err := to.With(ctx, checkTimeout, catalog.Checking(db.Schema, &report)); err != nil {
			return err
		}
		d.Recorded = report.Recorded
		for _, f := range report.Findings {
			d.Findings = append(d.Findings, view.SchemaFinding{
				Code: f.Code, Severity: string(f.Severity), Object: f.Object, Text: f.Text,
				Expected: f.Expected, Found: f.Found, Advice: f.Advice, Mend: f.Mend,
			})
		}
		return nil
	})
	return d, err
}

// checkFiles holds the ledger against the files. What is pending is no finding:
// the schema is that of the version that the database is at.
func checkFiles(ctx context.Context, to pg.Endpoint, db *spec.Database, d *view.SchemaCheck) error {
	if db.Migrations == nil {
		return nil
	}
	status, err := migration.ReadStatus(ctx, to, db.Migrations.Path)
	if err := errors.Join(err, usable(status.Problems)); err != nil {
		return err
	}
	for _, f := range slices.Concat(status.Findings, status.Warnings) {
		if slices.Contains([]string{migration.CodeDirty, migration.CodeHalfDown, migration.CodeHalfUp}, f.Code) {
			continue // the schema's own finding
		}
		d.Findings = append(d.Findings, view.SchemaFinding{
			Code: f.Code, Severity: string(f.Severity), Object: "migration " + view.MigrationName(f.Version, f.Name), Text: f.Text, Advice: f.Remedy,
		})
	}
	return nil
}

// keepSchema records the schema where nothing is recorded for the version that
// the database is at. That it cannot is no failure of the migration.
func (m *migrator) keepSchema(to pg.Endpoint, db *spec.Database) {
	if err := to.With(context.Background(), checkTimeout, catalog.Keep); err != nil {
		view.Note(m.s.stderr, fmt.Sprintf("%s: drift cannot be told from now on: %v", db.Addr, err))
	}
}
