package migration

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// watchEvery is how often a step that takes long is looked at: nobody wonders
// earlier what it waits for.
const watchEvery = 5 * time.Second

// watch tells, over a connection of its own, whom the step waits for on the
// server, each of them once. What cannot be asked is not told. The returned
// function ends it.
func (r *run) watch(ctx context.Context, w *work) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	pid := r.session.conn.PgConn().PID()
	done.Go(func() {
		look := time.NewTicker(r.cfg.watchEvery)
		defer look.Stop()
		var told []int
		for {
			select {
			case <-ctx.Done():
				return
			case <-look.C:
			}
			for _, h := range r.blockers(ctx, pid) {
				if !slices.Contains(told, h.PID) {
					told = append(told, h.PID)
					r.cfg.Progress(Event{Kind: EventWaiting, File: w.File, Down: w.Down, Holder: h})
				}
			}
		}
	})
	return func() {
		cancel()
		done.Wait()
	}
}

// blockers finds whom a process of the server waits for.
func (r *run) blockers(ctx context.Context, pid uint32) []Holder {
	var holders []Holder
	_ = r.cfg.Endpoint.With(ctx, askTimeout, func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `
			select pid, coalesce(usename, ''), coalesce(application_name, ''), coalesce(host(client_addr), '')
			from pg_stat_activity where pid = any(pg_blocking_pids($1)) order by pid`, int32(pid))
		if err != nil {
			return err
		}
		holders, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (h Holder, err error) {
			return h, row.Scan(&h.PID, &h.User, &h.Application, &h.Client)
		})
		return err
	})
	return holders
}
