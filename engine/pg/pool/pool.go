package pool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/syndicate/syndicate/engine/metric"
	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/spec"
)

// Config describes a Pool.
type Config struct {
	Name  string // of the database, for messages: database.main
	Guard Guard  // its breaker; nil lets everything through
	// Tally counts the statements, for whoever else counts there too; nil is
	// the pool's own.
	Tally *metric.Tally
	// Jitter returns a number in [0, 1); nil is random.
	Jitter func() float64
}

// Settings are what may change while a Pool is open.
type Settings struct {
	Min, Max       int           // connections; Max 0 is 10
	AcquireTimeout time.Duration // to get one, with all attempts; 0 is 5 seconds
	QueryTimeout   time.Duration // of a statement, kept by the server; 0 is none
	Retry          spec.Retry    // as decoded, defaults filled in
}

// The connections of a pool are replaced now and then, so that a server's
// memory and a failover behind a name are followed, and closed when nobody
// needs them.
const (
	maxLifetime       = time.Hour
	maxLifetimeJitter = 10 * time.Minute
	maxIdle           = 10 * time.Minute
)

// unasked is how long a connection may be idle and be used without asking
// first whether it still stands.
const unasked = 50 * time.Millisecond

// Pool is a bounded number of connections to one database. It is safe for
// concurrent use.
type Pool struct {
	cfg   Config
	stats stats

	mu       sync.Mutex
	settings Settings                // guarded by mu
	endpoint pg.Endpoint             // guarded by mu
	conns    *pgxpool.Pool           // nil while closed; guarded by mu
	ctx      context.Context         // ends when it is closed; guarded by mu
	cancel   context.CancelCauseFunc // guarded by mu
	uses     map[*use]struct{}       // guarded by mu
	history  []Check                 // the oldest first; guarded by mu
	unwell   bool                    // at the last look of Watch; guarded by mu
	closing  sync.WaitGroup          // of pools that were exchanged or closed
}

// use is somebody who waits for a connection, or has one.
type use struct {
	what  string
	since time.Time
	has   bool
}

// New returns a Pool that is closed. It takes next to no memory until it is
// opened.
func New(cfg Config) *Pool {
	if cfg.Jitter == nil {
		cfg.Jitter = rand.Float64
	}
	p := &Pool{cfg: cfg, uses: map[*use]struct{}{}}
	p.stats.init(cmp.Or(cfg.Tally, metric.NewTally()))
	return p
}

// Open lets the pool make connections to an endpoint. It makes none yet, but
// for those that Settings.Min asks for, which it does in the background.
func (p *Pool) Open(to pg.Endpoint, s Settings) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns != nil {
		return errors.New("open the pool of " + p.cfg.Name + ": it is open")
	}
	p.endpoint, p.settings = to, s.withDefaults()
	var err error
	if p.conns, err = p.connections(); err != nil {
		return err
	}
	p.ctx, p.cancel = context.WithCancelCause(context.Background())
	p.unwell = false
	return nil
}

// Configure puts other settings in force. Whoever has a connection keeps it;
// the next one is made by the new settings.
func (p *Pool) Configure(s Settings) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s = s.withDefaults(); s == p.settings {
		return nil
	}
	p.settings = s
	if p.conns == nil {
		return nil
	}
	conns, err := p.connections()
	if err != nil {
		return err
	}
	p.retire(p.conns)
	p.conns = conns
	return nil
}

// Close ends every use of the pool, closes its connections and waits until
// they are closed. It may be opened again.
func (p *Pool) Close() {
	p.mu.Lock()
	if p.conns != nil {
		p.cancel(ErrClosed)
		p.retire(p.conns)
		p.conns = nil
	}
	p.mu.Unlock()
	p.closing.Wait()
}

// retire closes connections once nobody uses them.
func (p *Pool) retire(conns *pgxpool.Pool) { p.closing.Go(conns.Close) }

func (s Settings) withDefaults() Settings {
	s.Max = cmp.Or(s.Max, 10)
	s.AcquireTimeout = cmp.Or(s.AcquireTimeout, 5*time.Second)
	return s
}

