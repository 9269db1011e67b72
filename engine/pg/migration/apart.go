package migration

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/engine/pg/script"
)

// golang-migrate waits for its lock inside of the server, in a statement that
// has a snapshot, and what works CONCURRENTLY waits at its end for everybody who
// had one. In one session with the lock each of the two would wait for the
// other, until PostgreSQL ended one of them.
//
// So such a statement runs in a second session, and the one that has the locks
// waits for nothing inside of the server meanwhile: no circle can close there,
// whoever comes and however long anything takes. That the statement waits for a
// session that waits for us is seen from outside, and ended without haste: see
// letPass.

// apart reports whether a unit runs in a session of its own.
func apart(u script.Unit) bool {
	return u.Kind == script.Alone && slices.Contains(u.Statements[0].Words, "concurrently")
}

// errAwaited ends a statement that waits for a session that waits for us.
var errAwaited = errors.New("another session waits for the lock of the migrations, and what works CONCURRENTLY waits for that session")

// apartError is of a second session that was not to be had: nothing ran in it.
type apartError struct{ error }

func (e *apartError) Unwrap() error { return e.error }

// lookEvery bounds how long both wait before that is seen.
const lookEvery = time.Second

// runApart runs a unit in a session of its own, which stays open for what has
// to be cleared away after it.
func (d *driver) runApart(n int) error {
	w := d.work
	second, err := d.session.second(d.ctx)
	if err != nil {
		return &apartError{fmt.Errorf("what works CONCURRENTLY runs in a second session: %w", err)}
	}
	d.second = second
	d.works.Store(second.conn.PgConn().PID())
	defer d.works.Store(d.session.conn.PgConn().PID())
	ctx, cancel := context.WithCancelCause(d.ctx)
	defer cancel(nil)
	ended := make(chan error, 1)
	go func() {
		var err error
		if sql := w.patience(); sql != "" {
			err = second.exec(ctx, sql)
		}
		if err == nil {
			err = second.exec(ctx, w.units[n].Text)
		}
		ended <- err
	}()
	every := min(watchFirst, d.watchEvery)
	look := time.NewTimer(every)
	defer look.Stop()
	for {
		select {
		case err := <-ended:
			if cause := context.Cause(ctx); errors.Is(cause, errAwaited) && err != nil {
				return cause
			}
			return err
		case <-look.C:
		}
		if err := d.letPass(n); err != nil {
			cancel(err)
		}
		every = min(2*every, lookEvery, d.watchEvery)
		look.Reset(every)
	}
}

// letPass looks whether the unit waits for somebody who waits for us, and lets
// that session have the locks. golang-migrate's first step with them is to read
// the version, which we have locked before: it comes as far as there, its
// snapshot is gone, the unit ends, and what it reads is that the file is done.
// Where more of the file is to come, or the unit waits for one that is behind
// that lock too, the unit has to be ended: the error says so.
func (d *driver) letPass(n int) error {
	h, err := d.circle()
	switch {
	case err != nil && d.session.conn.IsClosed():
		return err
	case err != nil || h == nil:
		return nil
	case d.waiter != nil || n+1 < len(d.work.units):
		d.gaveWay(h, "lets %s in, which waits for the lock: what works CONCURRENTLY is ended, since it waits for that session in turn")
		return errAwaited
	}
	// Whoever reads the version at this moment is gone at the next look.
	if d.session.exec(d.ctx, "BEGIN;\nLOCK TABLE "+table(d.session.sql.schema, versionTable)+" NOWAIT") != nil {
		_ = d.session.rollback(d.ctx)
		return nil
	}
	if err := d.session.unlock(d.ctx); err != nil {
		_ = d.session.rollback(d.ctx)
		return err
	}
	d.gaveWay(h, "lets %s in, which waits for the lock: what works CONCURRENTLY waits for it in turn")
	return nil
}

func (d *driver) gaveWay(h *Holder, text string) {
	d.progress(Event{Kind: EventGaveWay, Holder: *h, Text: fmt.Sprintf(text, h)})
	d.waiter = h
}

// circle returns a session that the unit waits for and that waits, for one
// lock behind another, for the session that has the locks. nil is none.
func (d *driver) circle() (*Holder, error) {
	var h Holder
	err := d.session.conn.QueryRow(d.ctx, `
		with recursive behind (first, pid) as (
			select b, b from unnest(pg_blocking_pids($1)) b
			union
			select first, b from behind, unnest(pg_blocking_pids(behind.pid)) b
		)
		select a.pid, coalesce(a.usename, ''), coalesce(a.application_name, ''), coalesce(host(a.client_addr), '')
		from behind join pg_stat_activity a on a.pid = behind.first
		where behind.pid = pg_backend_pid() limit 1`, int32(d.works.Load())).Scan(&h.PID, &h.User, &h.Application, &h.Client)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &h, err
}

// second opens another session with the settings and the role that this one
// has, and with a lock that keeps the next deployer waiting where this program
// is gone before the server has noticed.
func (s *session) second(ctx context.Context) (*session, error) {
	conn, err := pgx.ConnectConfig(ctx, s.config)
	if err != nil {
		return nil, err
	}
	other := *s
	other.conn = conn
	if err := other.take(ctx, s); err != nil {
		other.close()
		return nil, err
	}
	return &other, nil
}

// take takes the settings and the role of another session, and the lock.
func (s *session) take(ctx context.Context, from *session) error {
	// A list such as search_path comes whole, and a number in its own unit.
	rows, err := from.conn.Query(ctx, `
		select name, setting from pg_settings where source = 'session'
		union all select 'session_authorization', session_user where session_user <> $1
		union all select 'role', current_setting('role') where current_setting('role') <> 'none'`, s.config.User)
	if err != nil {
		return err
	}
	settings, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Name, Value string }])
	if err != nil {
		return err
	}
	for _, set := range settings {
		if _, err := s.conn.Exec(ctx, "select set_config($1, $2, false)", set.Name, set.Value); err != nil {
			return err
		}
	}
	id, err := s.ownLock()
	if err != nil {
		return err
	}
	var got bool
	if err := s.conn.QueryRow(ctx, "select pg_try_advisory_lock($1)", id).Scan(&got); err != nil {
		return err
	}
	if !got {
		return errors.New("something else runs in one already")
	}
	return nil
}

// clear ends the second session, if there is one.
func (d *driver) clear() {
	if d.second != nil {
		d.second.close()
		d.second = nil
	}
}

// outside is the session where statements run that no transaction can have.
func (d *driver) outside() *session { return cmp.Or(d.second, d.session) }

// commit writes statements as one transaction: that which letPass began, if it
// did.
func (d *driver) commit(ctx context.Context, statements ...string) error {
	switch d.session.conn.PgConn().TxStatus() {
	case 'T':
		return d.session.exec(ctx, closed(statements...))
	case 'E': // a question was cancelled in it
		_ = d.session.rollback(ctx)
	}
	return d.session.exec(ctx, transaction(statements...))
}
