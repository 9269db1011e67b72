package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

// pauses is a function that takes ten minutes as long as the table pause has
// a row, also as the expression of an index.
const pauses = `
	create table pause (); insert into pause default values;
	create table t (id int); insert into t values (1);
	create function pauses(id int) returns int immutable language plpgsql as $$
	begin
		if exists (select from public.pause) then perform pg_sleep(600); end if;
		return id;
	end $$;`

// interrupted are files of every kind, and what is left of each that was
// interrupted where it pauses.
var interrupted = map[string]struct {
	up     string
	code   int    // of status
	status string // says so
	goesOn string // the next up says so
}{
	"transaction": {"create table a (id int); select pauses(1);", exitPending, "nothing applied, 1 pending", "applied in"},
	"steps":       {"vacuum t; create table a (id int); select pauses(1);", exitDiffers, "half done", "goes on after 1 of its 2 steps"},
	"index":       {"create index concurrently a on t (pauses(id));", exitDiffers, "half done", "which an interrupted build left invalid, is dropped"},
}

// Whenever a run is ended, nothing of it stays on the server, and the next
// one goes on.
func TestMigrateIsInterrupted(t *testing.T) {
	server, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	for kind, file := range interrupted {
		t.Run(kind+" by SIGTERM", func(t *testing.T) {
			p, to := newInterrupted(t, server, file.up)
			p.start(p.command("migrate", "up"))
			p.untilPaused(to)
			p.signal(syscall.SIGTERM)
			<-p.ended
			if code := p.cmd.ProcessState.ExitCode(); code != exitFailed || !strings.Contains(p.said(), "cancelled (") {
				t.Errorf("exit code %d:\n%s", code, p.said())
			}
			if paused(t, to) != "" {
				t.Error("the statement goes on without its client")
			}
			p.goesOn(to, file.code, file.status, file.goesOn)
		})
		t.Run(kind+" by SIGKILL", func(t *testing.T) {
			p, to := newInterrupted(t, server, file.up)
			p.start(p.command("migrate", "up"))
			// Its process on the server notices only once it may run.
			backend := number(t, p.untilPaused(to))
			if err := syscall.Kill(backend, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = syscall.Kill(backend, syscall.SIGCONT) }()
			p.signal(syscall.SIGKILL)
			<-p.ended
			pgtest.Exec(t, to, "delete from pause")
			p.start(p.command("migrate", "up"))
			p.until("it names who holds the lock", func() bool {
				return strings.Contains(p.said(), fmt.Sprintf(", process %d of the server, as postgres", backend))
			})
			if err := syscall.Kill(backend, syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			<-p.ended
			if code := p.cmd.ProcessState.ExitCode(); code != exitDone || !strings.Contains(p.said(), file.goesOn) {
				t.Errorf("exit code %d:\n%s", code, p.said())
			}
			p.deserted(to)
		})
	}
	t.Run("waiting for the lock", func(t *testing.T) {
		holder, to := newInterrupted(t, server, interrupted["transaction"].up)
		holder.start(holder.command("migrate", "up"))
		backend := holder.untilPaused(to)
		for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
			p := &project{t: t, dir: holder.dir, output: holder.dir + "/output of another"}
			p.start(p.command("migrate", "up"))
			p.until("it waits", func() bool {
				return strings.Contains(p.said(), ", process "+backend+" of the server, as postgres")
			})
			p.signal(sig)
			<-p.ended
			if p.cmd.ProcessState.ExitCode() == exitDone {
				t.Errorf("%v: it went on:\n%s", sig, p.said())
			}
		}
		if got := paused(t, to); got != backend {
			t.Errorf("the one that holds the lock is disturbed: %s", got)
		}
		holder.signal(syscall.SIGTERM)
		<-holder.ended
		holder.goesOn(to, exitPending, "1 pending", "applied in")
	})
	// golang-migrate's own command says "1 (dirty)" and exits with 0.
	t.Run("dirty by another tool", func(t *testing.T) {
		p, to := newInterrupted(t, server, "create table a (id int);")
		p.run(exitPending, "migrate", "status")
		p.run(exitDone, "migrate", "up", "--dry-run")
		p.run(exitDone, "migrate", "force", "1", "--dry-run")
		if got := pgtest.Query(t, to, "select count(*)::text from pg_class where relname like 'syndicate%'"); got != "0" {
			t.Error("asking for the status, or what would be done, made a table")
		}
		pgtest.Exec(t, to, "create table schema_migrations (version bigint primary key, dirty boolean not null); insert into schema_migrations values (1, true)")
		if got := p.run(exitDiffers, "migrate", "status"); !strings.Contains(got, "at version 1, dirty") || !strings.Contains(got, "migrate force none (it is undone) or force 1") {
			t.Error(got)
		}
	})
	// A server of others lends a database, and nothing more.
	t.Run("verify on a borrowed server", func(t *testing.T) {
		p, to := newInterrupted(t, server, "create table a (id int);")
		for _, on := range []string{"declared", to.URL().Reveal()} {
			if got := p.run(exitFailed, "migrate", "verify", "--on", on); !strings.Contains(got, "table a is left behind") || !strings.Contains(got, "1 file on PostgreSQL") {
				t.Error(got)
			}
		}
		p.write("sql/2-b.sql", "")
		p.write("sql/3_c.up.sql", "select 'it's';")
		for _, want := range []string{"M107", "such as 2_b.up.sql", "3_c.up.sql:1: the string that begins here does not end"} {
			if got := p.run(exitFailed, "validate", "--json"); !strings.Contains(got, want) {
				t.Errorf("validate does not say %q:\n%s", want, got)
			}
		}
		for _, name := range []string{"sql/2-b.sql", "sql/3_c.up.sql"} {
			if err := os.Remove(p.path(name)); err != nil {
				t.Fatal(err)
			}
		}
		p.write("sql/1_a.down.sql", "drop table a; drop role other;")
		if got := p.run(exitFailed, "migrate", "verify", "--on=declared"); !strings.Contains(got, "1_a.down.sql:1: drop role other") || !strings.Contains(got, "without --on") {
			t.Error(got)
		}
		if got := pgtest.Query(t, to, "select count(*)::text from pg_database where datname like 'syndicate_verify%'"); got != "0" {
			t.Errorf("%s databases are left", got)
		}
	})
}

