package pool

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/spec"
)

// keptChecks is how many checks are remembered.
const keptChecks = 20

// defaultTimeout bounds a check where nothing is declared.
const defaultTimeout = 2 * time.Second

// Check is one look at a database.
type Check struct {
	At      time.Time
	Took    time.Duration
	Err     error // nil where it answered
	Standby bool  // it is in recovery, so that nothing can be written
	// Connections is how many sessions the whole server has, and
	// MaxConnections how many it takes, as far as it said.
	Connections, MaxConnections int
}

// Watch looks at the database at each interval until ctx ends, and tells
// report each change: nil when it answers, else why it does not. A pool that
// was just opened counts as well; another Watch goes on with what the one
// before it knew. A restart of the server between two looks is no outage, and
// neither is a pool of which nothing is free.
func (p *Pool) Watch(ctx context.Context, health spec.Health, report func(error)) {
	tick := time.NewTicker(max(health.Interval.Std(), 10*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := p.Check(ctx, health.Timeout.Std()).Err
		if ctx.Err() != nil {
			return
		}
		if _, busy := errors.AsType[*BusyError](err); busy {
			continue
		}
		if p.turned(err == nil) {
			report(err)
		}
	}
}

// turned notes whether the database is well, and reports whether it was
// otherwise before.
func (p *Pool) turned(well bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := !p.unwell
	p.unwell = !well
	return was != well
}

// Check looks once, within a timeout; 0 is 2 seconds. It goes past an open
// breaker, which counts it where it would have let it through.
func (p *Pool) Check(ctx context.Context, timeout time.Duration) Check {
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	t := try{pool: p, use: &use{what: "health check", since: time.Now()}, settings: p.Settings(), permit: p.glance, silent: true}
	t.settings.AcquireTimeout, t.settings.Retry.Attempts = timeout, 2
	c := Check{At: time.Now()}
	c.Err = p.do(ctx, t, func(ctx context.Context, conn *pgx.Conn) error {
		ctx, cancel := context.WithDeadline(ctx, c.At.Add(timeout))
		defer cancel()
		return c.ask(ctx, conn)
	})
	c.Took = time.Since(c.At)
	if ctx.Err() == nil {
		p.remember(c)
	}
	return c
}

// ask puts the one question of a check.
func (c *Check) ask(ctx context.Context, conn *pgx.Conn) error {
	return conn.QueryRow(ctx, `select pg_is_in_recovery(), current_setting('max_connections')::int,
		(select coalesce(sum(numbackends), 0)::int from pg_stat_database)`).
		Scan(&c.Standby, &c.MaxConnections, &c.Connections)
}

// remember keeps the last checks.
func (p *Pool) remember(c Check) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.history) >= keptChecks {
		copy(p.history, p.history[1:])
		p.history = p.history[:keptChecks-1]
	}
	p.history = append(p.history, c)
}

// Reason is what a check failed of, without the address; empty where the
// database answered.
func (c Check) Reason() string {
	if c.Err == nil {
		return ""
	}
	if e, ok := errors.AsType[*pg.Error](c.Err); ok {
		return e.Reason
	}
	return c.Err.Error()
}
