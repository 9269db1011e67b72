package roundtrip

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/catalog"
	"github.com/syndicate/syndicate/engine/pg/migration"
	"github.com/syndicate/syndicate/engine/pg/script"
)

// scratch is the database that files are tried on, and a copy of it as it was
// after one of them.
type scratch struct {
	cfg     Config
	admin   *pgx.Conn
	conn    *pgx.Conn // to the database, as the user
	reader  *catalog.Reader
	before  []string // roles that were there before
	roles   []string // made since files name them
	applied int      // files that are in the database
	saved   int      // files that are in the copy; -1: there is none
	made    bool
	major   int // version of PostgreSQL
}

// cancelPatience is how long the server may take to end a statement that was
// cancelled.
const cancelPatience = 5 * time.Second

func (s *scratch) database() string { return pgx.Identifier{s.cfg.User.Database}.Sanitize() }
func (s *scratch) copy() string {
	return pgx.Identifier{s.cfg.User.Database + "_saved"}.Sanitize()
}

// open makes an empty database.
func (s *scratch) open(ctx context.Context) error {
	s.saved = -1
	var err error
	if s.admin, err = dial(ctx, s.cfg.Admin); err != nil {
		return err
	}
	var there, mayCreate bool
	if err := s.admin.QueryRow(ctx, `select exists (select from pg_database where datname = any($1)),
		array(select rolname::text from pg_roles), current_setting('server_version_num')::int / 10000,
		(select rolcreatedb or rolsuper from pg_roles where rolname = current_user)`,
		[]string{s.cfg.User.Database, s.cfg.User.Database + "_saved"}).Scan(&there, &s.before, &s.major, &mayCreate); err != nil {
		return s.trouble("look for databases", err)
	}
	if !mayCreate {
		role := pgx.Identifier{s.cfg.Admin.User}.Sanitize()
		return &pg.Error{Op: "verify on " + s.cfg.Admin.Address(), Reason: "the role " + role + " may not create a database to throw away",
			Remedy: "let it: ALTER ROLE " + role + " CREATEDB, or give the URL of a server for trials"}
	}
	if there {
		return fmt.Errorf("verify the migrations: the server has a database %s: it is not one to throw away", s.cfg.User.Database)
	}
	if err := s.do(ctx, "create database "+s.database()+" owner "+pgx.Identifier{s.cfg.User.User}.Sanitize()+" template template0"); err != nil {
		return err
	}
	s.made = true
	if err := s.extensions(ctx); err != nil {
		return err
	}
	return s.call(ctx)
}

// extensions creates what is declared, as the superuser does on a managed
// server.
func (s *scratch) extensions(ctx context.Context) error {
	if len(s.cfg.Extensions) == 0 {
		return nil
	}
	to, err := pg.Parts{
		Host: s.cfg.Admin.Host, Port: s.cfg.Admin.Port, User: s.cfg.Admin.User, Password: s.cfg.Admin.Password,
		Database: s.cfg.User.Database,
	}.Endpoint()
	if err != nil {
		return err
	}
	return to.With(ctx, time.Minute, func(ctx context.Context, conn *pgx.Conn) error {
		for _, name := range s.cfg.Extensions {
			if _, err := conn.Exec(ctx, "create extension if not exists "+pgx.Identifier{name}.Sanitize()+" cascade"); err != nil {
				return &pg.Error{Op: fmt.Sprintf("create extension %q", name), Reason: err.Error(), Remedy: "install the package that holds it"}
			}
		}
		return nil
	})
}

// dial connects so that a cancelled context cancels the statement on the
// server, too.
func dial(ctx context.Context, to pg.Endpoint) (*pgx.Conn, error) {
	cfg, err := to.Config()
	if err != nil {
		return nil, err
	}
	cfg.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: cancelPatience}
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, pg.ConnectError("connect to "+to.Address(), to, err)
	}
	return conn, nil
}

func (s *scratch) do(ctx context.Context, statement string) error {
	if _, err := s.admin.Exec(ctx, statement); err != nil {
		return s.trouble(statement, err)
	}
	return nil
}

func (s *scratch) trouble(op string, err error) error {
	return pg.ConnectError(op, s.cfg.Admin, err)
}

