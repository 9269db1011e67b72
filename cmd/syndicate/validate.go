package main

import (
	"os"

	"github.com/syndicate/syndicate/engine/pg/migration"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/view"
)

// validateCmd finds everything that can be wrong without running.
type validateCmd struct {
	target
	inputs
	Format string `name:"format" enum:"human,json,github" default:"human" help:"How to write what is found: ${enum}."`
	JSON   bool   `name:"json" help:"The same as --format json."`
}

// Run validates. Diagnostics are the result here, so all of them go to
// stdout, except in the human form, where only the verdict does.
func (c *validateCmd) Run(s *session) error {
	result, ds, err := s.decode(demand{operand: c.Path, inputs: c.inputs})
	if err != nil {
		return err
	}
	ds = append(ds, unusableMigrations(result.System, func(*spec.Database) bool { return true })...)
	ds = append(ds, missingPrograms(result.System)...)
	ds.Sort()
	if s.quiet {
		ds = onlyErrors(ds)
	}
	report := view.NewReport(ds, result.Sources)
	switch {
	case c.JSON || c.Format == "json":
		err = report.JSON(s.stdout)
	case c.Format == "github":
		err = report.GitHub(s.stdout)
	default:
		err = report.Text(s.stderr, s.textOptions(s.stderr))
		if err == nil && report.Valid && !s.quiet {
			err = view.Validated(s.stdout, result.System)
		}
	}
	if err == nil && !report.Valid {
		err = exit(exitFailed)
	}
	return err
}

// unusableMigrations are the files that no database could be migrated with:
// their names, encoding, and strings that do not end. Only those of a database
// that counts are looked at.
func unusableMigrations(sys *spec.System, counts func(*spec.Database) bool) (ds spec.Diagnostics) {
	if sys == nil {
		return nil
	}
	seen := map[string]bool{}
	for _, db := range sys.Databases {
		if db.Migrations == nil || db.Migrations.Path == "" || !counts(db) || seen[db.Migrations.Path] {
			continue
		}
		seen[db.Migrations.Path] = true
		if info, err := os.Stat(db.Migrations.Path); err != nil || !info.IsDir() {
			continue // the configuration's own diagnostic says so
		}
		_, problems := migration.Files(db.Migrations.Path)
		for _, p := range problems {
			if p.Severity == spec.Error {
				ds = append(ds, p.Diagnostic(migration.CodeUnusable, db.Migrations.Range))
			}
		}
	}
	return ds
}

// migratesOnUp reports whether a database is migrated, or asked whether it is,
// as a part of up.
func migratesOnUp(db *spec.Database) bool { return db.Migrations.OnUp != "skip" }
