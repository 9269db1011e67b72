package migration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"

	"github.com/syndicate/syndicate/engine/pg"
)

// Up applies the pending files in order, at most limit of them; 0 is all. It
// takes the locks of golang-migrate's library and command line first, and
// waits for whoever holds them. A cancelled context cancels the running
// statement on the server. Whatever happens, the next Up goes on from what is
// there.
func Up(ctx context.Context, cfg Config, limit int) (Result, error) {
	return migrating(ctx, cfg, func(r *run) ([]Step, error) {
		steps, err := r.upSteps(nil)
		if left := limit - len(r.result.Steps); limit > 0 && len(steps) > left {
			steps = steps[:left]
		}
		return steps, err
	})
}

// Down undoes the last n files that are applied, from the highest version
// down; 0 is all. It does nothing where one of them has no down file.
func Down(ctx context.Context, cfg Config, n int) (Result, error) {
	return migrating(ctx, cfg, func(r *run) ([]Step, error) {
		switch {
		case r.moved:
			return nil, r.errMoved()
		case n == 0:
			return r.downSteps(0, nil)
		}
		return r.downSteps(n-len(r.result.Steps), nil)
	})
}

// Goto goes up or down to a version, after which exactly the files up to it
// are applied.
func Goto(ctx context.Context, cfg Config, version uint64) (Result, error) {
	return migrating(ctx, cfg, func(r *run) ([]Step, error) {
		if !slices.ContainsFunc(r.files, func(f File) bool { return f.Version == version }) {
			return nil, &NoVersionError{Version: version, Dir: cfg.Dir, Files: r.files}
		}
		if above(version, r.ledger.head()) {
			return r.upSteps(&version)
		}
		return r.downSteps(0, &version)
	})
}

// NoVersionError says that no file has a version that was asked for.
type NoVersionError struct {
	Version uint64
	Dir     string
	Files   []File
}

func (e *NoVersionError) Error() string {
	text := fmt.Sprintf("migrate: %s has no file of version %d", e.Dir, e.Version)
	if n := len(e.Files); n > 0 {
		text += fmt.Sprintf("; its versions go from %d to %d", e.Files[0].Version, e.Files[n-1].Version)
		if e.Version == 0 {
			text += ", and all of them are undone by: syndicate migrate down --all"
		}
	}
	return text
}

// run is one call of this package, over one session that holds the locks.
type run struct {
	cfg     Config
	session *session
	driver  *driver
	migrate *migrate.Migrate
	files   []File
	ledger  Ledger
	result  Result
	moved   bool // another tool was let in, and has changed what is applied
}

// migrating does the steps that plan chooses.
func migrating(ctx context.Context, cfg Config, plan func(*run) ([]Step, error)) (Result, error) {
	r, err := open(ctx, cfg)
	if err != nil {
		return Result{}, err
	}
	defer r.session.close()
	steps, err := plan(r)
	if err == nil && len(steps) > 0 && !cfg.DryRun {
		err = r.cfg.Confirm(steps)
	}
	if err == nil {
		err = r.all(ctx, steps)
	}
	for times := 1; err != nil; times++ {
		if err = r.goBehind(ctx, err, times); err != nil {
			break
		}
		if steps, err = plan(r); err == nil {
			err = r.all(ctx, steps)
		}
	}
	r.reread(ctx)
	return r.result, err
}

// open reads the files, connects, takes the locks, and brings both tables up
// to date. A dry run does none of what changes anything.
func open(ctx context.Context, cfg Config) (*run, error) {
	cfg = cfg.withDefaults()
	files, problems := Files(cfg.Dir)
	if hasErrors(problems) {
		return nil, &ProblemsError{Problems: problems}
	}
	s, err := openSession(ctx, cfg)
	if err != nil {
		return nil, err
	}
	r := &run{cfg: cfg, session: s, files: files}
	if err := r.prepare(ctx); err != nil {
		s.close()
		return nil, err
	}
	return r, nil
}

func (r *run) prepare(ctx context.Context) (err error) {
	r.driver = &driver{session: r.session, progress: r.cfg.Progress, watchEvery: r.cfg.watchEvery}
	if r.migrate, err = migrate.NewWithInstance("files", nil, "postgres", r.driver); err != nil {
		return fmt.Errorf("prepare the migrations: %w", err)
	}
	if !r.cfg.DryRun {
		if err := r.session.lock(ctx, func(h Holder) { r.cfg.Progress(Event{Kind: EventWaiting, Holder: h}) }); err != nil {
			return err
		}
		if err := r.tables(ctx); err != nil {
			return err
		}
	}
	if r.ledger, err = readLedger(ctx, r.session.conn); err != nil {
		return r.failed(ctx, "read the ledger", err)
	}
	r.result.Ledger = r.ledger
	if r.cfg.DryRun {
		return nil
	}
	return r.catchUp(ctx)
}

