package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/syndicate/syndicate/engine/pg/migration"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/view"
)

// migrateDownCmd undoes what was applied last.
type migrateDownCmd struct {
	serverFlags
	destructive
	Count *int `arg:"" optional:"" name:"N" help:"How many to undo; one, unless it is given."`
	All   bool `name:"all" help:"Undo every migration."`
}

// Run undoes migrations of one database.
func (c *migrateDownCmd) Run(s *session) error {
	n := 1
	switch {
	case c.Count != nil && c.All:
		return usage("migrate down: N and --all exclude each other")
	case c.Count != nil && *c.Count < 1:
		return usage("migrate down %d: write how many to undo, 1 or more", *c.Count)
	case c.Count != nil:
		n = *c.Count
	case c.All:
		n = 0
	}
	if err := c.allowed(s); err != nil {
		return err
	}
	var result view.Migrations
	failed := c.single(s, func(ctx context.Context, m *migrator, db *spec.Database) error {
		d, err := m.run(ctx, db, c.DryRun, func(ctx context.Context, cfg migration.Config) (migration.Result, error) {
			cfg.Confirm = c.confirmUndo(ctx, s, db)
			return migration.Down(ctx, cfg, n)
		})
		result.Databases = append(result.Databases, d)
		return err
	})
	return c.show(s, &result, len(result.Databases) > 0, result.RunText, failed)
}

// confirmUndo asks before files are undone.
func (c *destructive) confirmUndo(ctx context.Context, s *session, db *spec.Database) func([]migration.Step) error {
	return func(steps []migration.Step) error {
		var names []string
		for _, step := range steps {
			if step.Down {
				names = append(names, view.MigrationName(step.File.Version, step.File.Name))
			}
		}
		if len(names) == 0 {
			return nil
		}
		return c.confirm(ctx, s, fmt.Sprintf("Undo %s of %s, with the data in it?", strings.Join(names, ", "), db.Addr))
	}
}
