package migration

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

// A session that waits for the lock inside of the server, as golang-migrate
// does, would keep a concurrent build waiting for ever. It is let in, and we go
// on behind it with what it has left to do.
func TestUpLetsAWaiterIn(t *testing.T) {
	const build = "create index concurrently a_id on a (slow(id));"
	for name, test := range map[string]struct {
		first, second string
		does          string // the other one, with the lock
		steps         string // ours
	}{
		"which does nothing":      {"lock table gate;", build, "", "1 2 3"},
		"which does it":           {"lock table gate;", build, build + "update schema_migrations set version = 2", "1 3"},
		"half way through":        {"lock table gate;", "vacuum a; " + build, "", "1 2 3"},
		"that came while we work": {"", build, "", "1 2 3"},
	} {
		t.Run(name, func(t *testing.T) {
			to := pgtest.Database(t)
			pgtest.Exec(t, to, `create table gate (); create table a (id int); insert into a values (1);
				create function slow(id int) returns int immutable language plpgsql as $$ begin perform from public.gate; return id; end $$;`)
			pgtest.Exec(t, to, "alter database "+to.Database+" set deadlock_timeout = '20ms'")
			dir := migrationsDir(t, map[string]string{
				"1_b.up.sql": "create table b (id int); " + test.first, "1_b.down.sql": "drop table b;",
				"2_i.up.sql": test.second, "2_i.down.sql": "drop index concurrently a_id;",
				"3_c.up.sql": "create table c (id int);", "3_c.down.sql": "drop table c;",
			})
			gate := pgtest.Dial(t, to)
			if _, err := gate.Exec(t.Context(), "begin; lock table gate"); err != nil {
				t.Fatal(err)
			}
			var r recorder
			blocked, gaveWay := r.on(EventWaiting), r.on(EventGaveWay)
			var result Result
			ours := make(chan error, 1)
			go func() {
				var err error
				result, err = Up(t.Context(), Config{Endpoint: to, Dir: dir, LockTimeout: time.Minute, Progress: r.note, watchEvery: time.Millisecond}, 0)
				ours <- err
			}()
			<-blocked
			theirs := make(chan error, 1)
			go func() { theirs <- waiter(t.Context(), to, test.does) }()
			for pgtest.Query(t, to, "select count(*)::text from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())") == "0" {
				if len(theirs) > 0 {
					t.Fatal(<-theirs)
				}
			}
			if _, err := gate.Exec(t.Context(), "commit"); err != nil {
				t.Fatal(err)
			}
			if err := <-ours; err != nil {
				t.Fatal(err)
			}
			if err := <-theirs; err != nil {
				t.Errorf("the other one: %v", err)
			}
			select {
			case <-gaveWay:
			default:
				t.Errorf("let nobody in: %v", r.kinds())
			}
			var steps []string
			for _, s := range result.Steps {
				steps = append(steps, versionName(&s.File.Version))
			}
			if got := strings.Join(steps, " "); got != test.steps {
				t.Errorf("ours were %s, want %s: %v", got, test.steps, r.kinds())
			}
			if got, want := states(t, to, dir), "1 applied, 2 applied, 3 applied"; got != want {
				t.Errorf("%s, want %s", got, want)
			}
			if got := pgtest.Query(t, to, "select string_agg(indisvalid::text, ' ') from pg_index where indrelid = 'a'::regclass"); got != "true" {
				t.Errorf("the indexes are valid: %s", got)
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
			dir := migrationsDir(t, map[string]string{
				"1_a.up.sql": "create table a (id int); create table gate ();", "1_a.down.sql": "drop table a;",
				"2_i.up.sql": "create index concurrently a_id on a (id);", "2_i.down.sql": "drop index concurrently a_id;",
				"3_b.up.sql": "create table b (id int);", "3_b.down.sql": "drop table b; lock table gate;",
			})
			mustUp(t, to, dir)
			gate := pgtest.Dial(t, to)
			if _, err := gate.Exec(t.Context(), "begin; lock table gate"); err != nil {
				t.Fatal(err)
			}
			var r recorder
			blocked := r.on(EventWaiting)
			ours := make(chan error, 1)
			go func() {
				_, err := Down(t.Context(), Config{Endpoint: to, Dir: dir, LockTimeout: time.Minute, Progress: r.note, watchEvery: time.Millisecond}, 2)
				ours <- err
			}()
			<-blocked
			theirs := make(chan error, 1)
			go func() { theirs <- waiter(t.Context(), to, does) }()
			for pgtest.Query(t, to, "select count(*)::text from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())") == "0" {
				if len(theirs) > 0 {
					t.Fatal(<-theirs)
				}
			}
			if _, err := gate.Exec(t.Context(), "commit"); err != nil {
				t.Fatal(err)
			}
			err := <-ours
			if err := <-theirs; err != nil {
				t.Errorf("the other one: %v", err)
			}
			if does == "" && err != nil || does != "" && (err == nil || !strings.Contains(err.Error(), "has changed what is applied")) {
				t.Errorf("err = %v", err)
			}
			if want := "gave-way"; !slices.Contains(r.kinds(), want) {
				t.Errorf("let nobody in: %v", r.kinds())
			}
			if does == "" {
				if got, want := states(t, to, dir), "1 applied, 2 pending, 3 pending"; got != want {
					t.Errorf("%s, want %s", got, want)
				}
			}
		})
	}
}

// waiter takes golang-migrate's lock as its command line does, and does
// something with it. A deadlock is never its own affair.
func waiter(ctx context.Context, to pg.Endpoint, does string) error {
	id, err := databaseLockID("/"+to.Database, "public")
	if err != nil {
		return err
	}
	return to.With(ctx, time.Hour, func(ctx context.Context, conn *pgx.Conn) error {
		for _, sql := range append([]string{"set deadlock_timeout = '1h'", "select pg_advisory_lock(" + id + ")"}, strings.SplitAfter(does, ";")...) {
			if _, err := conn.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	})
}
