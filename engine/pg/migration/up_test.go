package migration

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	migratepgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

// recorder keeps the events of Up, and lets a test wait for one.
type recorder struct {
	mu     sync.Mutex
	events []Event
	marks  map[EventKind]chan struct{}
}

func (r *recorder) note(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	if c := r.marks[e.Kind]; c != nil {
		close(c)
		delete(r.marks, e.Kind)
	}
}

// on returns a channel that is closed at the first event of a kind.
func (r *recorder) on(kind EventKind) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.marks == nil {
		r.marks = map[EventKind]chan struct{}{}
	}
	c := make(chan struct{})
	r.marks[kind] = c
	return c
}

func (r *recorder) kinds() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, e := range r.events {
		text := string(e.Kind)
		if e.File.Version > 0 {
			text += fmt.Sprint(" ", e.File.Version)
			if e.Down {
				text += " down"
			}
		}
		all = append(all, text)
	}
	return all
}

func TestUpAppliesWhatIsPending(t *testing.T) {
	to := pgtest.Database(t)
	dir := migrationsDir(t, map[string]string{
		"1_users.up.sql":    "create table users (id bigint primary key);\ncomment on table users is 'a;b';",
		"1_users.down.sql":  "drop table users;",
		"2_emails.up.sql":   "BEGIN; alter table users add email text; COMMIT;",
		"2_emails.down.sql": "alter table users drop email;",
		"3_index.up.sql":    "create index concurrently users_email on users (email);",
		"3_index.down.sql":  "drop index concurrently users_email;",
	})
	before, err := ReadStatus(t.Context(), to, dir)
	if err != nil || !before.Ledger.None || len(before.Pending) != 3 {
		t.Fatalf("status of an empty database: %+v, %v", before, err)
	}
	if got := pgtest.Query(t, to, "select count(*)::text from pg_tables where schemaname = 'public'"); got != "0" {
		t.Errorf("asking for the status left %s tables behind", got)
	}
	var r recorder
	result, err := Up(t.Context(), Config{Endpoint: to, Dir: dir, Progress: r.note}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := stepNames(result.Steps), []string{"1 users", "2 emails"}; !reflect.DeepEqual(got, want) {
		t.Errorf("applied %v, want %v", got, want)
	}
	if got, want := r.kinds(), []string{"started 1", "applied 1", "started 2", "applied 2"}; !reflect.DeepEqual(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	result, err = Up(t.Context(), Config{Endpoint: to, Dir: dir}, 0)
	if err != nil || len(result.Steps) != 1 || result.Ledger.Version != 3 {
		t.Fatalf("second up: %+v, %v", result, err)
	}
	after, err := ReadStatus(t.Context(), to, dir)
	if err != nil || after.Ledger.Version != 3 || after.Ledger.Dirty || len(after.Pending) != 0 {
		t.Errorf("status afterwards: %+v, %v", after, err)
	}
	again, err := Up(t.Context(), Config{Endpoint: to, Dir: dir}, 0)
	if err != nil || len(again.Steps) != 0 || again.Ledger.Version != 3 {
		t.Errorf("up with nothing to do: %+v, %v", again, err)
	}
}

func TestUpTakesBackWhatTheServerUndid(t *testing.T) {
	for name, body := range map[string]string{
		"no transaction of its own": "create table b (id int);\n\ninsert into a values (1);\ninsert into a values (1);\ncreate table c (id int);",
		"a transaction of its own":  "BEGIN;\ncreate table b (id int);\n-- twice;\ninsert into a values (1), (1);\nCOMMIT;",
		"a function's body":         "create function f() returns int language plpgsql as $$ begin return 1; end $$;\n\n\ninsert into a values (1), (1);",
	} {
		t.Run(name, func(t *testing.T) {
			to := pgtest.Database(t)
			dir := migrationsDir(t, map[string]string{
				"1_a.up.sql": "create table a (id int primary key);", "1_a.down.sql": "drop table a;",
				"2_b.up.sql": body, "2_b.down.sql": "drop table b;",
			})
			result, err := Up(t.Context(), Config{Endpoint: to, Dir: dir}, 0)
			wantText(t, err, filepath.Join(dir, "2_b.up.sql")+":4: duplicate key", "SQLSTATE 23505",
				"statement: insert into a", "detail: Key (id)=(1) already exists.", "nothing of this file was done")
			if result.Ledger.Version != 1 || result.Ledger.Dirty {
				t.Errorf("result %+v, want version 1 and clean", result)
			}
			for range 2 {
				status, err := ReadStatus(t.Context(), to, dir)
				if err != nil || status.Ledger.Version != 1 || status.Ledger.Dirty {
					t.Fatalf("status %+v, %v; want version 1 and clean", status, err)
				}
				if _, err := Up(t.Context(), Config{Endpoint: to, Dir: dir}, 0); err == nil {
					t.Fatal("the broken file was applied")
				}
			}
			if got := pgtest.Query(t, to, "select coalesce(to_regclass('b')::text, 'none')"); got != "none" {
				t.Errorf("table b is there: %s", got)
			}
		})
	}
}

func TestUpPointsIntoTheFile(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		want []string
	}{
		"syntax error":      {"select 1;\n\nalter tabel a;\n", []string{"statement: alter tabel a", ":3:7: syntax error at or near \"tabel\"", "42601"}},
		"unknown column":    {"create table x (é int);\nselect é, nam\nfrom x", []string{":2:11: column \"nam\" does not exist"}},
		"hint":              {"create table hinted (name text);\nselect nam from hinted;", []string{"hint: Perhaps you meant"}},
		"raised in a block": {"do $$\nbegin\n  raise exception 'stop here' using hint = 'go on';\nend $$;", []string{":1: stop here", "hint: go on", "where: PL/pgSQL function"}},
		"no transaction":    {"create table pt (id int) partition by range (id);\nreindex table pt;", []string{":2: REINDEX TABLE cannot", "25001", "no-transaction"}},
		"extension":         {"create extension no_such_thing;", []string{":1: ", "extension", "no_such_thing", "install the extension's package"}},
	} {
		t.Run(name, func(t *testing.T) {
			to := pgtest.Database(t)
			dir := migrationsDir(t, map[string]string{"1_a.up.sql": test.body, "1_a.down.sql": "select 1"})
			_, err := Up(t.Context(), Config{Endpoint: to, Dir: dir}, 0)
			wantText(t, err, test.want...)
		})
	}
}

func TestSettingsOfOneFileDoNotReachTheNext(t *testing.T) {
	to := pgtest.Database(t)
	dir := migrationsDir(t, map[string]string{
		"1_dump.up.sql": "select pg_catalog.set_config('search_path', '', false); create table public.a (id int); set statement_timeout = '10ms';", "1_dump.down.sql": "drop table a;",
		"2_next.up.sql": "create table b (id int); select pg_sleep(0.1);", "2_next.down.sql": "drop table b;",
	})
	if _, err := Up(t.Context(), Config{Endpoint: to, Dir: dir}, 0); err != nil {
		t.Fatal(err)
	}
}

// What is noted of a file is under no limit of the file's. A trigger makes
// the note take longer than that limit.
func TestTimeoutOfAFileEndsWithIt(t *testing.T) {
	to := pgtest.Database(t)
	dir := migrationsDir(t, map[string]string{
		"1_slow.up.sql": `create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.4); return new; end $$;
			create trigger late before insert on syndicate_migrations for each row execute function slow();
			set statement_timeout = '250ms';`,
		"1_slow.down.sql": "drop trigger late on syndicate_migrations; drop function slow();",
	})
	if _, err := Up(t.Context(), Config{Endpoint: to, Dir: dir}, 0); err != nil {
		t.Fatal(err)
	}
}

// Defect g: a limit of the client's ends the connection, and leaves a database
// that is dirty and locked. The server's ends the statement.
func TestStatementTimeoutIsTheServers(t *testing.T) {
	// The limit comes last: nothing else of the file may run into it.
	const made, slow = "create table a (id int); ", "set statement_timeout = '100ms'; select pg_sleep(600);"
	for kind, begin := range map[string]string{"one transaction": made, "steps": "vacuum;" + made} {
		t.Run(kind, func(t *testing.T) {
			dir := migrationsDir(t, map[string]string{"1_a.up.sql": begin + slow, "1_a.down.sql": "drop table a"})
			to := pgtest.Database(t)
			for range 2 { // the lock is free again
				_, err := Up(t.Context(), Config{Endpoint: to, Dir: dir}, 0)
				wantText(t, err, "canceling statement due to statement timeout (SQLSTATE 57014)", "statement: select pg_sleep(600)")
				if kind == "one transaction" {
					wantText(t, err, "nothing of this file was done")
				}
			}
			put(t, dir, "1_a.up.sql", begin)
			mustUp(t, to, dir)
			if got := states(t, to, dir); got != "1 applied" {
				t.Error(got)
			}
		})
	}
}

// query_timeout is kept by the server, for the role of the application, and
// never holds for migrations.
func TestQueryTimeoutIsNoneOfMigrations(t *testing.T) {
	to := pgtest.Database(t)
	pgtest.Exec(t, to, "alter role postgres in database "+to.Database+" set statement_timeout = '250ms'")
	dir := migrationsDir(t, map[string]string{
		"1_slow.up.sql": "create table a (id int); select pg_sleep(0.4);", "1_slow.down.sql": "drop table a; select pg_sleep(0.4);",
		"2_alone.up.sql": "create index concurrently i on a (id);", "2_alone.down.sql": "drop index i;",
	})
	if got := pgtest.Query(t, to, "show statement_timeout"); got != "250ms" {
		t.Fatalf("the limit is %s", got)
	}
	if _, err := Up(t.Context(), Config{Endpoint: to, Dir: dir}, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := Down(t.Context(), Config{Endpoint: to, Dir: dir}, 2); err != nil {
		t.Fatal(err)
	}
}

func TestConcurrentUpsNeverDeadlock(t *testing.T) {
	to := pgtest.Database(t)
	dir := migrationsDir(t, map[string]string{
		"1_t.up.sql":   "create table t as select g as id, g::text as name from generate_series(1, 20000) g;",
		"1_t.down.sql": "drop table t;",
		"2_i.up.sql":   "create index concurrently t_id on t (id);", "2_i.down.sql": "drop index t_id;",
		"3_i.up.sql": "create index concurrently t_name on t (name);", "3_i.down.sql": "drop index t_name;",
	})
	var wg sync.WaitGroup
	applied := make([]int, 3)
	errs := make([]error, 3)
	for i := range 3 {
		wg.Go(func() {
			result, err := Up(t.Context(), Config{Endpoint: to, Dir: dir}, 0)
			applied[i], errs[i] = len(result.Steps), err
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if sum := applied[0] + applied[1] + applied[2]; sum != 3 {
		t.Errorf("%v files were applied by the three, want 3 together", applied)
	}
	if got := pgtest.Query(t, to, "select count(*)::text from pg_index where not indisvalid"); got != "0" {
		t.Errorf("%s invalid indexes", got)
	}
}

// Both of golang-migrate's locks keep Up waiting, and the holder is named.
func TestUpWaitsForGolangMigrate(t *testing.T) {
	for name, databaseName := range map[string]string{"library": "", "command line": "/"} {
		t.Run(name, func(t *testing.T) {
			to := pgtest.Database(t)
			cfg, err := to.Config()
			if err != nil {
				t.Fatal(err)
			}
			cfg.RuntimeParams["application_name"] = "the other"
			mc := &migratepgx.Config{}
			if databaseName != "" {
				mc.DatabaseName = databaseName + to.Database
			}
			other, err := migratepgx.WithInstance(stdlib.OpenDB(*cfg), mc)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = other.Close() }()
			if err := other.Lock(); err != nil {
				t.Fatal(err)
			}
			dir := migrationsDir(t, map[string]string{"1_a.up.sql": "create table a (id int)", "1_a.down.sql": "drop table a"})
			var r recorder
			waiting := r.on(EventWaiting)
			done := make(chan error, 1)
			go func() {
				_, err := Up(t.Context(), Config{Endpoint: to, Dir: dir, Progress: r.note}, 0)
				done <- err
			}()
			select {
			case <-waiting:
			case err := <-done:
				t.Fatalf("up did not wait: %v", err)
			}
			r.mu.Lock()
			holder := r.events[0].Holder
			r.mu.Unlock()
			if holder.Application != "the other" || holder.PID == 0 || !strings.Contains(holder.String(), "the other") {
				t.Errorf("holder %+v, want the other", holder)
			}
			if err := other.Unlock(); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		})
	}
}

// While Up holds its locks, golang-migrate must wait.
func TestUpKeepsGolangMigrateOut(t *testing.T) {
	to := pgtest.Database(t)
	s, err := openSession(t.Context(), Config{Endpoint: to}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if err := s.lock(t.Context(), func(Holder) {}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{to.Database, "/" + to.Database} {
		id, err := lockID(name, "public")
		if err != nil {
			t.Fatal(err)
		}
		if got := pgtest.Query(t, to, fmt.Sprintf("select pg_try_advisory_lock(%d)::text", id)); got != "false" {
			t.Errorf("the lock of %q is free", name)
		}
	}
}

func TestCancelWhileWaitingForTheLock(t *testing.T) {
	to := pgtest.Database(t)
	s, err := openSession(t.Context(), Config{Endpoint: to}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if err := s.lock(t.Context(), func(Holder) {}); err != nil {
		t.Fatal(err)
	}
	dir := migrationsDir(t, map[string]string{"1_a.up.sql": "select 1", "1_a.down.sql": "select 1"})
	ctx, cancel := context.WithCancel(t.Context())
	_, err = Up(ctx, Config{Endpoint: to, Dir: dir, Progress: func(Event) { cancel() }}, 0)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want a cancellation", err)
	}
}

func TestCancelReachesTheServer(t *testing.T) {
	to := pgtest.Database(t)
	dir := migrationsDir(t, map[string]string{
		"1_slow.up.sql":   "create table slow (id int);\nselect pg_sleep(600);",
		"1_slow.down.sql": "drop table slow;",
	})
	// The file tells that it is running by a lock that the test can see.
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("interrupted")
	watch := pgtest.Dial(t, to)
	started := make(chan struct{})
	go func() {
		<-started
		for ctx.Err() == nil {
			var n int
			err := watch.QueryRow(t.Context(), "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'").Scan(&n)
			if err != nil || n == 1 {
				cancel(stop)
			}
		}
	}()
	_, err := Up(ctx, Config{Endpoint: to, Dir: dir, Progress: func(e Event) {
		if e.Kind == EventStarted {
			close(started)
		}
	}}, 0)
	failed, ok := errors.AsType[*FileError](err)
	if !ok || failed.Rest != Nothing || failed.SQLState != "57014" || !errors.Is(err, stop) {
		t.Fatalf("err = %v, want a clean cancellation", err)
	}
	wantText(t, err, "1_slow.up.sql:2: cancelled (interrupted)", "nothing of this file was done")
	if got := pgtest.Query(t, to, "select count(*)::text from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'"); got != "0" {
		t.Errorf("%s statements still run on the server", got)
	}
	status, err := ReadStatus(t.Context(), to, dir)
	if err != nil || !status.Ledger.None {
		t.Errorf("status %+v, %v; want nothing applied", status, err)
	}
}

func TestLockTimeoutIsTriedAgain(t *testing.T) {
	to := pgtest.Database(t)
	pgtest.Exec(t, to, "create table busy (id int)")
	holder := pgtest.Dial(t, to)
	if _, err := holder.Exec(t.Context(), "begin; lock table busy"); err != nil {
		t.Fatal(err)
	}
	dir := migrationsDir(t, map[string]string{"1_a.up.sql": "alter table busy add name text", "1_a.down.sql": "alter table busy drop name"})
	var r recorder
	released := false
	_, err := Up(t.Context(), Config{Endpoint: to, Dir: dir, LockTimeout: 1e6, Progress: func(e Event) {
		r.note(e)
		if e.Kind == EventRetrying && !released {
			released = true
			if _, err := holder.Exec(t.Context(), "rollback"); err != nil {
				t.Error(err)
			}
		}
	}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.kinds(), []string{"started 1", "retrying 1", "started 1", "applied 1"}; !reflect.DeepEqual(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

// A database goes over to golang-migrate and back.
func TestLedgerIsGolangMigrates(t *testing.T) {
	to := pgtest.Database(t)
	dir := migrationsDir(t, map[string]string{
		"1_a.up.sql": "create table a (id int)", "1_a.down.sql": "drop table a",
		"2_b.up.sql": "create table b (id int)", "2_b.down.sql": "drop table b",
	})
	if _, err := Up(t.Context(), Config{Endpoint: to, Dir: dir}, 1); err != nil {
		t.Fatal(err)
	}
	m := stock(t, to, dir)
	if err := m.Up(); err != nil {
		t.Fatal(err)
	}
	result, err := Up(t.Context(), Config{Endpoint: to, Dir: dir}, 0)
	if err != nil || len(result.Steps) != 0 || result.Ledger.Version != 2 {
		t.Errorf("after golang-migrate: %+v, %v", result, err)
	}
}

func TestNoticesAreTold(t *testing.T) {
	to := pgtest.Database(t)
	dir := migrationsDir(t, map[string]string{"1_a.up.sql": "do $$ begin raise notice 'half way'; end $$", "1_a.down.sql": "select 1"})
	var text string
	_, err := Up(t.Context(), Config{Endpoint: to, Dir: dir, Progress: func(e Event) {
		if e.Kind == EventNotice {
			text = e.Text
		}
	}}, 0)
	if err != nil || text != "NOTICE: half way" {
		t.Errorf("notice %q, %v", text, err)
	}
}

// In a bubble, an hour of a pause costs nothing.
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := pause(t.Context(), time.Hour); err != nil || time.Since(start) != time.Hour {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}
