package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/syndicate/syndicate/engine"
	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/statedir"
	"github.com/syndicate/syndicate/view"
)

// migrateCmd works on the migrations of a system's databases, with or
// without the system running.
type migrateCmd struct {
	Up     migrateUpCmd     `cmd:"" help:"Apply the migrations that are pending."`
	Status migrateStatusCmd `cmd:"" help:"Show which migrations are applied. Exits with 2 where some are pending, with 3 where a database is dirty."`
}

// migrateFlags are those of every migrate command.
type migrateFlags struct {
	inputs
	Database string `name:"database" placeholder:"NAME" help:"Only this database."`
	JSON     bool   `name:"json" help:"Print the result as versioned JSON."`
}

type migrateUpCmd struct {
	migrateFlags
	Count *int `arg:"" optional:"" name:"N" help:"Apply at most so many, of each database."`
}

type migrateStatusCmd struct{ migrateFlags }

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

// Run shows what is applied and what is pending.
func (c *migrateStatusCmd) Run(s *session) error {
	var result view.Migrations
	code := exitDone
	failed := c.each(s, func(ctx context.Context, m *migrator, db *spec.Database) error {
		d, err := m.status(ctx, db)
		if err != nil {
			return err
		}
		result.Databases = append(result.Databases, d)
		switch {
		case d.Dirty || d.Drifted:
			code = exitDiffers
		case d.Pending > 0 && code == exitDone:
			code = exitPending
		}
		return nil
	})
	if failed != nil {
		return s.migrateExit(failed)
	}
	render := result.StatusText
	if c.JSON {
		render = result.JSON
	}
	if err := render(s.stdout); err != nil {
		return err
	}
	return exit(code)
}

// migrateExit gives a failure its exit code and its hint.
func (s *session) migrateExit(err error) error {
	if err == nil {
		return nil
	}
	if own, ok := errors.AsType[*exitError](err); ok {
		return own
	}
	code := exitFailed
	if errors.Is(err, errInterrupt) {
		code = exitInterrupted
	}
	return &exitError{code: code, err: err, hint: s.command("migrate", "status")}
}

// each calls do for every database that has migrations, or for the one that
// a flag names, in order of address. SIGINT, SIGTERM and SIGHUP cancel it.
func (c *migrateFlags) each(s *session, do func(context.Context, *migrator, *spec.Database) error) error {
	loaded, err := s.load(demand{inputs: c.inputs, values: true})
	if err != nil {
		return err
	}
	databases, err := c.choose(s, loaded.System)
	if err != nil {
		return err
	}
	m, err := s.newMigrator(loaded.System)
	if err != nil {
		return err
	}
	defer m.close()
	ctx, stop := interruptible()
	defer stop()
	for _, db := range databases {
		if err := do(ctx, m, db); err != nil {
			return err
		}
	}
	return nil
}

// choose returns the databases to work on.
func (c *migrateFlags) choose(s *session, sys *spec.System) ([]*spec.Database, error) {
	var all, chosen []*spec.Database
	var known []string
	for _, db := range sys.Databases {
		if db.Migrations == nil {
			continue
		}
		all = append(all, db)
		known = append(known, strings.TrimPrefix(db.Addr.String(), "database."))
	}
	if len(all) == 0 {
		return nil, failWith(errors.New("no database of this configuration has migrations: write migrations { path = … } in one"), "")
	}
	if c.Database == "" {
		return all, nil
	}
	want, err := spec.ParseAddr(c.Database)
	if err != nil {
		return nil, usage("--database: %w", err)
	}
	for _, db := range all {
		if db.Addr.Name == want.Name && (want.Kind == "" || want.Kind == spec.KindDatabase) && (want.Key == "" || want.Key == db.Addr.Key) {
			chosen = append(chosen, db)
		}
	}
	if len(chosen) == 0 {
		return nil, usage("--database %s: there is no such database with migrations; there is %s", c.Database, strings.Join(known, ", "))
	}
	return chosen, nil
}

