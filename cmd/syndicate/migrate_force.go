package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/migration"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/view"
)

// migrateForceCmd records a version without running anything.
type migrateForceCmd struct {
	serverFlags
	destructive
	Version string `arg:"" name:"V" help:"The version that is applied last, or none."`
}

// Run records it, for one database.
func (c *migrateForceCmd) Run(s *session) error {
	var version *uint64
	if c.Version != "none" && c.Version != "-1" {
		v, err := strconv.ParseUint(c.Version, 10, 63)
		if err != nil {
			return usage("migrate force %s: write the version of a file, or none", c.Version)
		}
		version = &v
	}
	if err := c.allowed(s); err != nil {
		return err
	}
	return c.change(s, &c.destructive, fmt.Sprintf("Record version %s, without running anything", c.Version),
		func(ctx context.Context, cfg migration.Config, confirm func([]migration.Change) error) (migration.Changed, error) {
			return migration.Force(ctx, cfg, version, confirm)
		})
}

// change lets a command write the ledger of one database.
func (c *serverFlags) change(s *session, d *destructive, what string,
	do func(context.Context, migration.Config, func([]migration.Change) error) (migration.Changed, error),
) error {
	var result view.Migrations
	failed := c.single(s, func(ctx context.Context, m *migrator, db *spec.Database) error {
		entry := view.DatabaseMigrations{Address: db.Addr.String(), Path: db.Migrations.Path}
		err := m.reach(ctx, db, func(ctx context.Context, to pg.Endpoint) error {
			cfg := m.migration(to, db, &entry)
			cfg.DryRun = d.DryRun
			changed, err := do(ctx, cfg, func(changes []migration.Change) error {
				for _, change := range changes {
					view.Note(s.stderr, view.MigrationName(change.Version, change.Name)+" "+change.Text)
				}
				return d.confirm(ctx, s, fmt.Sprintf("%s, in %s?", what, db.Addr))
			})
			m.s.stands(&entry, changed.Ledger)
			if err != nil {
				return err
			}
			for _, change := range changed.Changes {
				entry.Changes = append(entry.Changes, view.MigrationChange{Version: change.Version, Name: change.Name, Text: change.Text})
			}
			entry.SQL = changed.SQL
			if d.DryRun {
				return nil
			}
			return m.record(to, db)
		})
		if err != nil {
			entry.Error = m.s.spelt(err.Error())
		}
		result.Databases = append(result.Databases, entry)
		return err
	})
	return c.show(s, &result, len(result.Databases) > 0, result.ChangeText, failed)
}
