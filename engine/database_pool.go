package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
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

// databaseAccess is how the engine reaches a database, whoever runs that.
type databaseAccess struct {
	*site
	db     *current[spec.Database]
	pool   *pool.Pool
	schema schemaState
	// guard is the breaker, and rules what it goes by; nil for who passes by
	// the engine, such as migrate.
	guard *breaker.Guard
	rules func(*spec.Database) breaker.Config
}

// access makes what reaches a database, behind its breaker.
func (e *Engine) access(db *spec.Database) (*databaseAccess, error) {
	g, err := e.guard(db)
	if err != nil {
		return nil, err
	}
	return &databaseAccess{
		site: e.site, db: newCurrent(db), guard: g, rules: e.guardConfig,
		pool: pool.New(pool.Config{Name: db.Addr.String(), Guard: poolGuard{g}, Tally: e.tally(db.Addr)}),
	}, nil
}

// tally counts the statements of a database, the same one for the engine's
// own and for those through its gateway, and for as long as it is declared.
func (e *Engine) tally(addr spec.Addr) *metric.Tally {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.tallies == nil {
		e.tallies = map[spec.Addr]*metric.Tally{}
	}
	if e.tallies[addr] == nil {
		e.tallies[addr] = metric.NewTally()
	}
	return e.tallies[addr]
}

// unguarded reaches a database without a breaker.
func (s *site) unguarded(db *spec.Database) *databaseAccess {
	return &databaseAccess{site: s, db: newCurrent(db), pool: pool.New(pool.Config{Name: db.Addr.String()})}
}

// connections implements pooled.
func (d *databaseAccess) connections() *pool.Pool { return d.pool }

// breaker implements guarded.
func (d *databaseAccess) breaker() *breaker.Guard { return d.guard }

// check implements checker.
func (d *databaseAccess) check(ctx context.Context) error {
	return d.pool.Check(ctx, d.db.get().Health.Timeout.Std()).Err
}

// open lets the database be reached, before anybody is told that it is ready.
func (d *databaseAccess) open(to pg.Endpoint) error { return d.pool.Open(to, poolSettings(d.db.get())) }

// tend looks whether the database answers, and keeps pool and breaker to what
// is declared, until ctx ends. apply, unless nil, is for more of that.
func (d *databaseAccess) tend(ctx context.Context, a *attempt, apply func(context.Context, *spec.Database)) {
	d.db.each(ctx, func(ctx context.Context, db *spec.Database) {
		err := d.pool.Configure(poolSettings(db))
		if d.guard != nil {
			err = errors.Join(err, d.guard.Configure(d.rules(db)))
		}
		if err != nil {
			d.log.Error("cannot change how the database is reached", "unit", db.Addr.String(), "error", err)
		}
		if apply != nil {
			apply(ctx, db)
		}
		var watches sync.WaitGroup
		defer watches.Wait()
		watches.Go(func() { d.watchSchema(ctx, a, db) })
		d.pool.Watch(ctx, db.Health, func(err error) {
			if err != nil {
				a.health(d.redact.clean(err.Error()))
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
	// Queries are the statements of the last minute, those through the gateway
	// included, and Waits the waits for a connection of the engine's own pool.
	Queries, Waits metric.Summary
	// Checks are the last health checks, the oldest first.
	Checks []HealthCheck
	// Breaker is nil where there is none.
	Breaker *BreakerStatus
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
type describer interface {
	// describe adds it. moving says that it may be something else later though
	// the unit is in the same state still.
	describe(*UnitStatus) (moving bool)
}

// lookback is the span of time that status shows figures of.
const lookback = time.Minute

// describe implements describer.
func (d *databaseAccess) describe(s *UnitStatus) (moving bool) {
	now := d.pool.Snapshot()
	out := &DatabaseStatus{
		Max: now.Max, InUse: now.InUse, Idle: now.Idle, Waiting: now.Waiting, Breaker: breakerStatus(d.guard),
	}
	out.Queries, out.Waits = d.pool.Recent(lookback)
	for _, c := range now.History {
		out.Checks = append(out.Checks, HealthCheck{At: c.At, Took: c.Took, Error: d.redact.clean(c.Reason())})
		if c.Err == nil {
			out.Connections, out.MaxConnections, out.Standby = c.Connections, c.MaxConnections, c.Standby
		}
	}
	s.Database = out
	return true
}

// Databases are the figures of all databases, in the order in which they are
// declared.
func (e *Engine) Databases() []metric.Database {
	var list []metric.Database
	for _, m := range e.core.inForce() {
		if w, ok := m.work.(pooled); ok {
			d := figures(m.id, w.connections())
			if b := breakerStatus(w.breaker()); b != nil {
				d.Breaker = &metric.DatabaseBreaker{Open: b.Open(), Rejected: b.Rejected}
			}
			d.Schema = w.schemaFigures()
			list = append(list, d)
		}
	}
	return list
}

// pooled is work that reaches a database.
type pooled interface {
	guarded
	connections() *pool.Pool
	schemaFigures() *metric.Schema
}

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
