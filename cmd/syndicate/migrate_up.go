package main

import (
	"context"

	"github.com/syndicate/syndicate/engine/pg/migration"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/view"
)

// migrateUpCmd applies what is pending.
type migrateUpCmd struct {
	serverFlags
	changeFlags
	Count *int `arg:"" optional:"" name:"N" help:"Apply at most so many, of each database."`
}

// Run applies what is pending, database by database, and stops at the first
// that fails.
func (c *migrateUpCmd) Run(s *session) error {
	limit := 0 // none
	if c.Count != nil {
		if limit = *c.Count; limit < 1 {
			return usage("migrate up %d: write how many to apply, 1 or more", limit)
		}
	}
	var result view.Migrations
	failed := c.each(s, func(ctx context.Context, m *migrator, db *spec.Database) error {
		d, err := m.run(ctx, db, c.DryRun, func(ctx context.Context, cfg migration.Config) (migration.Result, error) {
			return migration.Up(ctx, cfg, limit)
		})
		result.Databases = append(result.Databases, d)
		return err
	})
	return c.show(s, &result, len(result.Databases) > 0, result.RunText, failed)
}
