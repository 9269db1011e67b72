package migration

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/syndicate/syndicate/engine/pg/script"
)

// golang-migrate waits for the lock inside of the server, with a snapshot, and
// what works CONCURRENTLY waits for everybody who has one. While such a session
// waits for us each would wait for the other, until PostgreSQL ends the one that
// came last, which is us, as often as we try. So it is let in: the step stops
// where it is, both locks are given up and taken again behind it, and the rest
// is planned anew from what the ledger says then.

// waysGiven is how often a run lets others in before it fails.
const waysGiven = 5

// errAwaited ends a step before the statement that would wait for a waiter.
var errAwaited = errors.New("another session waits for the lock of the migrations, and what works CONCURRENTLY would wait for that session")

// awaited returns a session that waits inside of the server for one of the
// locks, where a unit would wait for it in turn. What cannot be asked is nil.
func (d *driver) awaited(u script.Unit) *Holder {
	if u.Kind != script.Alone || !slices.Contains(u.Statements[0].Words, "concurrently") {
		return nil
	}
	ids, err := d.session.lockIDs()
	if err != nil {
		return nil
	}
	var h Holder
	err = d.session.conn.QueryRow(d.ctx, `
		select a.pid, coalesce(a.usename, ''), coalesce(a.application_name, ''), coalesce(host(a.client_addr), '')
		from pg_locks l join pg_stat_activity a on a.pid = l.pid
		join unnest($1::bigint[]) id on l.classid::bigint = id >> 32 and l.objid::bigint = id & 4294967295
		where l.locktype = 'advisory' and not l.granted and l.objsubid = 1
		  and l.database = (select oid from pg_database where datname = current_database())
		limit 1`, ids).Scan(&h.PID, &h.User, &h.Application, &h.Client)
	if err != nil {
		return nil
	}
	return &h
}

// deadlock reports whether PostgreSQL ended a statement for one.
func deadlock(err error) bool {
	pe, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pe.Code == "40P01"
}

// givesWay lets the session in that a step stopped for, and reports whether the
// run goes on behind it.
func (r *run) givesWay(ctx context.Context, err error, times int) (bool, error) {
	failed, ok := errors.AsType[*FileError](err)
	if !ok || failed.waiter == nil || times > waysGiven || ctx.Err() != nil {
		return false, err
	}
	r.cfg.Progress(Event{Kind: EventGaveWay, Holder: *failed.waiter, Text: fmt.Sprintf(
		"lets %s in, which waits for the lock: what works CONCURRENTLY would wait for it in turn", failed.waiter)})
	before, err := readLedger(ctx, r.session.conn)
	if err != nil {
		return false, r.failed(ctx, "read the ledger", err)
	}
	if err := r.session.exec(ctx, r.session.fresh()); err != nil {
		return false, r.failed(ctx, "unlock the migrations", err)
	}
	if err := r.session.unlock(ctx); err != nil {
		return false, r.failed(ctx, "unlock the migrations", err)
	}
	if err := r.session.lock(ctx, func(h Holder) { r.cfg.Progress(Event{Kind: EventWaiting, Holder: h}) }); err != nil {
		return false, err
	}
	if r.ledger, err = readLedger(ctx, r.session.conn); err != nil {
		return false, r.failed(ctx, "read the ledger", err)
	}
	r.result.Ledger = r.ledger
	r.moved = before.None != r.ledger.None || before.Version != r.ledger.Version || before.Dirty != r.ledger.Dirty
	return true, r.catchUp(ctx)
}

// unlock gives up both locks.
func (s *session) unlock(ctx context.Context) error {
	ids, err := s.lockIDs()
	if err != nil {
		return err
	}
	batch := &pgx.Batch{}
	for _, id := range ids {
		batch.Queue("select pg_advisory_unlock($1)", id)
	}
	return s.conn.SendBatch(ctx, batch).Close()
}

// errMoved ends an undo whose start is no longer where it was.
func (r *run) errMoved() error {
	return fmt.Errorf("migrate: another tool was let in, and has changed what is applied: look with syndicate migrate status, and run again; %d of the files were undone before",
		len(r.result.Steps))
}