// read returns the schema as it is.
func (s *scratch) read(ctx context.Context) (*catalog.Catalog, error) {
	c, err := s.reader.Read(ctx)
	if err != nil {
		return nil, fmt.Errorf("verify the migrations: %w", err)
	}
	return c, nil
}

// rebuild makes the database anew with files applied, from the copy and the
// files that it lacks, and keeps a copy of that.
func (s *scratch) rebuild(ctx context.Context, files []migration.File) error {
	s.hangUp()
	if err := s.do(ctx, "drop database "+s.database()); err != nil {
		return err
	}
	if err := s.dropRoles(ctx); err != nil {
		return err
	}
	if s.saved >= 0 {
		// A rename rather than a second copy: the copy is made again below.
		if err := s.do(ctx, "alter database "+s.copy()+" rename to "+s.database()); err != nil {
			return err
		}
	} else {
		if err := s.do(ctx, "create database "+s.database()+" owner "+pgx.Identifier{s.cfg.User.User}.Sanitize()+" template template0"); err != nil {
			return err
		}
		if err := s.extensions(ctx); err != nil {
			return err
		}
	}
	from := max(s.saved, 0)
	s.saved = -1
	if err := s.call(ctx); err != nil {
		return err
	}
	for _, f := range files[from:] {
		if failed, err := s.run(ctx, f.Up); err != nil {
			return err
		} else if failed != nil {
			return fmt.Errorf("verify the migrations: %s was applied before, and fails the second time on a new database: %s", f.Up, failed.text)
		}
	}
	s.hangUp()
	if err := s.do(ctx, "create database "+s.copy()+" owner "+pgx.Identifier{s.cfg.User.User}.Sanitize()+" template "+s.database()); err != nil {
		return err
	}
	s.saved = len(files)
	return s.call(ctx)
}

// call connects as the user.
func (s *scratch) call(ctx context.Context) (err error) {
	s.conn, err = dial(ctx, s.cfg.User)
	s.reader = catalog.NewReader(s.conn)
	return err
}

// hangUp ends the connection, so that the database can be dropped or copied.
func (s *scratch) hangUp() {
	if s.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), cancelPatience)
	defer cancel()
	_ = s.conn.Close(ctx)
	select { // the server lets go of the database only after that
	case <-s.conn.PgConn().CleanupDone():
	case <-ctx.Done():
	}
	s.conn = nil
}

// close drops what was made.
func (s *scratch) close() error {
	s.hangUp()
	if s.admin == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	defer func() { _ = s.admin.Close(ctx) }()
	if !s.made || s.admin.IsClosed() {
		return nil
	}
	err := s.do(ctx, "drop database if exists "+s.database()+" with (force)")
	err = errors.Join(err, s.do(ctx, "drop database if exists "+s.copy()))
	if s.cfg.Borrowed {
		for _, role := range s.roles {
			err = errors.Join(err, s.do(ctx, "drop role "+pgx.Identifier{role}.Sanitize()))
		}
		return err
	}
	s.roles = nil
	return errors.Join(err, s.dropRoles(ctx))
}

// dropRoles drops what files have created and no database needs: roles belong
// to the server, and outlive a database.
func (s *scratch) dropRoles(ctx context.Context) error {
	if s.cfg.Borrowed {
		return nil
	}
	var roles []string
	err := s.admin.QueryRow(ctx, "select array(select rolname::text from pg_roles where rolname <> all($1))",
		append(s.roles, s.before...)).Scan(&roles)
	if err != nil {
		return s.trouble("look for roles", err)
	}
	for _, role := range roles {
		_, err := s.admin.Exec(ctx, "drop role "+pgx.Identifier{role}.Sanitize())
		if e, ok := errors.AsType[*pgconn.PgError](err); err != nil && (!ok || e.Code != "2BP01") {
			return s.trouble("drop role "+role, err)
		}
	}
	return nil
}

// failure is a file that PostgreSQL did not take.
type failure struct {
	path         string
	line, column int
	text, advice string
	message      string // PostgreSQL's own
	code         string // SQLSTATE
	open         bool   // it left a transaction open
}

// mostRoles bounds how many roles are made for one file.
const mostRoles = 100

// run runs a file of the verified ones.
func (v *verifier) run(ctx context.Context, path string) (*failure, error) {
	return v.scratch.run(ctx, path)
}

