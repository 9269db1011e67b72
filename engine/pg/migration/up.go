package migration

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/golang-migrate/migrate/v4"
	migratepgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/engine/pg"
)

// Config says what to migrate.
type Config struct {
	Endpoint pg.Endpoint
	Dir      string // absolute
	// Limit is how many files to apply at most; 0 is all.
	Limit int
	// LockTimeout bounds the wait of one statement for a table's lock; 0 is
	// 3 seconds. A file that fails of it and was undone is tried again.
	LockTimeout time.Duration
	// Progress is told what happens, in order, from the goroutine that
	// called Up. nil drops it.
	Progress func(Event)
}

// EventKind says what an Event tells.
type EventKind string

// What Up tells.
const (
	EventWaiting  EventKind = "waiting"  // another holds the lock: Holder
	EventStarted  EventKind = "started"  // File begins
	EventApplied  EventKind = "applied"  // File is done: Took
	EventRetrying EventKind = "retrying" // File was undone and comes again: Err, Took is the wait
	EventNotice   EventKind = "notice"   // PostgreSQL says something: Text
)

// Event is one thing that happened while migrating.
type Event struct {
	Kind   EventKind
	File   File
	Took   time.Duration
	Holder Holder
	Text   string
	Err    error
}

// Result is what Up did.
type Result struct {
	Applied []File
	Ledger  Ledger // afterwards
}

// DirtyError says that a file failed earlier and may be half done.
type DirtyError struct {
	Version uint64
	Path    string // of its up file, "" where there is none any more
	Repair  string
	Back    string // the statement that sets the ledger to before the file
}

func (e *DirtyError) Error() string {
	what := fmt.Sprintf("version %d", e.Version)
	if e.Path != "" {
		what = e.Path
	}
	return fmt.Sprintf("migrate: the database is marked dirty: %s failed earlier, and a part of it may be done; %s", what, e.Repair)
}

// UnknownVersionError says that the database is at a version that no file
// has: it was migrated by a newer state of the files.
type UnknownVersionError struct {
	Version uint64
	Dir     string
}

func (e *UnknownVersionError) Error() string {
	return fmt.Sprintf("migrate: the database is at version %d, and %s has no file of that version; "+
		"bring the files up to date, or, if the file was renamed, give it its version back", e.Version, e.Dir)
}

// lockAttempts is how often a file is tried that could not get a lock.
const lockAttempts = 5

// Up applies the pending migrations in order. It takes the locks of
// golang-migrate's library and command line first, and waits for whoever
// holds them. A cancelled context cancels the running statement on the
// server. A file that the server undid wholly leaves the database clean, as
// it was before; any other failed file leaves it dirty.
func Up(ctx context.Context, cfg Config) (Result, error) {
	files, problems := Files(cfg.Dir)
	if hasErrors(problems) {
		return Result{}, &ProblemsError{Problems: problems}
	}
	if cfg.LockTimeout <= 0 {
		cfg.LockTimeout = 3 * time.Second
	}
	if cfg.Progress == nil {
		cfg.Progress = func(Event) {}
	}
	s, err := openSession(ctx, cfg.Endpoint, cfg.LockTimeout, func(text string) {
		cfg.Progress(Event{Kind: EventNotice, Text: text})
	})
	if err != nil {
		return Result{}, err
	}
	defer s.close()
	if err := s.lock(ctx, func(h Holder) { cfg.Progress(Event{Kind: EventWaiting, Holder: h}) }); err != nil {
		return Result{}, err
	}
	u, err := newUpper(ctx, cfg, s, files)
	if err != nil {
		return Result{}, err
	}
	err = u.run(ctx)
	return u.result, err
}

// upper applies files over one session that holds the locks.
type upper struct {
	cfg     Config
	session *session
	driver  *driver
	migrate *migrate.Migrate
	pending []File
	result  Result
}

// newUpper builds golang-migrate's objects and reads the ledger.
func newUpper(ctx context.Context, cfg Config, s *session, files []File) (*upper, error) {
	inner, err := migratepgx.WithInstance(s.db, &migratepgx.Config{
		DatabaseName: s.database, SchemaName: s.schema, MigrationsTable: ledgerTable,
	})
	if err != nil {
		return nil, pg.ConnectError("prepare the table "+ledgerTable, cfg.Endpoint, err)
	}
	d := &driver{Driver: inner, session: s, ctx: ctx}
	version, dirty, err := d.Version()
	if err != nil {
		return nil, pg.ConnectError("read the table "+ledgerTable, cfg.Endpoint, err)
	}
	ledger := Ledger{None: version < 0, Version: uint64(max(version, 0)), Dirty: dirty, At: time.Now().UTC()}
	u := &upper{cfg: cfg, session: s, driver: d, result: Result{Ledger: ledger}, pending: ledger.Pending(files)}
	switch {
	case dirty:
		return nil, dirtyError(ledger, files, s.schema)
	case !ledger.Known(files):
		return nil, &UnknownVersionError{Version: ledger.Version, Dir: cfg.Dir}
	}
	if cfg.Limit > 0 && len(u.pending) > cfg.Limit {
		u.pending = u.pending[:cfg.Limit]
	}
	source, err := iofs.New(os.DirFS(cfg.Dir), ".")
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	if u.migrate, err = migrate.NewWithInstance("iofs", source, "postgres", d); err != nil {
		return nil, fmt.Errorf("prepare the migrations: %w", err)
	}
	return u, nil
}

