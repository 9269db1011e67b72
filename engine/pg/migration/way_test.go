package migration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/golang-migrate/migrate/v4"
	migratepgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

// A database whose table a can be indexed only while nobody has closed the gate.
const gated = `create table gate (); create table a (id int); insert into a values (1);
	create function slow(id int) returns int immutable language plpgsql as $$ begin perform from public.gate; return id; end $$;
	create table seen (version bigint, dirty boolean);`

const build = "create index concurrently a_id on a (slow(id));"

// atTheGate runs do, which comes to stand before the closed gate. The gate opens
// once the others have come to stand before the lock of the migrations, one
// after another; it returns what all of them end with, do's first.
func atTheGate(t *testing.T, to pg.Endpoint, do func(Config) error, others ...func() error) (r *recorder, ended []error) {
	t.Helper()
	gate := pgtest.Dial(t, to)
	if _, err := gate.Exec(t.Context(), "begin; lock table gate"); err != nil {
		t.Fatal(err)
	}
	r = &recorder{}
	blocked := r.on(EventWaiting)
	ends := make([]chan error, 1+len(others))
	for i := range ends {
		ends[i] = make(chan error, 1)
	}
	go func() {
		ends[0] <- do(Config{Endpoint: to, LockTimeout: time.Minute, Progress: r.note, watchEvery: 10 * time.Millisecond})
	}()
	<-blocked
	for i, other := range others {
		go func() { ends[i+1] <- other() }()
		for pgtest.Query(t, to, `select count(*)::text from pg_locks where locktype = 'advisory' and not granted
			and database = (select oid from pg_database where datname = current_database())`) != fmt.Sprint(i+1) {
			if len(ends[i+1]) > 0 {
				t.Fatalf("it did not wait: %v", <-ends[i+1])
			}
		}
	}
	if _, err := gate.Exec(t.Context(), "commit"); err != nil {
		t.Fatal(err)
	}
	for _, c := range ends {
		ended = append(ended, <-c)
	}
	return r, ended
}

// golang-migrate comes while we build an index, at either place where it waits
// for the lock: nobody is ended, no build is lost, and all is applied.
func TestGolangMigrateComesWhileAnIndexIsBuilt(t *testing.T) {
	for name, test := range map[string]struct {
		first, second string
		early         bool // it has looked for its table before
	}{
		"and looks for its table":      {"", build, false},
		"and reads the version":        {"", build, true},
		"before that begins":           {"lock table gate;", build, false},
		"before that begins, to apply": {"lock table gate;", build, true},
	} {
		t.Run(name, func(t *testing.T) {
			to := pgtest.Database(t)
			pgtest.Exec(t, to, gated)
			dir := migrationsDir(t, map[string]string{
				"1_b.up.sql": "create table b (id int); " + test.first, "1_b.down.sql": "drop table b;",
				"2_i.up.sql": test.second, "2_i.down.sql": "drop index concurrently a_id;",
				"3_c.up.sql": "create table c (id int);", "3_c.down.sql": "drop table c;",
			})
			var opened *migrate.Migrate
			if test.early {
				var err error
				if opened, err = golangMigrate(t, to, dir); err != nil {
					t.Fatal(err)
				}
			}
			r, ended := atTheGate(t, to, func(cfg Config) error {
				cfg.Dir = dir
				_, err := Up(t.Context(), cfg, 0)
				return err
			}, func() error {
				m, err := opened, error(nil)
				if m == nil {
					m, err = golangMigrate(t, to, dir)
				}
				if err == nil {
					err = m.Up()
				}
				if errors.Is(err, migrate.ErrNoChange) {
					return nil
				}
				return err
			})
			if err := errors.Join(ended...); err != nil {
				t.Fatalf("%v: %v", err, r.kinds())
			}
			if got, want := states(t, to, dir), "1 applied, 2 applied, 3 applied"; got != want {
				t.Errorf("%s, want %s", got, want)
			}
			if got := pgtest.Query(t, to, "select string_agg(indisvalid::text, ' ') from pg_index where indrelid = 'a'::regclass"); got != "true" {
				t.Errorf("the indexes are valid: %s", got)
			}
			if got := strings.Count(strings.Join(r.kinds(), ", "), "started 2"); got != 1 {
				t.Errorf("the index was built %d times: %v", got, r.kinds())
			}
		})
	}
}