// newInterrupted is a project with one migration of a database of its own.
func newInterrupted(t *testing.T, server *pgtest.Server, up string) (*project, pg.Endpoint) {
	t.Helper()
	to := server.Database(t)
	pgtest.Exec(t, to, pauses)
	p := newProject(t, fmt.Sprintf("database \"main\" {\n  url = %q\n  migrations {\n    path = \"sql\"\n  }\n}\n", to.URL().Reveal()))
	if err := os.Mkdir(p.path("sql"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.write("sql/1_a.up.sql", up)
	p.write("sql/1_a.down.sql", "select 1;")
	return p, to
}

// paused returns the process of the server in which a file pauses, "" where
// none does.
func paused(t *testing.T, to pg.Endpoint) string {
	t.Helper()
	return pgtest.Query(t, to, "select coalesce(max(pid)::text, '') from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'")
}

// untilPaused waits until the file pauses, and returns the server's process.
func (p *project) untilPaused(to pg.Endpoint) (pid string) {
	p.t.Helper()
	p.until("the file pauses", func() bool {
		pid = paused(p.t, to)
		return pid != ""
	})
	return pid
}

// goesOn fails unless status and the next up say so.
func (p *project) goesOn(to pg.Endpoint, code int, status, next string) {
	p.t.Helper()
	if got := p.run(code, "migrate", "status"); !strings.Contains(got, status) {
		p.t.Errorf("status does not say %q:\n%s", status, got)
	}
	pgtest.Exec(p.t, to, "delete from pause")
	if got := p.run(exitDone, "migrate", "up"); !strings.Contains(got, next) {
		p.t.Errorf("up does not say %q:\n%s", next, got)
	}
	p.deserted(to)
}

// deserted waits until nobody but the test is connected, and fails unless what
// the file makes is there.
func (p *project) deserted(to pg.Endpoint) {
	p.t.Helper()
	const others = "select count(*)::text from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()"
	for deadline := time.Now().Add(patience); pgtest.Query(p.t, to, others) != "0"; {
		if time.Now().After(deadline) {
			p.t.Fatal("a session is left on the server")
		}
	}
	if got := pgtest.Query(p.t, to, "select count(*)::text from pg_class c left join pg_index i on i.indexrelid = c.oid where relname = 'a' and coalesce(indisvalid, true)"); got != "1" {
		p.t.Errorf("a is there %s times", got)
	}
	p.run(exitDone, "migrate", "status")
}
