package migration

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"

	"github.com/syndicate/syndicate/engine/pg"
)

// session is the connection that migrations run on. Its locks end with it, so
// that it is never made anew.
type session struct {
	to          pg.Endpoint
	lockTimeout time.Duration
	config      *pgx.ConnConfig
	conn        *pgx.Conn
	locked      bool // it has the locks
	database    string
	sql         statements
}

// cancelPatience is how long the server may take to end a statement that was
// cancelled before the connection is given up.
const cancelPatience = 10 * time.Second

// openSession connects, and checks that the database can be migrated at all.
func openSession(ctx context.Context, cfg Config) (*session, error) {
	op := "connect to " + cfg.Endpoint.Address()
	config, err := cfg.Endpoint.Config()
	if err != nil {
		return nil, err
	}
	s := &session{to: cfg.Endpoint, lockTimeout: cfg.LockTimeout}
	// Nothing prepared outlives a statement, and nothing that a file does
	// can get in its way.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	// A cancelled context cancels the statement on the server, too, and
	// waits for its answer: else the server would go on and commit.
	config.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: cancelPatience}
	}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.Severity != "DEBUG" {
			cfg.Progress(Event{Kind: EventNotice, Text: n.Severity + ": " + n.Message})
		}
	}
	s.config = config
	if s.conn, err = pgx.ConnectConfig(ctx, config); err != nil {
		return nil, pg.ConnectError(op, cfg.Endpoint, err)
	}
	if err := s.look(ctx, cfg); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// look finds out where it is, and refuses a server that takes no writes.
func (s *session) look(ctx context.Context, cfg Config) error {
	op := "migrate " + cfg.Endpoint.Address()
	var schema *string
	var standby, readOnly bool
	err := s.conn.QueryRow(ctx, `select current_schema()::text, current_database()::text, pg_is_in_recovery(),
		current_setting('transaction_read_only')::boolean`).Scan(&schema, &s.database, &standby, &readOnly)
	switch {
	case err != nil:
		return pg.ConnectError("ask "+cfg.Endpoint.Address(), cfg.Endpoint, err)
	case standby:
		return &pg.Error{Op: op, Reason: "the server is a standby, which takes no writes", Remedy: "migrate on its primary, or wait until it is promoted"}
	case readOnly && !cfg.DryRun:
		return &pg.Error{Op: op, Reason: "the database is read-only",
			Remedy: "take default_transaction_read_only back, which is set for the server, the database or the role"}
	case schema == nil:
		return &pg.Error{Op: op, Reason: "no schema of the search_path exists", Remedy: "create one, or set the role's search_path"}
	}
	s.sql = statements{schema: *schema, author: whoami(cfg.Tool)}
	return nil
}

// osUser names the user of this process, by number where it has no name.
func osUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return strconv.Itoa(os.Getuid())
}

// whoami names who migrates.
func whoami(tool string) author {
	a := author{user: osUser(), host: "unknown", tool: tool}
	if host, err := os.Hostname(); err == nil {
		a.host = host
	}
	return a
}

// fresh is the SQL that gives the connection what holds for every file,
// whatever the one before it left: its settings, role, temporary tables,
// cursors and prepared statements. The locks stay.
func (s *session) fresh() string {
	text := "CLOSE ALL;\n" + asOurselves + ";\nRESET ALL;\nDEALLOCATE ALL;\nUNLISTEN *;\nDISCARD TEMP;\nDISCARD SEQUENCES;\n" +
		"SET statement_timeout = 0;\nSET idle_in_transaction_session_timeout = 0;\nSET lock_timeout = " +
		strconv.FormatInt(s.lockTimeout.Milliseconds(), 10)
	version := major(s.conn)
	if version >= 14 {
		// The server then notices a client that died while it works.
		text += ";\nSET client_connection_check_interval = '2s'"
	}
	if version >= 17 {
		text += ";\nSET transaction_timeout = 0"
	}
	return text
}

// exec sends statements as one query.
func (s *session) exec(ctx context.Context, sql string) error {
	_, err := s.conn.PgConn().Exec(ctx, sql).ReadAll()
	return err
}

// count sends statements as one query, and counts those that succeed.
func (s *session) count(ctx context.Context, sql string) (done int, err error) {
	results := s.conn.PgConn().Exec(ctx, sql)
	for results.NextResult() {
		if _, err := results.ResultReader().Close(); err == nil {
			done++
		}
	}
	return done, results.Close()
}

// transactions counts those of the connection, this one included, by the
// server's own number for them. Also a cancelled context lets it ask.
func (s *session) transactions(ctx context.Context) (n int64, ok bool) {
	if s.conn.IsClosed() || s.inTransaction() {
		return 0, false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelPatience)
	defer cancel()
	err := s.conn.QueryRow(ctx, `select split_part(virtualtransaction, '/', 2)::bigint from pg_locks
		where pid = pg_backend_pid() and locktype = 'virtualxid' limit 1`).Scan(&n)
	return n, err == nil
}

// inTransaction reports whether one is open, failed or not.
func (s *session) inTransaction() bool { return s.conn.PgConn().TxStatus() != 'I' }

// rollback ends a transaction, if one is open. Also a cancelled context lets
// it do so.
func (s *session) rollback(ctx context.Context) error {
	if s.conn.IsClosed() {
		return fmt.Errorf("the connection is closed")
	}
	if !s.inTransaction() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelPatience)
	defer cancel()
	return s.exec(ctx, "ROLLBACK")
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

// close ends the connection, and with it every lock.
func (s *session) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.conn.Close(ctx)
}
