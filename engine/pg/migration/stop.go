package migration

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/script"
)

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
	if n == 0 && w.resume == nil && d.leftNothing(ctx, err) && d.commit(ctx, w.undo(d.session.sql)...) == nil {
		d.failed.Rest = Nothing
		return d.failed
	}
	_ = d.commit(ctx, asOurselves, d.session.sql.last("outcome = 'stopped', note = "+literal(d.failed.Message)))
	return d.failed
}

// leftNothing reports whether the first unit failed without leaving anything:
// it is a transaction, or ended none that it might have ended, or was refused before it began, or is an index that
// can be dropped again.
func (d *driver) leftNothing(ctx context.Context, err error) bool {
	if _, ok := errors.AsType[*apartError](err); ok {
		return true
	}
	pe, answered := errors.AsType[*pgconn.PgError](err)
	ended := errors.Is(err, errAwaited)
	if !ended && (!answered || pg.TemporaryState(pe.Code)) || d.outside().conn.IsClosed() {
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
	if !ok || c.kind != builds && (c.kind != rebuilds || !ended) {
		return answered && len(pe.Code) == 5 && pe.Code[:2] == "42"
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
