package migration

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/golang-migrate/migrate/v4/database"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/syndicate/syndicate/engine/pg"
)

// session is the one connection that migrations run on. golang-migrate
// reaches it through database/sql, this package directly; never both at
// once. Its locks end with it, so that it is never made anew behind
// golang-migrate's back.
type session struct {
	to          pg.Endpoint
	lockTimeout time.Duration
	db          *sql.DB
	conn        *pgx.Conn
	schema      string
	database    string
	notice      func(text string)
}

// cancelPatience is how long the server may take to end a statement that was
// cancelled before the connection is given up.
const cancelPatience = 10 * time.Second

// openSession connects, and sets what holds for every file.
func openSession(ctx context.Context, to pg.Endpoint, lockTimeout time.Duration, notice func(string)) (*session, error) {
	op := "connect to " + to.Address()
	cfg, err := to.Config()
	if err != nil {
		return nil, err
	}
	s := &session{to: to, lockTimeout: lockTimeout, notice: notice}
	// A cancelled context cancels the statement on the server, too, and
	// waits for its answer: else the server would go on and commit.
	cfg.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: cancelPatience}
	}
	cfg.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.Severity != "DEBUG" {
			s.notice(n.Severity + ": " + n.Message)
		}
	}
	s.db = stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		if s.conn != nil {
			return errors.New("the connection was lost, and the lock with it")
		}
		s.conn = conn
		return s.settings(ctx)
	}))
	s.db.SetMaxOpenConns(1)
	s.db.SetMaxIdleConns(1)
	if err := s.db.PingContext(ctx); err != nil {
		s.close()
		return nil, pg.ConnectError(op, to, err)
	}
	var schema *string
	err = s.conn.QueryRow(ctx, "select current_schema()::text, current_database()::text").Scan(&schema, &s.database)
	if err == nil && schema == nil {
		err = &pg.Error{Op: op, Reason: "no schema of the search_path exists", Remedy: "create one, or set the role's search_path"}
	} else if err != nil {
		err = pg.ConnectError(op, to, err)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	s.schema = *schema
	return s, nil
}

// settings gives the connection what holds for every file, whatever the one
// before it set: a file that says "set search_path" must not change what the
// next one means.
func (s *session) settings(ctx context.Context) error {
	stmts := "RESET ALL; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = " +
		strconv.FormatInt(s.lockTimeout.Milliseconds(), 10)
	if major(s.conn) >= 14 {
		// The server then notices a client that died while it works.
		stmts += "; SET client_connection_check_interval = '2s'"
	}
	_, err := s.conn.PgConn().Exec(ctx, stmts).ReadAll()
	return err
}

// major returns the server's major version, 0 where it does not say.
func major(conn *pgx.Conn) int {
	whole, _, _ := strings.Cut(conn.PgConn().ParameterStatus("server_version"), ".")
	n, err := strconv.Atoi(strings.Fields(whole + " 0")[0])
	if err != nil {
		return 0
	}
	return n
}

// close ends the connection, and with it every lock. database/sql would keep
// it open for as long as golang-migrate holds it.
func (s *session) close() {
	if s.conn != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.conn.Close(ctx)
	}
	_ = s.db.Close()
}

// lockIDs are the two advisory locks of golang-migrate: its library hashes
// the database's name, its command line the path of the URL. Whoever holds
// both excludes both.
func (s *session) lockIDs() ([]int64, error) {
	var ids []int64
	for _, name := range []string{s.database, "/" + s.database} {
		text, err := database.GenerateAdvisoryLockId(name, s.schema, ledgerTable)
		if err != nil {
			return nil, err
		}
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// lock takes both locks. It asks again and again instead of waiting inside
// the server: a session that waits there holds a snapshot, and CREATE INDEX
// CONCURRENTLY of the one that holds the lock would wait for that, until the
// server ends one of the two. waiting is told of each new holder.
func (s *session) lock(ctx context.Context, waiting func(Holder)) error {
	ids, err := s.lockIDs()
	if err != nil {
		return fmt.Errorf("lock the migrations: %w", err)
	}
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	told, last := false, 0
	for i := 0; i < len(ids); {
		var got bool
		if err := s.conn.QueryRow(ctx, "select pg_try_advisory_lock($1)", ids[i]).Scan(&got); err != nil {
			return s.lockError(ctx, err)
		}
		if got {
			i++
			continue
		}
		// A holder that cannot be named is told, too, but once only.
		h, err := s.holder(ctx, ids[i])
		if err == nil && !told || h.PID != 0 && h.PID != last {
			told, last = true, h.PID
			waiting(h)
		}
		timer.Reset(pg.RetryAfter(time.Since(start)))
		select {
		case <-ctx.Done():
			return s.lockError(ctx, nil)
		case <-timer.C:
		}
	}
	return nil
}

func (s *session) lockError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("lock the migrations: %w", context.Cause(ctx))
	}
	return pg.ConnectError("lock the migrations", s.to, err)
}

// Holder is who holds the migrations' lock.
type Holder struct {
	PID         int       // of the server's process
	User        string    // role
	Application string    // as it calls itself
	Client      string    // address, "" over a socket or where hidden
	Since       time.Time // when it connected
	Query       string    // what it runs or ran last, at most a line
}

// String says who it is in a few words.
func (h Holder) String() string {
	if h.PID == 0 {
		return "another session"
	}
	text := fmt.Sprintf("process %d of the server", h.PID)
	if h.Application != "" {
		text = h.Application + ", " + text
	}
	if h.User != "" {
		text += ", as " + h.User
	}
	if h.Client != "" {
		text += ", from " + h.Client
	}
	return text
}

// holder finds who holds one of the locks. It sees what the role may see.
func (s *session) holder(ctx context.Context, id int64) (Holder, error) {
	var h Holder
	var since *time.Time
	err := s.conn.QueryRow(ctx, `
		select a.pid, coalesce(a.usename, ''), coalesce(a.application_name, ''),
		       coalesce(host(a.client_addr), ''), a.backend_start,
		       coalesce(left(split_part(a.query, E'\n', 1), 100), '')
		from pg_locks l join pg_stat_activity a on a.pid = l.pid
		where l.locktype = 'advisory' and l.granted and l.objsubid = 1
		  and l.database = (select oid from pg_database where datname = current_database())
		  and l.classid::bigint = $1::bigint >> 32 and l.objid::bigint = $1::bigint & 4294967295
		limit 1`, id).Scan(&h.PID, &h.User, &h.Application, &h.Client, &since, &h.Query)
	if since != nil {
		h.Since = *since
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return Holder{}, nil
	}
	return h, err
}