// interruptible returns a context that the signals of a person or of the
// system end, with a cause that says which.
func interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for sig := range ch {
			switch sig {
			case os.Interrupt:
				cancel(errInterrupt)
			case syscall.SIGTERM:
				cancel(errTerminate)
			default:
				cancel(errHangup)
			}
		}
	}()
	return ctx, sync.OnceFunc(func() {
		signal.Stop(ch)
		close(ch)
		<-done
		cancel(nil)
	})
}

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

// up applies what is pending for one database.
func (m *migrator) up(ctx context.Context, db *spec.Database, limit int) (view.DatabaseMigrations, error) {
	d := view.DatabaseMigrations{Address: db.Addr.String(), Path: db.Migrations.Path}
	err := m.reach(ctx, db, func(ctx context.Context, to pg.Endpoint) error {
		result, err := pg.Up(ctx, pg.MigrateConfig{
			Endpoint: to, Dir: db.Migrations.Path, Limit: limit, LockTimeout: db.Migrations.LockTimeout.Std(),
			Progress: func(ev pg.Event) { m.tell(&d, ev) },
		})
		status := pg.Status{Ledger: result.Ledger}
		if err == nil {
			status.Files, _ = pg.Files(db.Migrations.Path)
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
func (m *migrator) tell(d *view.DatabaseMigrations, ev pg.Event) {
	line := view.MigrationLine{Address: d.Address, Version: ev.File.Version, Name: ev.File.Name}
	switch ev.Kind {
	case pg.EventWaiting:
		line.Text = fmt.Sprintf("waiting for the lock, which %s holds", ev.Holder)
	case pg.EventApplied:
		d.Applied = append(d.Applied, view.AppliedMigration{Version: ev.File.Version, Name: ev.File.Name, Seconds: ev.Took.Seconds()})
		line.Text, line.Took = "applied", ev.Took
	case pg.EventRetrying:
		line.Text = "was undone, since a lock was not to be had, and is tried again"
	case pg.EventNotice:
		line.Text = ev.Text
	default:
		return
	}
	if !m.s.quiet || ev.Kind == pg.EventWaiting {
		line.Write(m.s.stderr)
	}
}

// record keeps the ledger of a managed server for plans while it is down.
func (m *migrator) record(to pg.Endpoint, db *spec.Database) error {
	if db.Source != "managed" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	ledger, err := pg.ReadLedger(ctx, to)
	if err != nil {
		return err
	}
	return pg.RecordLedger(m.sys.StateDir, db.Addr.Name, ledger)
}

// status reads the ledger of one database. A managed one that was never
// started has none, and is not created for the question.
func (m *migrator) status(ctx context.Context, db *spec.Database) (view.DatabaseMigrations, error) {
	d := view.DatabaseMigrations{Address: db.Addr.String(), Path: db.Migrations.Path}
	if db.Source == "managed" && m.home != nil && pg.DataMajor(db.Managed.DataDir) == 0 {
		files, problems := pg.Files(db.Migrations.Path)
		status := pg.Status{Ledger: pg.Ledger{None: true}, Files: files, Pending: files, Problems: problems}
		describe(&d, status)
		return d, usable(problems)
	}
	err := m.reach(ctx, db, func(ctx context.Context, to pg.Endpoint) error {
		status, err := pg.ReadStatus(ctx, to, db.Migrations.Path)
		if err != nil {
			return err
		}
		describe(&d, status)
		return errors.Join(usable(status.Problems), m.record(to, db))
	})
	return d, err
}

// usable turns what is wrong with the files into an error.
func usable(problems []pg.Problem) error {
	for _, p := range problems {
		if p.Severity == spec.Error {
			return &pg.ProblemsError{Problems: problems}
		}
	}
	return nil
}

// describe fills in where a database stands.
func describe(d *view.DatabaseMigrations, status pg.Status) {
	l := status.Ledger
	d.Dirty, d.Drifted, d.Pending = l.Dirty, !l.Known(status.Files), len(status.Pending)
	d.Advice = status.Advice(d.Path)
	if !l.None {
		d.Version = &l.Version
	}
	for _, f := range status.Files {
		state := "applied"
		switch {
		case l.None || f.Version > l.Version:
			state = "pending"
		case l.Dirty && f.Version == l.Version:
			state = "dirty"
		}
		d.Files = append(d.Files, view.MigrationFile{Version: f.Version, Name: f.Name, State: state})
	}
}
