package main

import (
	"time"

	"github.com/syndicate/syndicate/engine/pg/migration"
	"github.com/syndicate/syndicate/view"
)

// migrateNewCmd creates the files of a migration.
type migrateNewCmd struct {
	migrateFlags
	DryRun bool   `name:"dry-run" help:"Create nothing, and print which files it would create."`
	Name   string `arg:"" help:"What it does, such as add_email."`
}

// Run creates them, in the directory of one database.
func (c *migrateNewCmd) Run(s *session) error {
	loaded, err := s.load(demand{inputs: c.inputs})
	if err != nil {
		return err
	}
	if err := c.one(s, loaded.System); err != nil {
		return err
	}
	databases, err := c.choose(s, loaded.System)
	if err != nil {
		return err
	}
	f, err := migration.Next(databases[0].Migrations.Path, c.Name, time.Now().UTC())
	if err == nil && !c.DryRun {
		err = f.Create()
	}
	if err != nil {
		return failWith(err, "")
	}
	made := view.NewMigration{Version: f.Version, Name: f.Name, Up: f.Up, Down: f.Down, DryRun: c.DryRun}
	if c.JSON {
		return made.JSON(s.stdout)
	}
	return made.Text(s.stdout)
}
