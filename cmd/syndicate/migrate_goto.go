package main

import (
	"context"

	"github.com/syndicate/syndicate/engine/pg/migration"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/view"
)

// migrateGotoCmd goes up or down to a version.
type migrateGotoCmd struct {
	serverFlags
	destructive
	Version uint64 `arg:"" name:"V" help:"The version of a file: afterwards exactly the files up to it are applied."`
}

// Run goes there, for one database.
func (c *migrateGotoCmd) Run(s *session) error {
	var result view.Migrations
	failed := c.single(s, func(ctx context.Context, m *migrator, db *spec.Database) error {
		d, err := m.run(ctx, db, c.DryRun, func(ctx context.Context, cfg migration.Config) (migration.Result, error) {
			cfg.Confirm = c.confirmUndo(ctx, s, db)
			return migration.Goto(ctx, cfg, c.Version)
		})
		result.Databases = append(result.Databases, d)
		return err
	})
	return c.show(s, &result, len(result.Databases) > 0, result.RunText, failed)
}
