package migration

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

func invalid(t *testing.T, to pg.Endpoint) string {
	t.Helper()
	return pgtest.Query(t, to, "select count(*)::text from pg_index where not indisvalid")
}

// A file that is no transaction goes on where it stopped, also after the
// failed step was corrected.
func TestUpGoesOnAfterTheStepsThatAreDone(t *testing.T) {
	to := pgtest.Database(t)
	dir := migrationsDir(t, map[string]string{
		"1_a.up.sql":   "create table a (id int); insert into a values (1), (1);",
		"1_a.down.sql": "drop table a;",
		"2_b.up.sql": "SET work_mem = '5MB';\nBEGIN; create table b (id int); insert into b values (1); COMMIT;\n" +
			"create index concurrently b_id on b (id);\ncreate unique index concurrently a_id on a (id);\n" +
			"create table c as select current_setting('work_mem') as w;",
		"2_b.down.sql": "drop table b;",
	})
	_, err := Up(t.Context(), Config{Endpoint: to, Dir: dir}, 0)
	wantText(t, err, "2_b.up.sql:4: could not create unique index", "SQLSTATE 23505", "3 of its 5 steps are done and stay done", "run up again")
	if got, want := states(t, to, dir), "1 applied, 2 half done"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := pgtest.Query(t, to, "select version || ' ' || dirty from schema_migrations"); got != "2 true" {
		t.Errorf("golang-migrate's table says %s, want it to keep its hands off", got)
	}
	if got := invalid(t, to); got != "1" {
		t.Errorf("%s invalid indexes", got)
	}
	status, err := ReadStatus(t.Context(), to, dir)
	if err != nil || len(status.Findings) != 0 || len(status.Warnings) != 1 || status.Warnings[0].Code != CodeHalfUp ||
		!strings.Contains(status.Warnings[0].String(), "2_b.up.sql stopped after 3 steps") || !strings.Contains(status.Warnings[0].String(), "migrate up, which goes on") {
		t.Errorf("status %+v, %v", status, err)
	}
	if changed, err := Repair(t.Context(), Config{Endpoint: to, Dir: dir}, nil); err != nil || len(changed.Changes) != 0 {
		t.Errorf("repair of what is no edit: %+v, %v", changed.Changes, err)
	}
	if _, err := Down(t.Context(), Config{Endpoint: to, Dir: dir}, 1); err == nil || !strings.Contains(err.Error(), "migrate up") {
		t.Errorf("down of half a file: %v", err)
	}
	// What is done must stay what it was.
	text := "SET work_mem = '5MB';\nBEGIN; create table bb (id int); COMMIT;"
	put(t, dir, "2_b.up.sql", text)
	_, err = Up(t.Context(), Config{Endpoint: to, Dir: dir}, 0)
	wantText(t, err, "2_b.up.sql: its steps up to the number 3 are done already, and say something else now")
	put(t, dir, "2_b.up.sql", "SET work_mem = '5MB';\nBEGIN; create table b (id int); insert into b values (1); COMMIT;\n"+
		"create index concurrently b_id on b (id);\ncreate index concurrently a_id on a (id);\n"+
		"create table c as select current_setting('work_mem') as w;")
	var r recorder
	if _, err := Up(t.Context(), Config{Endpoint: to, Dir: dir, Progress: r.note}, 0); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(r.kinds(), ", "); got != "started 2, resumed 2, mended 2, applied 2" {
		t.Errorf("events %s", got)
	}
	for sql, want := range map[string]string{
		"select count(*)::text from b": "1", "select w from c": "5MB",
		"select version || ' ' || dirty from schema_migrations":                                "2 false",
		"select outcome || units from syndicate_migrations where version = 2":                  "done5",
		"select indisvalid::text from pg_index where indexrelid = 'a_id'::regclass":            "true",
		"select count(*)::text from pg_index where indexrelid::regclass::text like '%cc%'":     "0",
		"select count(*)::text from pg_index where not indisvalid":                             "0",
		"select count(*)::text from syndicate_migrations where up_checksum = '' and units > 0": "0",
	} {
		if got := pgtest.Query(t, to, sql); got != want {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
}

// What failed at its first step leaves nothing, an index included.
func TestTheFirstStepLeavesNothing(t *testing.T) {
	for name, body := range map[string]string{
		"index on no table": "create index concurrently i on none (id)",
		"unique index":      "create unique index concurrently i on a (id)",
		"transaction":       "begin; insert into a select 1/0; commit; vacuum a",
		"no such database":  "drop database none",
	} {
		t.Run(name, func(t *testing.T) {
			to := pgtest.Database(t)
			dir := migrationsDir(t, map[string]string{
				"1_a.up.sql": "create table a (id int); insert into a values (1), (1);", "1_a.down.sql": "drop table a;",
				"2_b.up.sql": body, "2_b.down.sql": "select 1",
			})
			_, err := Up(t.Context(), Config{Endpoint: to, Dir: dir}, 0)
			if name == "no such database" { // the server says 3D000, which may be of anything
				wantText(t, err, "0 of its 1 steps are done")
				return
			}
			wantText(t, err, "nothing of this file was done")
			if got, want := states(t, to, dir), "1 applied, 2 pending"; got != want {
				t.Errorf("%s, want %s", got, want)
			}
			if got := pgtest.Query(t, to, "select version || ' ' || dirty from schema_migrations"); got != "1 false" || invalid(t, to) != "0" {
				t.Errorf("golang-migrate's table says %s, %s invalid indexes", got, invalid(t, to))
			}
		})
	}
}

// An index whose build somebody interrupted is found by the next run: by a
// file that says IF NOT EXISTS, one that names none, and one that rebuilds.
func TestInterruptedIndexIsMended(t *testing.T) {
	for name, test := range map[string]struct{ before, body string }{
		"if not exists": {"", "create unique index concurrently if not exists i on s.t (id);"},
		"quoted":        {"", `create unique index concurrently "i" on "s"."t" (id);`},
		"rebuilt":       {"create unique index i on s.t (id); insert into s.t values (7);", "reindex table concurrently s.t"},
	} {
		t.Run(name, func(t *testing.T) {
			to := pgtest.Database(t)
			pgtest.Exec(t, to, "create schema s; create table s.t (id int); insert into s.t values (1), (2);"+test.before)
			if test.before == "" {
				pgtest.Exec(t, to, "insert into s.t values (1)")
				conn := pgtest.Dial(t, to)
				if _, err := conn.Exec(t.Context(), "create unique index concurrently i on s.t (id)"); err == nil {
					t.Fatal("the index was built")
				}
				pgtest.Exec(t, to, "delete from s.t where ctid = '(0,1)'")
			} else {
				// As a rebuild leaves it that was interrupted.
				pgtest.Exec(t, to, "create index i_ccnew on s.t (id); update pg_index set indisvalid = false where indexrelid = 's.i_ccnew'::regclass")
			}
			if got := invalid(t, to); got != "1" {
				t.Fatalf("%s invalid indexes to begin with", got)
			}
			dir := migrationsDir(t, map[string]string{"1_i.up.sql": test.body, "1_i.down.sql": "drop index concurrently s.i"})
			var r recorder
			if _, err := Up(t.Context(), Config{Endpoint: to, Dir: dir, Progress: r.note}, 0); err != nil {
				t.Fatal(err)
			}
			if got := invalid(t, to); got != "0" {
				t.Errorf("%s invalid indexes", got)
			}
			if got := pgtest.Query(t, to, "select count(*)::text from pg_index where indrelid = 's.t'::regclass"); got != "1" {
				t.Errorf("%s indexes", got)
			}
			if got := strings.Join(r.kinds(), ", "); !strings.Contains(got, "mended 1") {
				t.Errorf("events %s", got)
			}
		})
	}
}

// A server that dies in the middle leaves what the next run goes on from,
// whichever side of the step it died on.
func TestLostConnection(t *testing.T) {
	for name, test := range map[string]struct{ body, rest, state string }{
		"in a transaction":  {"create table b (id int); select pg_terminate_backend(pg_backend_pid());", "the connection to the server was lost (terminating", "1 applied, 2 pending"},
		"between two steps": {"create table b (id int); vacuum a; do $$ begin if current_setting('application_name') <> 'again' then perform pg_terminate_backend(pg_backend_pid()); end if; end $$", "at least 2 of its 3 steps are done and stay done: run up again", "1 applied, 2 half done"},
	} {
		t.Run(name, func(t *testing.T) {
			to := pgtest.Database(t)
			dir := migrationsDir(t, map[string]string{
				"1_a.up.sql": "create table a (id int)", "1_a.down.sql": "drop table a",
				"2_b.up.sql": test.body, "2_b.down.sql": "drop table b",
			})
			_, err := Up(t.Context(), Config{Endpoint: to, Dir: dir}, 0)
			wantText(t, err, "2_b.up.sql:1", test.rest)
			if got := states(t, to, dir); got != test.state {
				t.Errorf("%s, want %s", got, test.state)
			}
			if name == "in a transaction" {
				put(t, dir, "2_b.up.sql", "create table b (id int)")
			} else {
				pgtest.Exec(t, to, "alter database "+to.Database+" set application_name = 'again'")
				put(t, dir, "2_b.up.sql", strings.ReplaceAll(test.body, "<> 'again'", "= 'never'"))
			}
			mustUp(t, to, dir)
			if got, want := states(t, to, dir), "1 applied, 2 applied"; got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

// An index that was built while nobody could note it is not built twice.
func TestBuiltButNotNoted(t *testing.T) {
	to := pgtest.Database(t)
	dir := migrationsDir(t, map[string]string{
		"1_a.up.sql": "create table a (id int)", "1_a.down.sql": "drop table a",
		"2_i.up.sql":   "create index concurrently i on a (id)",
		"2_i.down.sql": "drop index concurrently i",
	})
	mustUp(t, to, dir)
	pgtest.Exec(t, to, "update syndicate_migrations set outcome = 'running' where version = 2; update schema_migrations set dirty = true")
	if status, err := ReadStatus(t.Context(), to, dir); err != nil || len(status.Warnings) != 1 || !strings.Contains(status.Warnings[0].Text, "runs now or was interrupted") {
		t.Errorf("status %+v, %v", status, err)
	}
	mustUp(t, to, dir)
	if got, want := states(t, to, dir), "1 applied, 2 applied"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if _, err := Down(t.Context(), Config{Endpoint: to, Dir: dir}, 1); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, to, "update syndicate_migrations set outcome = 'running' where action = 'down'; update schema_migrations set dirty = true")
	if _, err := Up(t.Context(), Config{Endpoint: to, Dir: dir}, 0); err == nil || !strings.Contains(err.Error(), "is undone by half") {
		t.Errorf("up over half a down: %v", err)
	}
	if _, err := Down(t.Context(), Config{Endpoint: to, Dir: dir}, 1); err != nil {
		t.Fatal(err)
	}
	if got, want := states(t, to, dir), "1 applied, 2 pending"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A cancellation during a concurrent build reaches the server, and up goes on.
func TestCancelDuringAConcurrentBuild(t *testing.T) {
	to := pgtest.Database(t)
	pgtest.Exec(t, to, "create table a (id int); insert into a values (1)")
	// The build waits for this transaction.
	holder := pgtest.Dial(t, to)
	if _, err := holder.Exec(t.Context(), "begin; lock table a in row exclusive mode"); err != nil {
		t.Fatal(err)
	}
	dir := migrationsDir(t, map[string]string{"1_i.up.sql": "create index concurrently i on a (id)", "1_i.down.sql": "drop index i"})
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("interrupted")
	watch := pgtest.Dial(t, to)
	go func() {
		for ctx.Err() == nil {
			var n int
			err := watch.QueryRow(t.Context(), "select count(*) from pg_stat_progress_create_index where command like '%CONCURRENTLY'").Scan(&n)
			if err != nil {
				cancel(err)
			} else if n == 1 {
				cancel(stop)
			}
		}
	}()
	_, err := Up(ctx, Config{Endpoint: to, Dir: dir, LockTimeout: 1e6}, 0)
	if !errors.Is(err, stop) {
		t.Fatalf("%v, want it interrupted", err)
	}
	if got, want := states(t, to, dir), "1 half done"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if _, err := holder.Exec(t.Context(), "rollback"); err != nil {
		t.Fatal(err)
	}
	mustUp(t, to, dir)
	if got := invalid(t, to); got != "0" || states(t, to, dir) != "1 applied" {
		t.Errorf("%s invalid indexes, %s", got, states(t, to, dir))
	}
}

// A build that waits for somebody's transaction says for whose, and is not
// cut short by lock_timeout.
func TestAWaitIsTold(t *testing.T) {
	to := pgtest.Database(t)
	pgtest.Exec(t, to, "create table a (id int)")
	holder := pgtest.Dial(t, to)
	if _, err := holder.Exec(t.Context(), "set application_name = 'the holder'; begin; lock table a in row exclusive mode"); err != nil {
		t.Fatal(err)
	}
	dir := migrationsDir(t, map[string]string{"1_i.up.sql": "create index concurrently i on a (id)", "1_i.down.sql": "drop index i"})
	told := 0
	_, err := Up(t.Context(), Config{Endpoint: to, Dir: dir, LockTimeout: 1e6, watchEvery: 1e7, Progress: func(e Event) {
		if e.Kind != EventWaiting {
			return
		}
		if told++; e.Holder.Application != "the holder" || e.File.Version != 1 {
			t.Errorf("%+v", e)
		}
		if _, err := holder.Exec(t.Context(), "rollback"); err != nil {
			t.Error(err)
		}
	}}, 0)
	if err != nil || told != 1 {
		t.Errorf("told %d times, %v", told, err)
	}
}

// Whoever holds the lock of a table that a file needs is named, while it is
// waited for and in the error.
func TestWhoLocksATableIsNamed(t *testing.T) {
	to := pgtest.Database(t)
	pgtest.Exec(t, to, "create table accounts (id int)")
	holder := pgtest.Dial(t, to)
	if _, err := holder.Exec(t.Context(), "set application_name = 'the holder'; begin; lock table accounts"); err != nil {
		t.Fatal(err)
	}
	pid := holder.PgConn().PID()
	dir := migrationsDir(t, map[string]string{"1_i.up.sql": "alter table accounts add column name text", "1_i.down.sql": "alter table accounts drop column name"})
	var told []string
	_, err := Up(t.Context(), Config{Endpoint: to, Dir: dir, LockTimeout: 500e6, watchEvery: 1e7, Progress: func(e Event) {
		if e.Kind == EventWaiting {
			told = append(told, e.Holder.Blocks())
		}
	}}, 0)
	if len(told) == 0 {
		t.Fatal("nothing was told")
	}
	for _, text := range []string{told[0], fmt.Sprint(err)} {
		for _, want := range []string{
			fmt.Sprintf("table accounts, which is locked by the holder, process %d of the server, as ", pid), ", idle in transaction, its transaction began ",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not in:\n%s", want, text)
			}
		}
	}
	wantText(t, err, fmt.Sprintf("SELECT pg_terminate_backend(%d)", pid))
}

// Files that begin and end transactions in ways of their own run as they are.
func TestRawFile(t *testing.T) {
	to := pgtest.Database(t)
	dir := migrationsDir(t, map[string]string{
		"1_a.up.sql":   "begin; create table a (id int); commit and chain; create table b (id int); commit;",
		"1_a.down.sql": "drop table a; drop table b",
		"2_c.up.sql":   "begin; create table c (id int); rollback; begin; create table d (id int)", "2_c.down.sql": "select 1",
	})
	_, err := Up(t.Context(), Config{Endpoint: to, Dir: dir}, 0)
	wantText(t, err, "2_c.up.sql", "does not end it", "marked dirty", "migrate force 2", "migrate force 1")
	if got := pgtest.Query(t, to, "select string_agg(tablename, ' ' order by 1) from pg_tables where schemaname = 'public' and length(tablename) = 1"); got != "a b" {
		t.Errorf("tables %s", got)
	}
	_, err = Up(t.Context(), Config{Endpoint: to, Dir: dir}, 0)
	wantText(t, err, "nobody knows what of it is done")
}

// A procedure or a block that ends transactions itself is never run twice: one
// that failed before it ended any is undone by the server, and of any other a
// person has to say what of it is done.
func TestWhatCommitsItself(t *testing.T) {
	for name, test := range map[string]struct {
		up, rest string
		rows     string
	}{
		"a block, before":     {"do $$ begin insert into x values (1); perform 1/0; commit; end $$", "nothing of this file was done", ""},
		"a block, after":      {"do $$ begin insert into x values (1); commit; perform 1/0; end $$", "migrate force 1; or undo it", "1"},
		"a block, rolls back": {"do $$ begin insert into x values (1); rollback; perform 1/0; end $$", "migrate force 1; or undo it", ""},
		"a procedure, before": {"call p(1/0)", "nothing of this file was done", ""},
		"a procedure, after":  {"call p(2)", "migrate force 1; or undo it", "2"},
		"no procedure":        {"call q()", "nothing of this file was done", ""},
		"second":              {"vacuum x; do $$ begin insert into x values (1); commit; perform 1/0; end $$", "migrate force 1; or undo it", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			to := pgtest.Database(t)
			pgtest.Exec(t, to, "create table x (id int); create procedure p(id int) language plpgsql as $$ begin insert into x values (id); commit; perform 1/0; end $$")
			dir := migrationsDir(t, map[string]string{"1_a.up.sql": test.up, "1_a.down.sql": "select 1"})
			_, err := Up(t.Context(), Config{Endpoint: to, Dir: dir}, 0)
			wantText(t, err, test.rest)
			_, again := Up(t.Context(), Config{Endpoint: to, Dir: dir}, 0)
			if test.rest == "nothing of this file was done" {
				wantText(t, again, test.rest)
			} else {
				wantText(t, again, "nobody knows what of it is done")
				if s, err := ReadStatus(t.Context(), to, dir); err != nil || len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0].String(), "force none (it is undone) or force 1") {
					t.Errorf("status: %+v, %v", s.Warnings, err)
				}
			}
			if got := pgtest.Query(t, to, "select coalesce(string_agg(id::text, ' '), '') from x"); got != test.rows {
				t.Errorf("rows %q, want %q", got, test.rows)
			}
		})
	}
}

// New values of an enum are used in the file that adds them.
func TestEnumValues(t *testing.T) {
	to := pgtest.Database(t)
	dir := migrationsDir(t, map[string]string{
		"1_e.up.sql": "create type e as enum ('a'); create table t (e e);", "1_e.down.sql": "drop table t; drop type e;",
		"2_v.up.sql": "alter type e add value 'b'; alter type e add value 'c'; insert into t values ('b'), ('c');", "2_v.down.sql": "select 1",
	})
	mustUp(t, to, dir)
	if got := pgtest.Query(t, to, "select string_agg(e::text, ' ') from t"); got != "b c" {
		t.Errorf("rows %s", got)
	}
}

func TestDown(t *testing.T) {
	to := pgtest.Database(t)
	dir := twoFiles(t)
	put(t, dir, "4_d.up.sql", "create table d (id int)")
	mustUp(t, to, dir)
	cfg := Config{Endpoint: to, Dir: dir}
	// Defect j: refused before anything is done.
	for _, n := range []int{0, 1, 2} {
		_, err := Down(t.Context(), cfg, n)
		wantText(t, err, "000004_d cannot be undone: it has no down file", "4_d.down.sql; nothing was undone")
	}
	if got, want := states(t, to, dir), "1 applied, 3 applied, 4 applied"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	put(t, dir, "4_d.down.sql", "drop table d; select 1/0")
	_, err := Down(t.Context(), cfg, 1)
	wantText(t, err, "4_d.down.sql:1: division by zero", "nothing of this file was done")
	put(t, dir, "4_d.down.sql", "drop table d")
	result, err := Goto(t.Context(), cfg, 1)
	if err != nil || fmt.Sprint(stepNames(result.Steps)) != "[4 d 3 c]" {
		t.Errorf("%v, %v", stepNames(result.Steps), err)
	}
	if got, want := states(t, to, dir), "1 applied, 3 pending, 4 pending"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if result, err = Goto(t.Context(), cfg, 3); err != nil || fmt.Sprint(stepNames(result.Steps)) != "[3 c]" {
		t.Errorf("%v, %v", stepNames(result.Steps), err)
	}
	_, err = Goto(t.Context(), cfg, 2)
	wantText(t, err, "no file of version 2; its versions go from 1 to 4")
	if _, err := Down(t.Context(), cfg, 0); err != nil {
		t.Fatal(err)
	}
	if got := pgtest.Query(t, to, "select count(*)::text from pg_tables where schemaname = 'public'"); got != "2" {
		t.Errorf("%s tables are left, want the two of the ledger", got)
	}
}
