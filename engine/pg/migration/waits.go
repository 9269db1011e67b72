package migration

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// How often a step that takes long is looked at: first soon enough to see what
// lock_timeout ends (half of it where that is less), then ever more rarely up to
// watchEvery.
const (
	watchFirst = 500 * time.Millisecond
	watchEvery = 5 * time.Second
)

// watch tells, over a connection of its own, whom the step waits for on the
// server, each of them once. What cannot be asked is not told. The returned
// function ends it, and returns whom the step waited for when that was looked
// at last.
func (r *run) watch(ctx context.Context, w *work) (stop func() []Holder) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	var last []Holder
	done.Go(func() {
		every := min(watchFirst, r.cfg.watchEvery, r.cfg.LockTimeout/2)
		look := time.NewTimer(every)
		defer look.Stop()
		var told []int
		for {
			select {
			case <-ctx.Done():
				return
			case <-look.C:
			}
			found := r.blockers(ctx, r.driver.works.Load())
			if len(found) > 0 {
				last = found
			}
			for _, h := range found {
				if !slices.Contains(told, h.PID) {
					told = append(told, h.PID)
					r.cfg.Progress(Event{Kind: EventWaiting, File: w.File, Down: w.Down, Holder: h})
				}
			}
			every = min(2*every, r.cfg.watchEvery)
			look.Reset(every)
		}
	})
	return func() []Holder {
		cancel()
		done.Wait()
		return last
	}
}

// blockers finds whom a process of the server waits for.
func (r *run) blockers(ctx context.Context, pid uint32) []Holder {
	var holders []Holder
	_ = r.cfg.Endpoint.With(ctx, askTimeout, func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `
			select pid, coalesce(usename, ''), coalesce(application_name, ''), coalesce(host(client_addr), ''),
			       coalesce(state, ''), xact_start,
			       coalesce(extract(epoch from clock_timestamp() - xact_start), 0)::float8,
			       coalesce((select relation::regclass::text from pg_locks
			                 where pid = $1 and not granted and relation is not null limit 1), '')
			from pg_stat_activity where pid = any(pg_blocking_pids($1)) order by pid`, int32(pid))
		if err != nil {
			return err
		}
		holders, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (h Holder, err error) {
			var began *time.Time
			var seconds float64
			if err := row.Scan(&h.PID, &h.User, &h.Application, &h.Client, &h.State, &began, &seconds, &h.Table); err != nil {
				return h, err
			}
			if began != nil {
				h.Began, h.Took = *began, time.Duration(seconds*float64(time.Second))
			}
			return h, nil
		})
		return err
	})
	return holders
}
