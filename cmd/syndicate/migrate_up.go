package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/migration"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/view"
)

// migrateUpCmd applies what is pending.
type migrateUpCmd struct {
	migrateFlags
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
		d, err := m.up(ctx, db, limit)
		result.Databases = append(result.Databases, d)
		return err
	})
	render := result.UpText
	if c.JSON {
		render = result.JSON
	}
	if len(result.Databases) > 0 {
		failed = errors.Join(render(s.stdout), failed)
	}
	return s.migrateExit(failed)
}

// up applies what is pending for one database.
func (m *migrator) up(ctx context.Context, db *spec.Database, limit int) (view.DatabaseMigrations, error) {
	d := view.DatabaseMigrations{Address: db.Addr.String(), Path: db.Migrations.Path}
	err := m.reach(ctx, db, func(ctx context.Context, to pg.Endpoint) error {
		result, err := migration.Up(ctx, migration.Config{
			Endpoint: to, Dir: db.Migrations.Path, Limit: limit, LockTimeout: db.Migrations.LockTimeout.Std(),
			Progress: func(ev migration.Event) { m.tell(&d, ev) },
		})
		status := migration.Status{Ledger: result.Ledger}
		if err == nil {
			status.Files, _ = migration.Files(db.Migrations.Path)
			status.Pending = status.Ledger.Pending(status.Files)
			describe(&d, status)
			d.Files = nil
		}
		return errors.Join(err, m.record(to, db))
	})
	if err != nil {
		d.Error = err.Error()
	}
	return d, err
}

// tell shows what happens, and keeps what was applied.
func (m *migrator) tell(d *view.DatabaseMigrations, ev migration.Event) {
	line := view.MigrationLine{Address: d.Address, Version: ev.File.Version, Name: ev.File.Name}
	switch ev.Kind {
	case migration.EventWaiting:
		line.Text = fmt.Sprintf("waiting for the lock, which %s holds", ev.Holder)
	case migration.EventApplied:
		d.Applied = append(d.Applied, view.AppliedMigration{Version: ev.File.Version, Name: ev.File.Name, Seconds: ev.Took.Seconds()})
		line.Text, line.Took = "applied", ev.Took
	case migration.EventRetrying:
		line.Text = "was undone, since a lock was not to be had, and is tried again"
	case migration.EventNotice:
		line.Text = ev.Text
	default:
		return
	}
	if !m.s.quiet || ev.Kind == migration.EventWaiting {
		line.Write(m.s.stderr)
	}
}
