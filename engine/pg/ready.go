package pg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// tryTimeout bounds one attempt to connect and ask, createTimeout one of the
// superuser's: creating a database copies files.
const (
	tryTimeout    = 5 * time.Second
	createTimeout = time.Minute
)

// Ready waits until the server answers and is not recovering, and creates
// the application's role, its database and the declared extensions where
// they are missing. It looks again at once at first, and more seldom the
// longer it takes. Cancel ctx when the server's process ends. An error that
// no waiting mends ends it.
func (s *Server) Ready(ctx context.Context) error {
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var last error
	for {
		err := s.tryReady(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("wait for database %s: %w%s", s.cfg.Name, context.Cause(ctx), lastSeen(last))
		}
		last = telling(last, err)
		if !IsTemporary(err) {
			return err
		}
		timer.Reset(RetryAfter(time.Since(start)))
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for database %s: %w%s", s.cfg.Name, context.Cause(ctx), lastSeen(last))
		case <-timer.C:
		}
	}
}

// telling returns the one of two errors that says more: an attempt that was
// cut off by the end of the wait hides what went wrong before.
func telling(before, now error) error {
	if before != nil && (errors.Is(now, context.DeadlineExceeded) || errors.Is(now, os.ErrDeadlineExceeded)) {
		return before
	}
	return now
}

// lastSeen adds what the last attempt found to an error that ended the wait.
func lastSeen(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return " (last: " + e.Reason + ")"
	}
	return ""
}

// tryReady makes one attempt. Where everything is in place, that is one
// connection as the application; the superuser comes in only to create what
// is missing.
func (s *Server) tryReady(ctx context.Context) error {
	if why := s.starting(); why != "" {
		return &Error{Op: "wait for database " + s.cfg.Name, Reason: why, Temporary: true}
	}
	if s.fresh { // nothing is there yet: asking for it would fail
		if err := s.ensureRole(ctx); err != nil {
			return err
		}
		s.fresh = false
	}
	missing, err := s.missingExtensions(ctx)
	if err == nil && len(missing) == 0 {
		return nil
	}
	if err != nil && !mendable(err) {
		return err
	}
	if err := s.ensureRole(ctx); err != nil {
		return err
	}
	return s.ensureExtensions(ctx)
}

// starting says why the server cannot take connections yet, as far as its
// postmaster.pid tells, and "" where it may. Asking it all the same would put
// a FATAL line into its log each time.
func (s *Server) starting() string {
	const statusLine = 8 // since PostgreSQL 10
	text, err := os.ReadFile(filepath.Join(s.dataDir, "postmaster.pid"))
	if errors.Is(err, os.ErrNotExist) {
		return "the server has not started"
	}
	if err != nil || DataMajor(s.dataDir) < 10 {
		return ""
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) >= statusLine {
		if status := strings.TrimSpace(lines[statusLine-1]); status != "" && status != "starting" {
			return ""
		}
	}
	return "the server is starting"
}

// mendable reports whether the superuser can create what err misses: the
// role or its password, the database, the right to connect.
func mendable(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && slices.Contains([]string{"28P01", "28000", "3D000", "42501"}, e.SQLState)
}