// tables makes the two tables, as far as they are not there.
func (r *run) tables(ctx context.Context) error {
	var version, ledger bool
	sql := r.session.sql
	err := r.session.conn.QueryRow(ctx, "select to_regclass($1) is null, to_regclass($2) is null",
		table(sql.schema, versionTable), table(sql.schema, ledgerTable)).Scan(&version, &ledger)
	if err == nil && version {
		err = r.session.exec(ctx, sql.createVersion())
	}
	if err == nil && ledger {
		err = r.session.exec(ctx, sql.createLedger())
	}
	if err != nil {
		return r.failed(ctx, "create the tables "+versionTable+" and "+ledgerTable, err)
	}
	return nil
}

// all does steps, one after another.
func (r *run) all(ctx context.Context, steps []Step) error {
	before := r.ledger.head()
	for i, step := range steps {
		if ctx.Err() != nil {
			return fmt.Errorf("migrate: %w", context.Cause(ctx))
		}
		w, err := step.load(before)
		if err != nil {
			return err
		}
		if r.cfg.DryRun {
			r.result.SQL = append(r.result.SQL, Planned{Step: step, SQL: w.sql(r.session)})
		} else if err := r.do(ctx, w); err != nil {
			return err
		} else {
			r.result.Steps = append(r.result.Steps, step)
			r.stands(step.Target, false)
			if r.driver.waiter != nil && i+1 < len(steps) {
				return errBehind
			}
		}
		before = step.Target
	}
	return nil
}

// stands keeps what golang-migrate's table says, should nobody be able to ask
// it any more.
func (r *run) stands(head *uint64, dirty bool) {
	l := &r.result.Ledger
	l.None, l.Dirty, l.At = head == nil, dirty, time.Now().UTC()
	if head != nil {
		l.Version = *head
	}
}

// do runs one file, again where it could not get a lock and was undone.
func (r *run) do(ctx context.Context, w *work) error {
	if len(w.units) == 0 {
		r.cfg.Progress(Event{Kind: EventNotice, File: w.File, Down: w.Down, Text: "contains no statement, and counts as it is"})
	}
	var behind []Holder
	for n := 1; ; n++ {
		if err := r.session.exec(ctx, r.session.fresh()); err != nil {
			return r.failed(ctx, "prepare "+w.Path(), err)
		}
		r.cfg.Progress(Event{Kind: EventStarted, File: w.File, Down: w.Down})
		start := time.Now()
		unwatch := r.watch(ctx, w)
		err := r.step(ctx, w)
		if seen := unwatch(); len(seen) > 0 {
			behind = seen
		}
		if err == nil {
			r.cfg.Progress(Event{Kind: EventApplied, File: w.File, Down: w.Down, Took: time.Since(start)})
			return nil
		}
		failed, ok := errors.AsType[*FileError](err)
		if ok && lacksLock(failed.cause) {
			failed.Behind = behind
		}
		if !ok || !w.whole() || failed.Rest != Nothing || n >= lockAttempts || !lacksLock(failed.cause) {
			return err
		}
		wait := retryWait(n)
		r.cfg.Progress(Event{Kind: EventRetrying, File: w.File, Down: w.Down, Err: err, Took: wait})
		if err := pause(ctx, wait); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
	}
}

// step lets golang-migrate run one file.
func (r *run) step(ctx context.Context, w *work) error {
	r.driver.begin(ctx, w)
	target := database.NilVersion
	if w.Target != nil {
		target = int(*w.Target)
	}
	m, err := migrate.NewMigration(io.NopCloser(strings.NewReader(w.text)), w.File.Name, uint(w.File.Version), target)
	if err != nil {
		return fmt.Errorf("prepare %s: %w", w.Path(), err)
	}
	err = r.migrate.Run(m)
	// golang-migrate fills this from a goroutine, which ends once all of it
	// is read.
	_ = m.BufferedBody.(interface{ Close() error }).Close()
	if failed := r.driver.failed; failed != nil {
		if failed.Rest != Nothing {
			r.stands(w.Target, true)
		}
		return failed
	}
	if err != nil {
		_ = r.session.rollback(ctx)
		return r.failed(ctx, fmt.Sprintf("record %s in %s", w.Path(), versionTable), err)
	}
	return nil
}

// failed makes the error of what is not a file's own.
func (r *run) failed(ctx context.Context, op string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("migrate: %w", context.Cause(ctx))
	}
	return pg.ConnectError(op, r.cfg.Endpoint, err)
}

// reread asks for the ledger once more, if it can.
func (r *run) reread(ctx context.Context) {
	if r.session.conn.IsClosed() || r.cfg.DryRun {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	if ledger, err := readLedger(ctx, r.session.conn); err == nil {
		r.result.Ledger = ledger
	}
}