// Settings returns what is in force.
func (p *Pool) Settings() Settings {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.settings
}

// connections makes the pool of pgx by the settings in force.
func (p *Pool) connections() (*pgxpool.Pool, error) {
	own, err := p.endpoint.Config()
	if err != nil {
		return nil, err
	}
	// Only a config that pgxpool has parsed may be handed to it.
	cfg, err := pgxpool.ParseConfig("")
	if err != nil {
		return nil, fmt.Errorf("make the pool of %s: %w", p.cfg.Name, err)
	}
	s := p.settings
	own.ConnectTimeout = min(cmp.Or(own.ConnectTimeout, s.AcquireTimeout), s.AcquireTimeout)
	own.RuntimeParams["statement_timeout"] = fmt.Sprint(s.QueryTimeout.Milliseconds())
	own.Tracer, own.OnNotice = &p.stats, p.stats.notice
	cfg.ConnConfig = own
	cfg.MinConns, cfg.MaxConns = int32(s.Min), int32(s.Max)
	cfg.MaxConnLifetime, cfg.MaxConnLifetimeJitter, cfg.MaxConnIdleTime = maxLifetime, maxLifetimeJitter, maxIdle
	// A statement over a connection that was lost while idle may have run, and
	// is not repeated: a round trip before it is the smaller price.
	cfg.ShouldPing = func(_ context.Context, idle pgxpool.ShouldPingParams) bool { return idle.IdleDuration > unasked }
	// A server that vanished answers no goodbye.
	cfg.BeforeClose = func(conn *pgx.Conn) { _ = conn.PgConn().Conn().SetDeadline(time.Now().Add(time.Second)) }
	return pgxpool.NewWithConfig(context.Background(), cfg)
}

// Do calls f with a connection, which is f's until it returns. what says in
// two or three words what for: whoever waits in vain is told. Getting the
// connection is tried again while the connection is what fails, within the
// acquire timeout; f is called again only where it sent nothing. Errors of
// the connection and of the server are a *[pg.Error]; a *[BusyError] says
// that no connection was free, an *[OpenError] that the breaker is open.
func (p *Pool) Do(ctx context.Context, what string, f func(context.Context, *pgx.Conn) error) error {
	return p.do(ctx, try{pool: p, use: &use{what: what, since: time.Now()}, settings: p.Settings(), permit: p.permit}, f)
}

// do makes the attempts of t for as long as the pool is open.
func (p *Pool) do(ctx context.Context, t try, f func(context.Context, *pgx.Conn) error) error {
	p.mu.Lock()
	life := p.ctx
	open := p.conns != nil
	p.uses[t.use] = struct{}{}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.uses, t.use)
		p.mu.Unlock()
	}()
	if !open {
		return &ClosedError{Name: p.cfg.Name}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(life, func() { cancel(context.Cause(life)) })()
	return t.run(ctx, f)
}

// current returns the connections in force, nil while closed.
func (p *Pool) current() *pgxpool.Pool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conns
}

// Exec runs one statement, and returns how many rows it changed.
func (p *Pool) Exec(ctx context.Context, what, sql string, args ...any) (int64, error) {
	var tag pgconn.CommandTag
	err := p.Do(ctx, what, func(ctx context.Context, conn *pgx.Conn) (err error) {
		tag, err = conn.Exec(ctx, sql, args...)
		return err
	})
	return tag.RowsAffected(), err
}

// holders lists who has a connection, the longest first.
func (p *Pool) holders(but *use) []Holder {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []Holder
	for u := range p.uses {
		if u.has && u != but {
			list = append(list, Holder{What: u.what, Since: u.since})
		}
	}
	slices.SortFunc(list, func(a, b Holder) int { return a.Since.Compare(b.Since) })
	return list
}

// took notes that a use has a connection, or gives it back.
func (p *Pool) took(u *use, has bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	u.has, u.since = has, time.Now()
}
