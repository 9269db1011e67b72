package migration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/golang-migrate/migrate/v4/database"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/syndicate/syndicate/engine/pg"
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
}

var _ database.Driver = (*driver)(nil)

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
	err := d.session.exec(d.ctx, d.work.closing(d.session.sql))
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
		if h := d.awaited(w.units[n]); h != nil {
			return d.letIn(h, d.stop(n, errAwaited, nil))
		}
		for attempt := 1; ; attempt++ {
			done, err := d.unit(n, doubt)
			if err == nil {
				break
			}
			at := statementAt(w.units[n], done)
			if deadlock(err) {
				if h := d.awaited(w.units[n]); h != nil {
					return d.letIn(h, d.stop(n, err, at))
				}
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

// letIn marks a step that stopped for a session that waits for the locks.
func (d *driver) letIn(h *Holder, err error) error {
	d.failed.waiter = h
	return err
}

// unit runs one. In doubt, an earlier attempt at it may have done it, or a
// part of it.
func (d *driver) unit(n int, doubt bool) (done int, err error) {
	w, u := d.work, d.work.units[n]
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
	if err != nil {
		_ = d.session.rollback(d.ctx)
	}
	return done, err
}

// send sends the statements of a unit.
func (d *driver) send(n int) (done int, err error) {
	w, u, s := d.work, d.work.units[n], d.session
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
	if sql := s.patience(w, n); sql != "" {
		if err := s.exec(d.ctx, sql); err != nil {
			return 0, err
		}
	}
	if err := s.exec(d.ctx, u.Text); err != nil {
		return 0, err
	}
	if sql := s.impatience(w, n); sql != "" {
		err = s.exec(d.ctx, sql)
	}
	return 1, err
}

// stop makes the error of a unit that failed, and notes in the ledger where
// the next run goes on. Where the first unit certainly left nothing, it takes
// the file back.
func (d *driver) stop(n int, err error, at *script.Statement) error {
	w := d.work
	text, offset := "", 0
	if n < len(w.units) {
		text, offset = w.units[n].Text, w.units[n].Offset
		if w.units[n].Kind == script.Raw && at != nil {
			text, offset = at.Text, at.Offset
		}
	}
	d.failed = d.explain(err, text, offset, at)
	d.failed.Rest, d.failed.Done, d.failed.Of = Part, n, len(w.units)
	if n < len(w.units) && w.units[n].Kind == script.Raw && (n > 0 || !d.intact) {
		d.failed.Rest, d.failed.Repair = Unclear, w.repair()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), cancelPatience)
	defer cancel()
	if n == 0 && w.resume == nil && d.leftNothing(ctx, err) && d.session.exec(ctx, w.undo(d.session.sql)) == nil {
		d.failed.Rest = Nothing
		return d.failed
	}
	_ = d.session.exec(ctx, asOurselves+";\n"+d.session.sql.last("outcome = 'stopped', note = "+literal(d.failed.Message)))
	return d.failed
}

// leftNothing reports whether the first unit failed without leaving anything:
// it is a transaction, or ended none that it might have ended, or was refused before it began, or is an index that
// can be dropped again.
func (d *driver) leftNothing(ctx context.Context, err error) bool {
	if errors.Is(err, errAwaited) {
		return true
	}
	pe, answered := errors.AsType[*pgconn.PgError](err)
	if !answered || pg.TemporaryState(pe.Code) || d.session.conn.IsClosed() {
		return false
	}
	u := d.work.units[0]
	if u.Kind == script.Transaction || u.Kind == script.Raw && d.intact {
		return true
	}
	if u.Kind != script.Alone || d.ctx.Err() != nil {
		return false
	}
	c, ok := concurrent(u.Statements[0])
	if !ok || c.kind != builds {
		return len(pe.Code) == 5 && pe.Code[:2] == "42"
	}
	_, err = d.drop(ctx, c, true)
	return err == nil
}

// explain makes the error of a failed file. query is what was sent, offset
// where it begins in the file.
func (d *driver) explain(err error, query string, offset int, at *script.Statement) *FileError {
	e := &FileError{Path: d.work.Path(), Again: d.work.Direction(), Recorded: d.work.recorded, cause: err}
	if d.ctx.Err() != nil {
		e.Cancelled = context.Cause(d.ctx)
	}
	if at != nil {
		e.Line, e.Statement = at.Line, firstLine(at.Text)
	}
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok {
		e.Lost = pg.TemporaryState(pe.Code)
		// A mistake in its syntax ends a query before its first statement.
		if st := d.work.statement(e.fill(pe, d.work.text, query, offset)); st != nil {
			e.Statement = firstLine(st.Text)
		}
	} else {
		e.Message = pg.LastPart(err)
		e.Lost = d.session.conn.IsClosed()
	}
	return e
}

// lockAttempts is how often a file, or a unit of it, is tried that could not
// get a lock.
const lockAttempts = 5

// lacksLock reports whether trying again may help: the lock was not to be had
// in time, or PostgreSQL ended a deadlock.
func lacksLock(err error) bool {
	pe, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pe.Code == "55P03" || pe.Code == "40P01")
}

// retryWait is the wait after so many attempts, with jitter: two deployers
// that met do not meet again.
func retryWait(attempt int) time.Duration {
	return time.Duration((0.5 + rand.Float64()) * float64(time.Duration(attempt)*200*time.Millisecond))
}
