package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/syndicate/syndicate/engine"
	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/migration"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/statedir"
	"github.com/syndicate/syndicate/view"
)

// migrator reaches databases. It holds the state directory, unless a running
// engine does: then it uses that engine's servers.
type migrator struct {
	s      *session
	sys    *spec.System
	home   *home // nil where another process has it
	config engine.MigrateConfig
}

// newMigrator takes the state directory where a managed server may have to
// be started.
func (s *session) newMigrator(sys *spec.System) (*migrator, error) {
	m := &migrator{s: s, sys: sys}
	m.config = engine.MigrateConfig{System: sys, Waiting: func(a pg.Attempt) {
		view.Note(s.stderr, fmt.Sprintf("%v (attempt %d of %d)", a.Err, a.Number, a.Of))
	}}
	managed := false
	for _, db := range sys.Databases {
		managed = managed || db.Source == "managed"
	}
	if !managed {
		return m, nil
	}
	path, err := s.path("")
	if err != nil {
		return nil, err
	}
	config, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	m.home, err = s.moveIn(sys, config)
	if _, held := errors.AsType[*statedir.Held](err); held {
		_, err = statedir.ReadJSON(sys.StateDir, portsFile, &m.config.Ports)
		return m, err
	}
	if err != nil {
		return nil, err
	}
	m.config.Life, m.config.Ports = m.home.life, m.home.ports
	return m, nil
}

func (m *migrator) close() {
	if m.home != nil {
		m.home.leave()
	}
}

// reach calls do with the address of a database.
func (m *migrator) reach(ctx context.Context, db *spec.Database, do func(context.Context, pg.Endpoint) error) error {
	cfg := m.config
	cfg.Database = db
	if err := engine.Migrate(ctx, cfg, do); err != nil {
		return fmt.Errorf("%s: %w", db.Addr, err)
	}
	return nil
}

// record keeps the schema that drift is told from, and the ledger of a managed
// server for plans while it is down.
func (m *migrator) record(to pg.Endpoint, db *spec.Database) error {
	m.keepSchema(to, db)
	if db.Source != "managed" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	ledger, err := migration.ReadLedger(ctx, to)
	if err != nil {
		return err
	}
	return migration.RecordLedger(m.sys.StateDir, db.Addr.Name, ledger)
}
