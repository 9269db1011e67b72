package migration

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

// faulty is SQL whose statements fail where the table faults says so: with an
// error, a cancellation, a lock that is not to be had, or the end of the
// connection. As an index's expression it does so in the middle of a build.
const faulty = `
	create table faults (point text primary key, kind text);
	create function fault(at text, value int) returns int immutable language plpgsql as $$
	declare what text;
	begin
		select kind into what from public.faults where point = at;
		case coalesce(what, 'none')
			when 'error' then raise 'fault at %', at;
			when 'cancel' then perform pg_cancel_backend(pg_backend_pid()); perform pg_sleep(60);
			when 'kill' then perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(60);
			else null;
		end case;
		return value;
	end $$;`

// modelFiles are files of every kind, with a fault in each of their parts.
var modelFiles = map[string]string{
	"1_a.up.sql":   "create table a (id int); insert into a values (1), (2); select fault('1', 0);",
	"1_a.down.sql": "drop table a; select fault('1 down', 0);",
	"2_b.up.sql":   "BEGIN;\nselect fault('2', 0); create table b (id int);\nCOMMIT;",
	"2_b.down.sql": "BEGIN; drop table b; select fault('2 down', 0); COMMIT;",
	"3_c.up.sql": "create table c (id int); insert into c values (1); select fault('3', 0);\n" +
		"create index concurrently c_id on c (fault('3 index', id));\ncreate table d (id int); select fault('3 end', 0);",
	"3_c.down.sql": "drop table d;\ndrop index concurrently c_id;\nselect fault('3 down', 0); drop table c;",
	"4_i.up.sql":   "create unique index concurrently a_id on a (fault('4 index', id));",
	"4_i.down.sql": "drop index concurrently a_id;",
	"5_v.up.sql":   "vacuum a; select fault('5', 0); vacuum b; create table e (id int);",
	"5_v.down.sql": "vacuum a; drop table e; select fault('5 down', 0);",
}

var modelPoints = []string{"1", "1 down", "2", "2 down", "3", "3 index", "3 end", "3 down", "4 index", "5", "5 down"}

// Whatever fails wherever, in whatever order: the next run goes on, and what
// is there in the end is what the files say.
func TestModel(t *testing.T) {
	dir := migrationsDir(t, modelFiles)
	rounds := 0
	rapid.Check(t, func(rt *rapid.T) {
		if rounds++; rounds > 12 { // each takes a database, and a second
			return
		}
		to := pgtest.Database(t)
		pgtest.Exec(t, to, faulty)
		cfg := Config{Endpoint: to, Dir: dir}
		for range rapid.IntRange(1, 5).Draw(rt, "runs") {
			points := rapid.SliceOfNDistinct(rapid.SampledFrom(modelPoints), 0, 3, rapid.ID[string]).Draw(rt, "faults")
			pgtest.Exec(t, to, "delete from faults")
			for _, p := range points {
				kind := rapid.SampledFrom([]string{"error", "cancel", "kill"}).Draw(rt, "kind")
				pgtest.Exec(t, to, fmt.Sprintf("insert into faults values (%s, %s)", literal(p), literal(kind)))
			}
			var err error
			if rapid.Bool().Draw(rt, "up") {
				_, err = Up(t.Context(), cfg, rapid.IntRange(0, 3).Draw(rt, "limit"))
			} else {
				_, err = Down(t.Context(), cfg, rapid.IntRange(0, 3).Draw(rt, "n"))
			}
			if err != nil && len(points) == 0 && halfOf(t, to, dir) == "" {
				rt.Fatalf("without a fault: %v", err)
			}
		}
		pgtest.Exec(t, to, "delete from faults")
		if halfOf(t, to, dir) == string(ActionDown) {
			if _, err := Down(t.Context(), cfg, 1); err != nil {
				rt.Fatalf("down does not go on: %v", err)
			}
		}
		if _, err := Up(t.Context(), cfg, 0); err != nil {
			rt.Fatalf("up does not go on: %v", err)
		}
		if got, want := states(t, to, dir), "1 applied, 2 applied, 3 applied, 4 applied, 5 applied"; got != want {
			rt.Fatalf("%s, want %s", got, want)
		}
		for sql, want := range map[string]string{
			"select version || ' ' || dirty from schema_migrations":                                                                                                                   "5 false",
			"select string_agg(tablename, ' ' order by tablename) from pg_tables where schemaname = 'public' and length(tablename) = 1":                                               "a b c d e",
			"select string_agg(indexrelid::regclass::text || indisvalid, ' ' order by indexrelid::regclass::text) from pg_index where indexrelid::regclass::text in ('a_id', 'c_id')": "a_idtrue c_idtrue",
			"select count(*)::text from a": "2",
		} {
			if got := pgtest.Query(t, to, sql); got != want {
				rt.Fatalf("%s: %s, want %s", sql, got, want)
			}
		}
	})
}

// halfOf is the direction of a file that is half done.
func halfOf(t *testing.T, to pg.Endpoint, dir string) string {
	t.Helper()
	status, err := ReadStatus(t.Context(), to, dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range status.Entries {
		if e.State == HalfDone {
			return string(e.Row.Action)
		}
	}
	return ""
}