// run applies the pending files, one after another.
func (u *upper) run(ctx context.Context) error {
	for _, f := range u.pending {
		if ctx.Err() != nil {
			return fmt.Errorf("migrate: %w", context.Cause(ctx))
		}
		if err := u.apply(ctx, f); err != nil {
			return err
		}
		u.result.Applied = append(u.result.Applied, f)
		u.result.Ledger = Ledger{Version: f.Version, At: time.Now().UTC()}
	}
	return nil
}

// apply runs one file, again where it could not get a lock.
func (u *upper) apply(ctx context.Context, f File) error {
	for n := 1; ; n++ {
		if err := u.session.settings(ctx); err != nil {
			if ctx.Err() != nil {
				return fmt.Errorf("migrate: %w", context.Cause(ctx))
			}
			return pg.ConnectError("prepare "+f.Up, u.cfg.Endpoint, err)
		}
		u.cfg.Progress(Event{Kind: EventStarted, File: f})
		start := time.Now()
		err := u.step(ctx, f)
		if err == nil {
			u.cfg.Progress(Event{Kind: EventApplied, File: f, Took: time.Since(start)})
			return nil
		}
		failed, ok := errors.AsType[*FileError](err)
		if !ok || failed.Dirty || n >= lockAttempts || failed.SQLState != "55P03" && failed.SQLState != "40P01" {
			return err
		}
		wait := time.Duration((0.5 + rand.Float64()) * float64(time.Duration(n)*200*time.Millisecond))
		u.cfg.Progress(Event{Kind: EventRetrying, File: f, Err: err, Took: wait})
		if err := pause(ctx, wait); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
	}
}

// step lets golang-migrate apply the next file.
func (u *upper) step(ctx context.Context, f File) error {
	before := u.result.Ledger
	u.driver.ctx, u.driver.path, u.driver.failed = ctx, f.Up, nil
	err := u.migrate.Steps(1)
	failed := u.driver.failed
	switch {
	case err == nil:
		return nil
	case failed != nil:
		if failed.Dirty {
			failed.Repair, failed.Back = repairAdvice(f.Version, before, u.session.schema)
			u.result.Ledger = Ledger{Version: f.Version, Dirty: true, At: time.Now().UTC()}
		}
		return failed
	}
	// The ledger itself could not be written, before or after the file.
	return pg.ConnectError(fmt.Sprintf("record version %d in %s", f.Version, ledgerTable), u.cfg.Endpoint, err)
}

// pause waits, or returns the cause of a cancellation.
func pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// dirtyError says which file failed and how to go on.
func dirtyError(l Ledger, files []File, schema string) *DirtyError {
	e := &DirtyError{Version: l.Version}
	before := Ledger{None: true}
	for _, f := range files {
		if f.Version < l.Version {
			before = Ledger{Version: f.Version}
		}
		if f.Version == l.Version {
			e.Path = f.Up
		}
	}
	e.Repair, e.Back = repairAdvice(l.Version, before, schema)
	return e
}

// repairAdvice names the two ways out of a dirty ledger, as psql runs them.
// The schema is left out where it is unknown or the usual one.
func repairAdvice(version uint64, before Ledger, schema string) (advice, back string) {
	table := ledgerTable
	if schema != "" && schema != "public" {
		table = pgx.Identifier{schema}.Sanitize() + "." + table
	}
	back = "DELETE FROM " + table
	if !before.None {
		back = fmt.Sprintf("UPDATE %s SET version = %d, dirty = false", table, before.Version)
	}
	return fmt.Sprintf("look what of it is done, then either undo that by hand and run in psql: %s; "+
		"or finish it by hand and run: UPDATE %s SET version = %d, dirty = false", back, table, version), back
}

// Advice says what to do about a ledger that is dirty, or at a version that
// no file of dir has; "" where there is nothing to do.
func (s Status) Advice(dir string) string {
	switch {
	case s.Ledger.Dirty:
		return dirtyError(s.Ledger, s.Files, "").Error()
	case !s.Ledger.Known(s.Files):
		return (&UnknownVersionError{Version: s.Ledger.Version, Dir: dir}).Error()
	}
	return ""
}
