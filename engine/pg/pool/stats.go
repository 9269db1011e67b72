package pool

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/syndicate/syndicate/engine/metric"
)

// stats counts what passes a pool. It traces the pool's connections, which
// is where statements can be seen.
type stats struct {
	acquires *metric.Histogram // waits for a connection, those in vain too
	waits    metric.Window     // acquires, lately
	tally    *metric.Tally     // of statements and errors

	mu    sync.Mutex
	inUse map[*pgconn.PgConn]*running // guarded by mu
}

// running is what a use of a connection has done so far.
type running struct {
	statements int
	silent     bool
	farewell   *pgconn.PgError // what the server said before it hung up, or nil
}

var (
	_ pgx.QueryTracer    = (*stats)(nil)
	_ pgx.BatchTracer    = (*stats)(nil)
	_ pgx.CopyFromTracer = (*stats)(nil)
)

func (s *stats) init(tally *metric.Tally) {
	s.acquires, s.tally = metric.NewHistogram(metric.LatencyBounds), tally
	s.inUse = map[*pgconn.PgConn]*running{}
}

// acquired counts a wait for a connection.
func (s *stats) acquired(since time.Time, err error) {
	now := time.Now()
	s.acquires.Observe(now.Sub(since))
	s.waits.Observe(now, now.Sub(since), err == nil)
}

// failed counts an error that is not of a statement.
func (s *stats) failed(err error) { s.tally.Failed(classOf(err)) }

// classOf names the class of an error: the first two characters of its
// SQLSTATE (PostgreSQL's documentation, appendix A).
func classOf(err error) string {
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok && len(pe.Code) == 5 {
		return pe.Code[:2]
	}
	if _, ok := errors.AsType[*BusyError](err); ok {
		return metric.ClassBusy
	}
	return metric.ClassConnection
}

// begin notes that a use of a connection begins.
func (s *stats) begin(conn *pgx.Conn, silent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inUse[conn.PgConn()] = &running{silent: silent}
}

// end returns what the use has done.
func (s *stats) end(conn *pgx.Conn) running {
	s.mu.Lock()
	defer s.mu.Unlock()
	use := *s.inUse[conn.PgConn()]
	delete(s.inUse, conn.PgConn())
	return use
}

// notice keeps the reason that a server which crashed gives for hanging up:
// it comes as a warning, before the connection ends without an error.
func (s *stats) notice(conn *pgconn.PgConn, n *pgconn.Notice) {
	if n.Code != "57P02" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if use := s.inUse[conn]; use != nil {
		use.farewell = (*pgconn.PgError)(n)
	}
}

// start is the time at which a statement began.
type start struct{}

// began notes the start of n statements, and when that was. Pings of idle
// connections are of no use, and do not count.
func (s *stats) began(ctx context.Context, conn *pgx.Conn, n int) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	use := s.inUse[conn.PgConn()]
	if use == nil {
		return ctx
	}
	use.statements += n
	if use.silent {
		return ctx
	}
	return context.WithValue(ctx, start{}, time.Now())
}

// ended counts a statement.
func (s *stats) ended(ctx context.Context, err error) {
	since, ok := ctx.Value(start{}).(time.Time)
	if !ok {
		return
	}
	now := time.Now()
	s.tally.Answered(now, now.Sub(since), err == nil)
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok {
		s.failed(pe)
	}
}

// TraceQueryStart implements pgx.QueryTracer.
func (s *stats) TraceQueryStart(ctx context.Context, conn *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return s.began(ctx, conn, 1)
}

// TraceQueryEnd implements pgx.QueryTracer.
func (s *stats) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	s.ended(ctx, data.Err)
}

// TraceBatchStart implements pgx.BatchTracer. A batch counts as one.
func (s *stats) TraceBatchStart(ctx context.Context, conn *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return s.began(ctx, conn, 1)
}

// TraceBatchQuery implements pgx.BatchTracer.
func (s *stats) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (s *stats) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchEndData) {
	s.ended(ctx, data.Err)
}

// TraceCopyFromStart implements pgx.CopyFromTracer.
func (s *stats) TraceCopyFromStart(ctx context.Context, conn *pgx.Conn, _ pgx.TraceCopyFromStartData) context.Context {
	return s.began(ctx, conn, 1)
}

// TraceCopyFromEnd implements pgx.CopyFromTracer.
func (s *stats) TraceCopyFromEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceCopyFromEndData) {
	s.ended(ctx, data.Err)
}

// Snapshot is a pool at one moment.
type Snapshot struct {
	Open              bool // it may have connections
	Max, InUse, Idle  int  // connections; Max is the bound
	Waiting           int  // for a connection
	Acquires, Queries *metric.Histogram
	Errors            map[string]uint64 // by class of SQLSTATE, "connection" or "busy"
	History           []Check           // the oldest first
}

// Snapshot looks at the pool without waiting for anybody.
func (p *Pool) Snapshot() Snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Snapshot{
		Open: p.conns != nil, Max: p.settings.Max,
		Acquires: p.stats.acquires, Queries: p.stats.tally.Queries(), Errors: p.stats.tally.Errors(),
		History: append([]Check(nil), p.history...),
	}
	if p.conns != nil {
		stat := p.conns.Stat()
		s.InUse, s.Idle = int(stat.AcquiredConns()), int(stat.IdleConns())
	}
	for u := range p.uses {
		if !u.has {
			s.Waiting++
		}
	}
	return s
}

// Recent says how statements went within the last span of time, and how long
// the waits for a connection were.
func (p *Pool) Recent(over time.Duration) (queries, waits metric.Summary) {
	now := time.Now()
	return p.stats.tally.Recent(now, over), p.stats.waits.Summary(now, over)
}