// missingExtensions connects as the application and returns the declared
// extensions that its database lacks.
func (s *Server) missingExtensions(ctx context.Context) ([]string, error) {
	var have []string
	err := s.endpoint.With(ctx, tryTimeout, func(ctx context.Context, conn *pgx.Conn) error {
		var recovering bool
		var settings []string
		if err := conn.QueryRow(ctx, "select pg_is_in_recovery(), array(select extname::text from pg_extension), array("+roleSettings+")").
			Scan(&recovering, &have, &settings); err != nil {
			return err
		}
		s.limit = limitOf(settings)
		if recovering {
			return errRecovering
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(s.cfg.Managed.Extensions), func(name string) bool {
		return slices.Contains(have, name)
	}), nil
}

// errRecovering is an answer of a server that does not accept writes yet.
var errRecovering = errors.New("the server is recovering")

// With connects, asks and disconnects. Its errors are of this package.
func (e Endpoint) With(ctx context.Context, timeout time.Duration, ask func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	op := "connect to " + e.Address()
	cfg, err := e.Config()
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return ConnectError(op, e, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	err = ask(ctx, conn)
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	if errors.Is(err, errRecovering) {
		return &Error{Op: op, Reason: err.Error(), Temporary: true, cause: err}
	}
	if err != nil {
		return ConnectError("ask "+e.Address(), e, err)
	}
	return nil
}

// ensureRole creates the application's role, gives it the password in force
// and creates its database. Running it again changes nothing.
func (s *Server) ensureRole(ctx context.Context) error {
	role, db := quoteIdent(s.cfg.User), quoteIdent(s.cfg.Database)
	verifier, err := scramVerifier(s.endpoint.Password.Reveal())
	if err != nil {
		return fmt.Errorf("create role %s: %w", role, err)
	}
	return s.asAdmin(ctx, s.admin, func(ctx context.Context, conn *pgx.Conn) error {
		create := "CREATE DATABASE " + db + " OWNER " + role + " TEMPLATE template0 ENCODING 'UTF8'"
		for _, stmt := range []string{
			"CREATE ROLE " + role + " LOGIN",
			"ALTER ROLE " + role + " LOGIN PASSWORD " + quoteLiteral(verifier),
			create,
			"GRANT CONNECT ON DATABASE " + db + " TO " + role,
		} {
			_, err := conn.Exec(ctx, stmt)
			if err == nil && stmt == create {
				// PostgreSQL lets everybody in: also the roles of other
				// databases in this server. Later it is its owner's affair.
				_, err = conn.Exec(ctx, "REVOKE CONNECT ON DATABASE "+db+" FROM PUBLIC")
			}
			if err != nil && !isDuplicate(err) {
				return err
			}
		}
		return nil
	})
}

// ensureExtensions creates the declared extensions in the application's
// database.
func (s *Server) ensureExtensions(ctx context.Context) error {
	if len(s.cfg.Managed.Extensions) == 0 {
		return nil
	}
	to := s.endpointOf(adminRole, s.cfg.Database, s.admin.Password.Reveal())
	return s.asAdmin(ctx, to, func(ctx context.Context, conn *pgx.Conn) error {
		var failed *Error // of all that cannot be
		for _, name := range s.cfg.Managed.Extensions {
			_, err := conn.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS "+quoteIdent(name)+" CASCADE")
			if err == nil || isDuplicate(err) {
				continue
			}
			e, ok := errors.AsType[*Error](s.extensionError(name, err))
			switch {
			case !ok:
				return err
			case failed == nil:
				failed = e
			default:
				failed.Reason += "; " + e.Op + ": " + e.Reason
			}
		}
		if failed != nil {
			return failed
		}
		return nil
	})
}

// asAdmin does something as the superuser. A refused password means that the
// file in the state directory is not of this data directory.
func (s *Server) asAdmin(ctx context.Context, to Endpoint, do func(context.Context, *pgx.Conn) error) error {
	err := to.With(ctx, createTimeout, do)
	if e, ok := errors.AsType[*Error](err); ok && strings.HasPrefix(e.SQLState, "28") {
		e.Remedy = fmt.Sprintf("the password in %s is not the one of %s: remove that file, and the next start sets a new one",
			s.passwordFile(adminRole), s.dataDir)
	}
	return err
}

// extensionError names the package that an extension is missing from.
func (s *Server) extensionError(name string, err error) error {
	pe, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return err
	}
	e := &Error{Op: fmt.Sprintf("create extension %q", name), Reason: pe.Message, SQLState: pe.Code, cause: err}
	switch pe.Code {
	case "0A000", "58P01", "22023":
		e.Remedy = fmt.Sprintf("install the package that holds it: on Debian postgresql-%d-%s or a name that goes on from there (apt-cache search postgresql-%d), or postgresql-contrib for PostgreSQL's own",
			s.bin.Major, strings.ReplaceAll(name, "_", "-"), s.bin.Major)
	}
	return e
}

// isDuplicate reports whether a statement failed since what it creates is
// there already, also where two create it at once.
func isDuplicate(err error) bool {
	pe, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.Contains([]string{"42710", "42P04", "23505"}, pe.Code)
}