// Where the build cannot wait for the one that comes it is ended and done again
// behind it: the database is as if it had not begun, or, where a part of its
// file is done, marked dirty.
func TestABuildIsEndedForAWaiter(t *testing.T) {
	for name, test := range map[string]struct {
		second string
		others int
		reads  string // what they read with the lock
	}{
		"of which there are two":         {build, 2, "1 false"},
		"that its next wait is for, too": {"reindex table concurrently a;", 1, "1 false"},
		"half way through a file":        {"vacuum a; " + build + "vacuum b;", 1, "2 true"},
	} {
		t.Run(name, func(t *testing.T) {
			to := pgtest.Database(t)
			pgtest.Exec(t, to, gated+"create index a_one on a (slow(id)); create index a_two on a (id);")
			dir := migrationsDir(t, map[string]string{
				"1_b.up.sql": "create table b (id int);", "1_b.down.sql": "drop table b;",
				"2_i.up.sql": test.second, "2_i.down.sql": "select 1;",
				"3_c.up.sql": "create table c (id int);", "3_c.down.sql": "drop table c;",
			})
			var others []func() error
			for range test.others {
				others = append(others, func() error {
					return waiter(t.Context(), to, "insert into seen select version, dirty from schema_migrations; select pg_advisory_unlock_all()")
				})
			}
			r, ended := atTheGate(t, to, func(cfg Config) error {
				cfg.Dir = dir
				_, err := Up(t.Context(), cfg, 0)
				return err
			}, others...)
			if err := errors.Join(ended...); err != nil {
				t.Fatalf("%v: %v", err, r.kinds())
			}
			if got := pgtest.Query(t, to, "select version || ' ' || dirty::text from seen limit 1"); got != test.reads {
				t.Errorf("it read %s, want %s: %v", got, test.reads, r.kinds())
			}
			if got, want := states(t, to, dir), "1 applied, 2 applied, 3 applied"; got != want {
				t.Errorf("%s, want %s", got, want)
			}
			if got := pgtest.Query(t, to, "select count(*)::text from pg_index where indrelid = 'a'::regclass and not indisvalid"); got != "0" {
				t.Errorf("%s invalid indexes are left", got)
			}
		})
	}
}

// An undo is counted from where it began: nothing more is undone where the one
// that was let in has changed that.
func TestDownLetsAWaiterIn(t *testing.T) {
	for name, does := range map[string]string{"which does nothing": "", "which undoes more": "truncate schema_migrations"} {
		t.Run(name, func(t *testing.T) {
			to := pgtest.Database(t)
			pgtest.Exec(t, to, gated)
			pgtest.Exec(t, to, build)
			dir := migrationsDir(t, map[string]string{
				"1_b.up.sql": "create table b (id int);", "1_b.down.sql": "drop table b;",
				"2_c.up.sql": "create table c (id int);", "2_c.down.sql": "drop table c;",
				"3_i.up.sql": "drop index concurrently a_id;", "3_i.down.sql": build,
			})
			mustUp(t, to, dir)
			_, ended := atTheGate(t, to, func(cfg Config) error {
				cfg.Dir = dir
				_, err := Down(t.Context(), cfg, 2)
				return err
			}, func() error { return waiter(t.Context(), to, does) })
			if err := ended[1]; err != nil {
				t.Errorf("the other one: %v", err)
			}
			if does != "" {
				wantText(t, ended[0], "has changed what is applied", "1 of the files were undone")
				return
			}
			if ended[0] != nil {
				t.Fatal(ended[0])
			}
			if got, want := states(t, to, dir), "1 applied, 2 pending, 3 pending"; got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

// The second session is like the first one, and keeps the next deployer waiting
// where it outlives that.
func TestSecondSession(t *testing.T) {
	to := pgtest.Database(t)
	pgtest.Exec(t, to, `create role app_`+to.Database+`; create schema s; create table s.a (id int); create table b (id int);
		grant all on schema s, public to app_`+to.Database+`; alter table s.a owner to app_`+to.Database)
	dir := migrationsDir(t, map[string]string{
		"1_i.up.sql":   "set search_path = s, \"$user\"; set role app_" + to.Database + "; create index concurrently i on a (id); create index concurrently j on a (id);",
		"1_i.down.sql": "drop index s.i; drop index s.j;",
	})
	mustUp(t, to, dir)
	if got := pgtest.Query(t, to, "select string_agg(schemaname || '.' || indexname, ' ' order by indexname) from pg_indexes where schemaname = 's'"); got != "s.i s.j" {
		t.Errorf("built %s", got)
	}
	id, err := lockID("syndicate/"+to.Database, "public")
	if err != nil {
		t.Fatal(err)
	}
	orphan := pgtest.Dial(t, to)
	if _, err := orphan.Exec(t.Context(), "select pg_advisory_lock($1)", id); err != nil {
		t.Fatal(err)
	}
	var r recorder
	waits := r.on(EventWaiting)
	done := make(chan error, 1)
	go func() {
		_, err := Up(t.Context(), Config{Endpoint: to, Dir: dir, Progress: r.note}, 0)
		done <- err
	}()
	select {
	case <-waits:
	case err := <-done:
		t.Fatalf("it did not wait: %v", err)
	}
	_ = orphan.Close(t.Context())
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// golangMigrate opens it as its command line does, which looks for its table
// under the lock.
func golangMigrate(t *testing.T, to pg.Endpoint, dir string) (*migrate.Migrate, error) {
	db, err := (&migratepgx.Postgres{}).Open("pgx5" + strings.TrimPrefix(to.URL().Reveal(), "postgres"))
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = db.Close() })
	src, err := iofs.New(os.DirFS(dir), ".")
	if err != nil {
		return nil, err
	}
	return migrate.NewWithInstance("iofs", src, to.Database, db)
}

// waiter takes golang-migrate's lock as its command line does, and does
// something with it.
func waiter(ctx context.Context, to pg.Endpoint, does string) error {
	id, err := lockID("/"+to.Database, "public")
	if err != nil {
		return err
	}
	return to.With(ctx, time.Hour, func(ctx context.Context, conn *pgx.Conn) error {
		for _, sql := range append([]string{fmt.Sprintf("select pg_advisory_lock(%d)", id)}, strings.SplitAfter(does, ";")...) {
			if _, err := conn.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	})
}
