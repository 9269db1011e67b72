package pool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/syndicate/syndicate/engine/pg"
)

// try is one call of Do, with all its attempts.
type try struct {
	pool     *Pool
	use      *use
	settings Settings
	permit   func() (Permit, error)
	silent   bool  // its statements are no one's queries: a health check
	repeated bool  // the question of a health check was put again
	last     error // what the attempt before failed of
}

// run makes attempts until one gives a result that trying again does not
// mend, or the time for a connection is over.
func (t *try) run(ctx context.Context, f func(context.Context, *pgx.Conn) error) error {
	start := time.Now()
	limit := start.Add(t.settings.AcquireTimeout)
	for n := 1; ; n++ {
		again, err := t.once(ctx, limit, f)
		if n == 1 && !again || err == nil {
			return err
		}
		if ctx.Err() != nil {
			return t.ended(ctx)
		}
		if !again {
			return err
		}
		if n >= max(t.settings.Retry.Attempts, 1) {
			return tried(err, n)
		}
		t.last = err
		wait := pg.Wait(n, t.settings.Retry.Backoff, t.pool.cfg.Jitter())
		if time.Now().Add(wait).After(limit) {
			return tried(err, n)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return t.ended(ctx)
		case <-timer.C:
		}
	}
}

// ended says why the caller's context ended, and what was seen until then.
func (t *try) ended(ctx context.Context) error {
	err := fmt.Errorf("%s on %s: %w", t.use.what, t.pool.cfg.Name, context.Cause(ctx))
	if e, ok := errors.AsType[*pg.Error](t.last); ok {
		err = fmt.Errorf("%w (last: %s)", err, e.Reason)
	}
	return err
}

// tried adds how often it was tried.
func tried(err error, n int) error {
	e, ok := errors.AsType[*pg.Error](err)
	if !ok || n == 1 {
		return err
	}
	more := *e
	more.Reason = fmt.Sprintf("%s, %d times in a row", e.Reason, n)
	return &more
}

// once makes one attempt. again says that the connection failed before
// anything was sent over it.
func (t *try) once(ctx context.Context, limit time.Time, f func(context.Context, *pgx.Conn) error) (again bool, err error) {
	permit, err := t.permit()
	if err != nil {
		return false, err
	}
	outcome := neutral
	// Also where f panics: a permit that is never given back would shut a
	// half-open breaker.
	defer func() { outcome.settle(permit, err) }()

	conn, err := t.acquire(ctx, limit)
	if err != nil {
		outcome = outcomeOf(ctx, err)
		return !t.silent && pg.IsTemporary(err) && ctx.Err() == nil, err
	}
	t.pool.took(t.use, true)
	defer t.pool.took(t.use, false)
	defer conn.Release()
	done, err := t.call(ctx, conn.Conn(), f)
	unsent := err != nil && done.statements <= 1 && pgconn.SafeToRetry(err)
	if err != nil && done.farewell != nil && conn.Conn().IsClosed() {
		err = done.farewell
	}
	err = t.named(ctx, conn.Conn(), err)
	outcome = outcomeOf(ctx, err)
	// A question may be put again: that an idle connection was lost between
	// two health checks is no outage.
	if t.silent && !t.repeated && outcome == failed && time.Now().Before(limit) {
		outcome, unsent, t.repeated = neutral, true, true
	}
	return unsent && ctx.Err() == nil, err
}

// call calls f, and says what it has done, also where it panics.
func (t *try) call(ctx context.Context, conn *pgx.Conn, f func(context.Context, *pgx.Conn) error) (done running, err error) {
	t.pool.stats.begin(conn, t.silent)
	defer func() { done = t.pool.stats.end(conn) }()
	return running{}, f(ctx, conn)
}

// acquire waits for a connection until the limit.
func (t *try) acquire(ctx context.Context, limit time.Time) (*pgxpool.Conn, error) {
	conns := t.pool.current()
	if conns == nil {
		return nil, &ClosedError{Name: t.pool.cfg.Name}
	}
	wait, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	start := time.Now()
	conn, err := conns.Acquire(wait)
	t.pool.stats.acquired(start, err)
	if err == nil {
		return conn, nil
	}
	if ctx.Err() != nil {
		return nil, t.ended(ctx)
	}
	if wait.Err() != nil {
		if holders := t.pool.holders(t.use); len(holders) >= t.settings.Max {
			err := &BusyError{Name: t.pool.cfg.Name, Max: t.settings.Max, Waited: t.settings.AcquireTimeout, Holders: holders}
			t.pool.stats.failed(err)
			return nil, err
		}
	}
	if t.pool.current() != conns { // other settings were put in force in between
		return nil, &pg.Error{Op: "connect to " + t.pool.address(), Reason: "the pool was exchanged for another", Temporary: true}
	}
	err = pg.ConnectError("connect to "+t.pool.address(), t.pool.to(), err)
	t.pool.stats.failed(err)
	return nil, err
}

// named says what an error of a statement means.
func (t *try) named(ctx context.Context, conn *pgx.Conn, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return t.ended(ctx)
	}
	to := t.pool.to()
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok && pe.Code == "57014" && t.settings.QueryTimeout > 0 {
		return &pg.Error{
			Op: t.use.what + " on " + t.pool.cfg.Name, SQLState: pe.Code,
			Reason: fmt.Sprintf("the server cancelled the statement after query_timeout, %s", t.settings.QueryTimeout),
			Remedy: "make the statement faster, or raise query_timeout",
		}
	}
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok || conn.IsClosed() || isNetwork(err) {
		own := pg.ConnectError(t.use.what+" on "+t.pool.cfg.Name, to, err)
		if pgErr == nil || pgErr.Code == "57P02" { // the tracer saw no SQLSTATE
			t.pool.stats.failed(own)
		}
		return own
	}
	return err
}

// isNetwork reports whether an error came from the connection itself.
func isNetwork(err error) bool {
	_, isNet := errors.AsType[net.Error](err)
	return isNet || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// to returns where the database is.
func (p *Pool) to() pg.Endpoint {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.endpoint
}

func (p *Pool) address() string { return p.to().Address() }
