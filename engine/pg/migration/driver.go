package migration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/golang-migrate/migrate/v4/database"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/syndicate/syndicate/engine/pg/script"
)

// driver is how golang-migrate reaches PostgreSQL: its table, its calls, and
// behind them another protocol.
//
//	SetVersion(v, dirty)  nothing yet                      | marked dirty, ledger: running
//	Run(file)             BEGIN, the file                  | each unit, with its progress
//	SetVersion(v, clean)  version and ledger too, COMMIT   | version, ledger: done, COMMIT
//	                      a file that is one transaction   | any other file
//
// One step after another is set before golang-migrate is called. It is not
// safe for concurrent use.
type driver struct {
	session  *session
	progress func(Event)

	// Set before each step.
	ctx  context.Context //nolint:containedctx // golang-migrate passes none
	work *work

	failed *FileError // of the step
	intact bool       // the unit that failed ended no transaction of its own

	watchEvery time.Duration
	works      atomic.Uint32 // the server's process that works on the step
	second     *session      // of the unit that runs apart; nil for none
	waiter     *Holder       // a session that was let in
}

var _ database.Driver = (*driver)(nil)

// begin sets the step that is next.
func (d *driver) begin(ctx context.Context, w *work) {
	d.ctx, d.work, d.failed, d.intact, d.waiter = ctx, w, nil, false, nil
	d.works.Store(d.session.conn.PgConn().PID())
}

// Open is not how this driver is made.
func (d *driver) Open(string) (database.Driver, error) {
	return nil, errors.New("this driver works on a session that is open")
}

// Close does nothing: the session outlives golang-migrate.
func (d *driver) Close() error { return nil }

// Lock does nothing: the session holds the locks before the first file, and
// Unlock leaves them, so that nobody comes in between two files.
func (d *driver) Lock() error { return nil }

// Unlock is explained at Lock.
func (d *driver) Unlock() error { return nil }

// Drop is nothing that migrations do here.
func (d *driver) Drop() error { return errors.New("syndicate drops no database") }

// Version is what the step was planned for.
func (d *driver) Version() (version int, dirty bool, err error) {
	if d.work.before == nil {
		return database.NilVersion, false, nil
	}
	return int(*d.work.before), false, nil
}

// SetVersion is called twice for each file: dirty before it, clean after.
func (d *driver) SetVersion(_ int, dirty bool) error {
	if dirty {
		if sql := d.work.opening(d.session.sql); sql != "" {
			return d.session.exec(d.ctx, sql)
		}
		return nil
	}
	err := d.commit(d.ctx, d.work.closing(d.session.sql)...)
	if err == nil {
		return nil
	}
	if d.work.whole() {
		d.failed = d.explain(err, "", 0, nil)
		if _, answered := errors.AsType[*pgconn.PgError](err); !answered {
			d.failed.Rest = AllOrNothing
		} else if d.session.rollback(d.ctx) != nil {
			d.failed.Rest = AllOrNothing
		}
		return d.failed
	}
	_ = d.session.rollback(d.ctx)
	d.failed = d.explain(err, "", 0, nil)
	d.failed.Rest, d.failed.Done, d.failed.Of = Part, len(d.work.units), len(d.work.units)
	return d.failed
}

// Run runs one file.
func (d *driver) Run(body io.Reader) error {
	// The step has its text. golang-migrate waits until its own is read.
	if _, err := io.Copy(io.Discard, body); err != nil {
		return fmt.Errorf("read %s: %w", d.work.Path(), err)
	}
	if d.work.whole() {
		return d.transaction()
	}
	return d.units()
}

// transaction begins one and runs the file in it. SetVersion commits.
func (d *driver) transaction() error {
	if len(d.work.units) == 0 {
		return d.session.exec(d.ctx, "BEGIN")
	}
	u := d.work.units[0]
	err := d.session.exec(d.ctx, u.Begin)
	done := 0
	if err == nil {
		done, err = d.session.count(d.ctx, u.Text)
	}
	if err == nil {
		return nil
	}
	d.failed = d.explain(err, u.Text, u.Offset, statementAt(u, done))
	// Where this fails the connection is lost, and the transaction with it.
	_ = d.session.rollback(d.ctx)
	return d.failed
}

func statementAt(u script.Unit, done int) *script.Statement {
	if done < len(u.Statements) {
		return &u.Statements[done]
	}
	return nil
}

// units runs a file that is no transaction, from where it stopped.
func (d *driver) units() error {
	w := d.work
	defer d.clear()
	for _, sql := range w.again() {
		if err := d.session.exec(d.ctx, sql); err != nil {
			return d.stop(w.first, err, nil)
		}
	}
	if w.resume != nil {
		d.progress(Event{Kind: EventResumed, File: w.File, Down: w.Down, Done: w.first, Of: len(w.units)})
	}
	for n := w.first; n < len(w.units); n++ {
		doubt := w.resume != nil && n == w.first
		for attempt := 1; ; attempt++ {
			done, err := d.unit(n, doubt)
			if err == nil {
				break
			}
			at := statementAt(w.units[n], done)
			if d.waiter != nil && lacksLock(err) { // behind the one that was let in
				err = errors.Join(errAwaited, err)
			}
			if errors.Is(err, errAwaited) {
				return d.stop(n, err, at)
			}
			if attempt >= lockAttempts || !lacksLock(err) || w.units[n].Kind == script.Raw {
				return d.stop(n, err, at)
			}
			wait := retryWait(attempt)
			d.progress(Event{Kind: EventRetrying, File: w.File, Down: w.Down, Err: d.explain(err, w.units[n].Text, w.units[n].Offset, at), Took: wait})
			if err := pause(d.ctx, wait); err != nil {
				return d.stop(n, err, at)
			}
			doubt = true
		}
	}
	return nil
}

// unit runs one. In doubt, an earlier attempt at it may have done it, or a
// part of it.
func (d *driver) unit(n int, doubt bool) (done int, err error) {
	w, u := d.work, d.work.units[n]
	d.clear()
	ready, err := d.mend(u, doubt)
	if err != nil {
		return 0, err
	}
	if !ready {
		done, err = d.send(n)
	}
	if err == nil {
		err = d.session.exec(d.ctx, w.unitDone(d.session.sql, n))
	}
	if err != nil && !apart(u) {
		_ = d.session.rollback(d.ctx)
	}
	return done, err
}

// send sends the statements of a unit.
func (d *driver) send(n int) (done int, err error) {
	u, s := d.work.units[n], d.session
	switch u.Kind {
	case script.Transaction:
		if err := s.exec(d.ctx, u.Begin); err != nil {
			return 0, err
		}
		return s.count(d.ctx, u.Text)
	case script.Raw:
		before, known := s.transactions(d.ctx)
		for i, st := range u.Statements {
			if err := s.exec(d.ctx, st.Text); err != nil {
				after, still := s.transactions(d.ctx)
				d.intact = known && still && len(u.Statements) == 1 && after == before+2 // its own, and that of asking
				return i, err
			}
		}
		if s.inTransaction() {
			return len(u.Statements), errors.New("the file begins a transaction and does not end it: write COMMIT")
		}
		return len(u.Statements), nil
	}
	if apart(u) {
		err = d.runApart(n)
	} else {
		err = s.exec(d.ctx, u.Text)
	}
	if err != nil {
		return 0, err
	}
	return 1, nil
}