// run runs a file as migrating does.
func (s *scratch) run(ctx context.Context, path string) (*failure, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("verify the migrations: %w", err)
	}
	for {
		failed, err := s.try(ctx, path, string(text))
		if err != nil || failed == nil || !s.makeRole(ctx, failed) {
			return failed, err
		}
	}
}

var roleRE = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^role "(.+)" does not exist$`)
})

// makeRole makes a role that a statement names and that does not exist here:
// roles belong to the server, and not to the database. It reports whether the
// statement can be tried again.
func (s *scratch) makeRole(ctx context.Context, f *failure) bool {
	m := roleRE().FindStringSubmatch(f.message)
	if m == nil || f.code != "42704" || len(s.roles) >= mostRoles {
		return false
	}
	if _, err := s.admin.Exec(ctx, "create role "+pgx.Identifier{m[1]}.Sanitize()); err != nil {
		return false
	}
	s.roles = append(s.roles, m[1])
	return true
}

// try runs a text once.
func (s *scratch) try(ctx context.Context, path, text string) (*failure, error) {
	failed := s.parts(ctx, path, text)
	if s.conn.IsClosed() {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("verify the migrations: %s: the connection was lost", path)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if s.conn.PgConn().TxStatus() != 'I' {
		if _, err := s.conn.Exec(ctx, "rollback"); err != nil {
			return nil, s.trouble("roll back "+path, err)
		}
		if failed == nil {
			failed = &failure{path: path, open: true, text: "it leaves a transaction open, and nothing of that lasts", advice: "end it with COMMIT"}
		}
	}
	// What a file set must not hold for the next.
	if _, err := s.conn.PgConn().Exec(ctx, "reset session authorization; reset role; reset all; discard temp").ReadAll(); err != nil {
		return nil, s.trouble("reset the session", err)
	}
	return failed, nil
}

// parts sends the units of a file, as migrating does.
func (s *scratch) parts(ctx context.Context, path, text string) *failure {
	single := slices.ContainsFunc(script.Directives(text), func(d script.Directive) bool { return d.Name == "no-transaction" })
	for _, u := range script.Units(text, single) {
		if f := s.unit(ctx, path, text, u); f != nil {
			return f
		}
	}
	return nil
}

// unit sends statements that happen together in one go, and others one by
// one.
func (s *scratch) unit(ctx context.Context, path, text string, u script.Unit) *failure {
	if u.Kind == script.Transaction {
		f := s.exec(ctx, path, u.Begin, 0, len(u.Begin))
		if f == nil {
			f = s.exec(ctx, path, text, u.Offset, u.Offset+len(u.Text))
		}
		if f == nil { // deferred constraints speak up now
			f = s.exec(ctx, path, "commit", 0, len("commit"))
		}
		return f
	}
	for _, st := range u.Statements {
		f := s.exec(ctx, path, text, st.Offset, st.Offset+len(st.Text))
		for f != nil && s.conn.PgConn().TxStatus() == 'I' && s.makeRole(ctx, f) {
			f = s.exec(ctx, path, text, st.Offset, st.Offset+len(st.Text))
		}
		if f != nil {
			return f
		}
	}
	return nil
}

// exec sends a part of a file.
func (s *scratch) exec(ctx context.Context, path, text string, start, end int) *failure {
	_, err := s.conn.PgConn().Exec(ctx, text[start:end]).ReadAll()
	if err == nil {
		return nil
	}
	f := &failure{path: path, text: err.Error()}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		f.message, f.code = e.Message, e.Code
		f.text = fmt.Sprintf("%s (SQLSTATE %s)", e.Message, e.Code)
		f.advice = joined(e.Detail, e.Hint)
		if strings.Contains(e.Message, "extension ") && (e.Code == "0A000" || e.Code == "58P01") {
			f.advice = "install its package on this machine: on Debian postgresql-contrib, or postgresql-MAJOR-NAME"
		}
		if e.Position > 0 {
			// PostgreSQL counts characters of what was sent, from 1.
			runes := []rune(text[start:end])
			before := text[:start] + string(runes[:min(int(e.Position)-1, len(runes))])
			f.line = 1 + strings.Count(before, "\n")
			f.column = 1 + len([]rune(before[strings.LastIndexByte(before, '\n')+1:]))
		}
	}
	return f
}

func base(path string) string { return filepath.Base(path) }
