package main

import "github.com/syndicate/syndicate/engine/pg/migration"

// migrateRepairCmd accepts how files have changed since they were applied.
type migrateRepairCmd struct {
	serverFlags
	destructive
}

// Run accepts it, for one database.
func (c *migrateRepairCmd) Run(s *session) error {
	if err := c.allowed(s); err != nil {
		return err
	}
	return c.change(s, &c.destructive, "Record this", migration.Repair)
}
