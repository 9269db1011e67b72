package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/syndicate/syndicate/api/client"
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

// slowServer is how long a server may take to answer before it is told who is
// waited for.
const slowServer = 2 * time.Second

// newMigrator takes the state directory where a managed server may have to
// be started.
func (s *session) newMigrator(sys *spec.System, patience time.Duration) (*migrator, error) {
	m := &migrator{s: s, sys: sys}
	m.config = engine.MigrateConfig{System: sys, Patience: patience, Waiting: func(a pg.Attempt) {
		if a.Number < a.Of && pg.IsTemporary(a.Err) { // the last is the error
			view.Note(s.stderr, fmt.Sprintf("%v (attempt %d of %d)", a.Err, a.Number, a.Of))
		}
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
	for ending := 0; ; { // the engine that is seen to end, by its pid
		m.home, err = s.moveIn(sys, config)
		held, taken := errors.AsType[*statedir.Held](err)
		if !taken {
			break
		}
		st, failure := client.New(sys.StateDir).Status(context.Background())
		ends := failure == nil && (st.State == string(engine.SystemStopping) || st.State == string(engine.SystemStopped))
		if !ends && !(errors.Is(failure, client.ErrNobody) && held.Info.PID == ending) {
			_, err = statedir.ReadJSON(sys.StateDir, portsFile, &m.config.Ports)
			return m, err
		}
		// Its servers are about to go.
		if ending == 0 {
			view.Note(s.stderr, fmt.Sprintf("Waiting for the end of %s (pid %d), which is stopping.", held.Info.Name, held.Info.PID))
		}
		ending = held.Info.PID
		time.Sleep(lookAgain)
	}
	if err != nil {
		return nil, err
	}
	m.config.Life, m.config.Ports = m.home.life, m.home.ports
	if err := m.home.lock.SetDoing(fmt.Sprintf("migrate (pid %d) works on the databases", os.Getpid())); err != nil {
		m.close()
		return nil, err
	}
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
	slow := time.AfterFunc(slowServer, func() { view.Note(m.s.stderr, fmt.Sprintf("Waiting for the server of %s.", db.Addr)) })
	defer slow.Stop()
	err := engine.Migrate(ctx, cfg, func(ctx context.Context, to pg.Endpoint) error {
		slow.Stop()
		return do(ctx, to)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", db.Addr, err)
	}
	return nil
}

// migration is the configuration for one database.
func (m *migrator) migration(to pg.Endpoint, db *spec.Database, d *view.DatabaseMigrations) migration.Config {
	return migration.Config{
		Endpoint: to, Dir: db.Migrations.Path, LockTimeout: db.Migrations.LockTimeout.Std(), Tool: ownVersion(),
		Progress: func(ev migration.Event) { m.tell(d, ev) },
	}
}

// run lets do run files of one database, or say what it would run.
func (m *migrator) run(ctx context.Context, db *spec.Database, dry bool, do func(context.Context, migration.Config) (migration.Result, error)) (view.DatabaseMigrations, error) {
	d := view.DatabaseMigrations{Address: db.Addr.String(), Path: db.Migrations.Path}
	err := m.reach(ctx, db, func(ctx context.Context, to pg.Endpoint) error {
		cfg := m.migration(to, db, &d)
		cfg.DryRun = dry
		result, err := do(ctx, cfg)
		for _, p := range result.SQL {
			d.Plan = append(d.Plan, view.PlannedMigration{Version: p.File.Version, Name: p.File.Name, Direction: p.Direction(), Path: p.Path(), SQL: p.SQL})
		}
		m.s.stands(&d, result.Ledger)
		if !dry && (err == nil || len(result.Steps) > 0) {
			m.keepSchema(to, db)
		}
		return errors.Join(err, m.recordLedger(to, db))
	})
	if err != nil {
		d.Error = m.s.spelt(err.Error())
	}
	return d, err
}

// tell shows what happens, and keeps what was done.
func (m *migrator) tell(d *view.DatabaseMigrations, ev migration.Event) {
	line := view.MigrationLine{Address: d.Address, Version: ev.File.Version, Name: ev.File.Name}
	switch ev.Kind {
	case migration.EventWaiting:
		line.Text = fmt.Sprintf("waiting for the lock, which %s holds", ev.Holder)
		if ev.File.Name != "" {
			line.Text = "waits for " + ev.Holder.Blocks()
		}
	case migration.EventApplied:
		done := view.AppliedMigration{Version: ev.File.Version, Name: ev.File.Name, Seconds: ev.Took.Seconds()}
		line.Text, line.Took = "applied", ev.Took
		if ev.Down {
			line.Text = "undone"
			d.Undone = append(d.Undone, done)
		} else {
			d.Applied = append(d.Applied, done)
		}
	case migration.EventRetrying:
		line.Text = "was undone, since a lock was not to be had, and is tried again"
	case migration.EventResumed:
		line.Text = fmt.Sprintf("goes on after %d of its %d steps, which an earlier run did", ev.Done, ev.Of)
	case migration.EventNotice, migration.EventMended, migration.EventAdopted, migration.EventGaveWay:
		line.Text = ev.Text
	default:
		return
	}
	if !m.s.quiet || ev.Kind == migration.EventWaiting || ev.Kind == migration.EventGaveWay {
		line.Write(m.s.stderr)
	}
}

// record keeps the schema that drift is told from, and the ledger of a managed
// server for plans while it is down.
func (m *migrator) record(to pg.Endpoint, db *spec.Database) error {
	m.keepSchema(to, db)
	return m.recordLedger(to, db)
}

// recordLedger keeps the ledger of a managed server, and changes nothing in it.
func (m *migrator) recordLedger(to pg.Endpoint, db *spec.Database) error {
	if m.sys.Server(db) == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	ledger, err := migration.ReadLedger(ctx, to)
	if err != nil {
		return err
	}
	return migration.RecordLedger(m.sys.StateDir, db.Addr.File(), ledger)
}
