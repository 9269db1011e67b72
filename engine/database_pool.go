package engine

import (
	"context"
	"time"

	"github.com/syndicate/syndicate/engine/metric"
	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/pool"
	"github.com/syndicate/syndicate/spec"
)

// poolSettings are the bounds of the engine's own connections.
func poolSettings(db *spec.Database) pool.Settings {
	s := pool.Settings{Retry: db.Retry, QueryTimeout: db.QueryTimeout.Std()}
	if db.Pool != nil {
		s.Min, s.Max, s.AcquireTimeout = db.Pool.Min, db.Pool.Max, db.Pool.AcquireTimeout.Std()
	}
	return s
}

// openPool lets a database be reached over its pool, before anybody is told
// that it is ready.
func openPool(p *pool.Pool, to pg.Endpoint, db *current[spec.Database]) error {
	return p.Open(to, poolSettings(db.get()))
}

// tend looks whether a database answers, and keeps its pool to what is
// declared, until ctx ends.
func (s *site) tend(ctx context.Context, a *attempt, p *pool.Pool, db *current[spec.Database], apply func(context.Context, *spec.Database)) {
	db.each(ctx, func(ctx context.Context, db *spec.Database) {
		if err := p.Configure(poolSettings(db)); err != nil {
			s.log.Error("cannot change the pool", "unit", db.Addr.String(), "error", err)
		}
		if apply != nil {
			apply(ctx, db)
		}
		p.Watch(ctx, db.Health, func(err error) {
			if err != nil {
				a.health(s.redact.clean(err.Error()))
				return
			}
			a.health("")
		})
	})
}

// DatabaseStatus is what the engine knows of a database from its own use.
type DatabaseStatus struct {
	// Max is the bound of the engine's own pool, InUse and Idle are its
	// connections, Waiting is how many wait for one.
	Max, InUse, Idle, Waiting int
	// Connections is how many sessions the whole server has, of
	// MaxConnections, and Standby whether nothing can be written to it: at
	// the last check.
	Connections, MaxConnections int
	Standby                     bool
	// Queries and Waits are the statements and the waits for a connection of
	// the last minute.
	Queries, Waits metric.Summary
	// Checks are the last health checks, the oldest first.
	Checks []HealthCheck
	// Recovered is how long the last start took to mend what a crash had
	// left, 0 where there was none.
	Recovered time.Duration
}

// HealthCheck is one look at a database.
type HealthCheck struct {
	At    time.Time
	Took  time.Duration
	Error string // empty where it answered
}

// describer is work with more to say of itself than the states of its unit.
// It is asked by the loop, and does not block.
type describer interface{ describe(*UnitStatus) }

// lookback is the span of time that status shows figures of.
const lookback = time.Minute

// databaseStatus describes a database by its pool.
func (s *site) databaseStatus(p *pool.Pool) *DatabaseStatus {
	now := p.Snapshot()
	d := &DatabaseStatus{Max: now.Max, InUse: now.InUse, Idle: now.Idle, Waiting: now.Waiting}
	d.Queries, d.Waits = p.Recent(lookback)
	for _, c := range now.History {
		d.Checks = append(d.Checks, HealthCheck{At: c.At, Took: c.Took, Error: s.redact.clean(c.Reason())})
		if c.Err == nil {
			d.Connections, d.MaxConnections, d.Standby = c.Connections, c.MaxConnections, c.Standby
		}
	}
	return d
}

// Databases are the figures of all databases, in the order in which they are
// declared.
func (e *Engine) Databases() []metric.Database {
	var list []metric.Database
	for _, m := range e.core.inForce() {
		if w, ok := m.work.(pooled); ok {
			list = append(list, figures(m.id, w.connections()))
		}
	}
	return list
}

// pooled is work that reaches a database.
type pooled interface{ connections() *pool.Pool }

func figures(id string, p *pool.Pool) metric.Database {
	now := p.Snapshot()
	d := metric.Database{
		ID: id, Max: now.Max, InUse: now.InUse, Idle: now.Idle, Waiting: now.Waiting,
		Acquires: now.Acquires, Queries: now.Queries, Errors: now.Errors,
	}
	if n := len(now.History); n > 0 {
		c := now.History[n-1]
		d.Check = &metric.DatabaseCheck{
			OK: c.Err == nil, Seconds: c.Took.Seconds(), Connections: c.Connections, MaxConnections: c.MaxConnections,
		}
	}
	return d
}
