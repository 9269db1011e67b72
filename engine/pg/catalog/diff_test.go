package catalog

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

// schema reads the schema of a database.
func schema(t *testing.T, to pg.Endpoint) *Catalog {
	t.Helper()
	conn := pgtest.Dial(t, to)
	c, err := Read(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDiff(t *testing.T) {
	const before = `
		create table users (id bigint generated always as identity primary key, age integer default 0, email text);
		create index users_email_idx on users (email);
		create view adults as select id from users where age > 17;
		create type mood as enum ('sad', 'ok');
		create function answer() returns int language sql as $$
			select 42
		$$;
		create schema app;
		create table app."Order" (id int primary key, note text);
		comment on column users.age is 'in years';`
	for name, test := range map[string]struct {
		change string
		want   []string
	}{
		"nothing": {"", nil},
		"there and back": {
			"drop index users_email_idx; create index users_email_idx on public.users using btree (email)", nil,
		},
		"an index": {"drop index users_email_idx", []string{"index users_email_idx is missing"}},
		"a column": {
			"alter table users add name text, alter email type varchar(20)",
			[]string{"column users.email: type was text, is character varying(20)", "column users.name is left behind"},
		},
		"what belongs to a column goes with it": {
			"drop view adults; alter table users drop id", []string{
				"view adults is missing", "column users.id is missing", "constraint users.users_pkey is missing",
			},
		},
		"what belongs to a table goes with it": {
			`drop table app."Order"; create table other (id serial primary key); create index on other (id)`,
			[]string{`table app."Order" is missing`, "table other is left behind"},
		},
		"a default and a flag": {
			"alter table users alter age drop default, alter email set not null",
			[]string{"column users.age: default was 0, is none", "column users.email: not null was not set, is set"},
		},
		"an enum":    {"alter type mood add value 'glad'", []string{"type mood: values was 'sad', 'ok', is 'sad', 'ok', 'glad'"}},
		"a function": {"create or replace function answer() returns int language sql as $$\n\t\t\tselect 43\n\t\t$$", []string{`function answer(): definition was in line 5 "select 42", is in line 5 "select 43"`}},
		"a comment":  {"comment on column users.age is null", []string{"comment on column users.age is missing"}},
		"a schema":   {"create schema extra", []string{"schema extra is left behind"}},
		"row security and privileges": {
			"alter table users enable row level security; grant select on users to public",
			[]string{"table users: privileges was none, is =r/postgres, postgres=arwdDxt/postgres", "table users: row security was none, is enabled"},
		},
		"a privilege that went and came": {"revoke all on users from postgres; grant all on users to postgres", nil},
		"the ledgers of tools": {
			"create table schema_migrations (version bigint primary key, dirty bool); create table syndicate_schema (id serial)", nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := pgtest.Database(t)
			pgtest.Exec(t, to, before)
			was := schema(t, to)
			pgtest.Exec(t, to, test.change)
			is := schema(t, to)
			var got []string
			for _, d := range Diff(was, is) {
				// Version 17 has a privilege more, MAINTAIN.
				got = append(got, strings.Replace(d.Say("is left behind", "is missing"), "=arwdDxtm/", "=arwdDxt/", 1))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if same := was.Fingerprint() == is.Fingerprint(); same != (len(got) == 0) {
				t.Errorf("same fingerprint: %v, with %d differences", same, len(got))
			}
			if back := Diff(is, was); len(back) != len(got) {
				t.Errorf("%d differences there, %d back", len(got), len(back))
			}
		})
	}
}

// A column that was dropped comes back as the last one, which no statement
// can mend.
func TestColumnOrder(t *testing.T) {
	to := pgtest.Database(t)
	pgtest.Exec(t, to, "create table t (a int, b int, c int)")
	was := schema(t, to)
	pgtest.Exec(t, to, "alter table t drop a; alter table t add a int")
	all := Diff(was, schema(t, to))
	if len(all) != 1 || !all[0].Minor() || all[0].String() != "table t: a out of place among the columns" {
		t.Errorf("%v", all)
	}
}

// A Reader sees what Read sees, also where its statements were taken away, and
// after the schema has changed.
func TestReader(t *testing.T) {
	to := pgtest.Database(t)
	conn := pgtest.Dial(t, to)
	r := NewReader(conn)
	for _, sql := range []string{
		"create table t (a int primary key, b text)", "discard all", "alter table t alter b type varchar(7); create index on t (b)",
		"deallocate all", "create function f() returns int language sql as 'select 1'", "drop table t",
	} {
		if _, err := conn.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatal(err)
		}
		got, err := r.Read(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		if want := schema(t, to); got.Fingerprint() != want.Fingerprint() {
			t.Errorf("%s: %v", sql, Diff(want, got))
		}
	}
}

func TestReadLeavesTheSession(t *testing.T) {
	to := pgtest.Database(t)
	conn := pgtest.Dial(t, to)
	var before, after string
	const path = "select current_setting('search_path') || current_setting('jit')"
	if err := conn.QueryRow(t.Context(), path).Scan(&before); err != nil {
		t.Fatal(err)
	}
	c, err := Read(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(c.Objects, func(a, b Object) int { return a.key().compare(b.key()) }) {
		t.Error("the objects are not in order")
	}
	if err := conn.QueryRow(t.Context(), path).Scan(&after); err != nil {
		t.Fatal(err)
	}
	if before != after {
		t.Errorf("the session had %s, has %s", before, after)
	}
	if _, err := conn.Exec(t.Context(), "begin"); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(t.Context(), conn); err == nil {
		t.Error("it read inside of another transaction")
	}
}
