package roundtrip

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/catalog"
	"github.com/syndicate/syndicate/engine/pg/migration"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
	"github.com/syndicate/syndicate/spec"
)

var databases atomic.Int64

// config describes migrations, from "up" and "down" in turn; a down of "-" is
// a file that is not there.
func config(t *testing.T, texts ...string) Config {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(texts); i += 2 {
		for j, direction := range []string{"up", "down"} {
			if texts[i+j] == "-" {
				continue
			}
			name := fmt.Sprintf("%d_step.%s.sql", i/2+1, direction)
			if err := os.WriteFile(filepath.Join(dir, name), []byte(texts[i+j]), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return of(t, dir)
}

// of describes the migrations of a directory.
func of(t *testing.T, dir string) Config {
	t.Helper()
	files, problems := migration.Files(dir)
	for _, p := range problems {
		t.Log(p)
	}
	admin := pgtest.Shared().Endpoint("postgres")
	pgtest.Exec(t, admin, `do $$ begin
		if not exists (select from pg_roles where rolname = 'application') then create role application login createrole; end if; end $$`)
	user, err := pg.Parts{
		Host: admin.Host, Port: admin.Port, User: "application", Database: fmt.Sprintf("verified_%d", databases.Add(1)),
	}.Endpoint()
	if err != nil {
		t.Fatal(err)
	}
	return Config{Files: files, Admin: admin, User: user}
}

// sentences writes a result as lines.
func sentences(r *Result) []string {
	var all []string
	for _, f := range r.Files {
		if !f.Verified {
			all = append(all, fmt.Sprintf("%d was not verified", f.File.Version))
		}
		for _, f := range f.Findings {
			line := fmt.Sprintf("%s %s:%d: %s", f.Code, filepath.Base(f.Path), f.Line, f.Text)
			if len(f.Differences) > 0 {
				line += ": " + strings.Join(f.Differences, "; ")
			}
			all = append(all, line)
		}
	}
	return all
}

func TestVerify(t *testing.T) {
	const table, drop = "create table t (a int, b int, c int)", "drop table t"
	for name, test := range map[string]struct {
		files []string
		want  []string
	}{
		"nothing": {nil, nil},
		"in order": {[]string{
			table, drop,
			"create index concurrently i on t (a)", "drop index concurrently i",
			"begin; alter table t add d text; commit;", "begin; alter table t drop d; commit;",
			"create type m as enum ('a')", "drop type m",
			"alter type m add value 'b'", "alter type m rename to old; create type m as enum ('a'); drop type old",
		}, nil},
		"left behind": {[]string{
			table, drop, "create index if not exists i on t (a); create view v as select 1", "drop view v",
			"create index j on t (b)", "drop index j",
		}, []string{"V104 2_step.down.sql:0: it does not undo 2_step.up.sql: index i is left behind"}},
		"left behind, so that it cannot come again": {[]string{
			table, "drop table t", "create index i on t (a)", "select 1", "create index j on t (b)", "drop index j",
		}, []string{
			"V104 2_step.down.sql:0: it does not undo 2_step.up.sql: index i is left behind",
			`V105 2_step.up.sql:0: it cannot be applied again after its down file: relation "i" already exists (SQLSTATE 42P07)`,
		}},
		"takes too much": {[]string{
			table, drop, "alter table t add d int", "alter table t drop d, drop c",
		}, []string{
			"V104 2_step.down.sql:0: it does not undo 2_step.up.sql: column t.c is missing",
			"V106 2_step.up.sql:0: after its down file it makes another schema than at first: column t.c is missing at the second time",
		}},
		"another type": {[]string{
			table, drop, "alter table t alter a type bigint", "alter table t alter a type smallint",
		}, []string{"V104 2_step.down.sql:0: it does not undo 2_step.up.sql: column t.a: type was integer, is smallint"}},
		"a down file that fails hides nothing": {[]string{
			table, drop, "create index i on t (a)", "drop index\n  ii", "create index j on t (b)", "drop index jj", "create index k on t (c)", "drop index k",
		}, []string{
			`V103 2_step.down.sql:0: it cannot be undone: index "ii" does not exist (SQLSTATE 42704)`,
			`V103 3_step.down.sql:0: it cannot be undone: index "jj" does not exist (SQLSTATE 42704)`,
		}},
		"no down file": {[]string{table, drop, "create index i on t (a)", "-", "create index j on t (b)", "drop index j"}, []string{
			"V102 2_step.up.sql:0: it has no down file: nothing below it can be undone",
		}},
		"an up file that fails": {[]string{table, drop, "select 1;\nselect x from t", "", "create index j on t (b)", "drop index j"}, []string{
			"2 was not verified",
			`V101 2_step.up.sql:2: it cannot be applied: column "x" does not exist (SQLSTATE 42703)`,
			"3 was not verified",
		}},
		"the order of columns": {[]string{table, drop, "alter table t drop b", "alter table t add b int"}, []string{
			"V107 2_step.down.sql:0: columns come back in another order: table t: b out of place among the columns",
		}},
		"a transaction left open": {[]string{"begin; create table t (a int)", "drop table t"}, []string{
			"1 was not verified",
			"V109 1_step.up.sql:0: it cannot be applied: it leaves a transaction open, and nothing of that lasts",
		}},
		"settings do not last":    {[]string{"set search_path = ''; create table public.t (a int)", "drop table t", "create table u (a int)", "drop table u"}, nil},
		"roles that are not here": {[]string{table + "; grant select on t to stranger_1", drop, "grant all on t to stranger_2; grant all on t to stranger_3", "revoke all on t from stranger_2, stranger_3"}, nil},
		"a role that a file makes": {[]string{"create role made_1", "drop role made_1", table + "; grant select on t to made_1", "drop tabl t", "create index i on t (a)", "drop index x"}, []string{
			`V103 2_step.down.sql:1: it cannot be undone: syntax error at or near "tabl" (SQLSTATE 42601)`,
			`V103 3_step.down.sql:0: it cannot be undone: index "x" does not exist (SQLSTATE 42704)`,
		}},
		"each by itself but not together": {[]string{
			"create table t (a int, constraint u unique (a))", drop, "alter table t drop constraint u", "alter table t add constraint u unique (a)",
			"insert into t values (1), (1)", "select 'leaves the rows there'",
		}, []string{`V108 2_step.down.sql:0: it cannot be undone once those after it are: could not create unique index "u" (SQLSTATE 23505)`}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t, test.files...)
			result, err := Verify(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, sentences(result)); diff != "" {
				t.Error(diff)
			}
			nothingLeft(t, cfg)
		})
	}
}

// nothingLeft fails where a database or a role is left.
func nothingLeft(t *testing.T, cfg Config) {
	t.Helper()
	left := pgtest.Query(t, cfg.Admin, `select (select count(*) from pg_database where datname like 'verified%') +
		(select count(*) from pg_roles where rolname like 'stranger%' or rolname like 'made%')`+" || ''")
	if left != "0" {
		t.Errorf("%s databases or roles are left", left)
	}
}

func TestVerifyCancelled(t *testing.T) {
	cfg := config(t, "create table t (a int)", "drop table t", "select pg_sleep(3600)", "")
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cfg.Progress = func(s Step) {
		if s.Number == 2 {
			cancel(stop)
		}
	}
	if _, err := Verify(ctx, cfg); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
	nothingLeft(t, cfg)
}

// A database of that name is somebody's.
func TestVerifyNothingOfYours(t *testing.T) {
	cfg := config(t, "create table t (a int)", "drop table t")
	cfg.User = pgtest.Database(t)
	pgtest.Exec(t, cfg.User, "create table mine (a int)")
	if _, err := Verify(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "not one to throw away") {
		t.Errorf("%v", err)
	}
	if n := pgtest.Query(t, cfg.User, "select count(*)::text from pg_class where relname = 'mine'"); n != "1" {
		t.Error("the table is gone")
	}
}

// On a server of others, with a role that may create databases and no more,
// roles of others stay, whoever makes them meanwhile.
func TestVerifyOnABorrowedServer(t *testing.T) {
	admin := pgtest.Shared().EndpointAs("borrower", "postgres")
	pgtest.Exec(t, pgtest.Shared().Endpoint("postgres"), "create role borrower login; create role bystander")
	defer pgtest.Exec(t, pgtest.Shared().Endpoint("postgres"), "drop role borrower; drop role bystander; drop role meanwhile")
	cfg := config(t, "create table t (a int)", "drop table t", "create table u (a int); create index on u (a)", "select 1", "grant select on t to bystander", "revoke select on t from bystander")
	cfg.Admin, cfg.Borrowed = admin, true
	var err error
	if cfg.User, err = admin.InDatabase("verified_elsewhere"); err != nil {
		t.Fatal(err)
	}
	_, err = Verify(t.Context(), cfg)
	if err == nil || !strings.Contains(err.Error(), `the role "borrower" may not create a database`) || !strings.Contains(err.Error(), `ALTER ROLE "borrower" CREATEDB`) {
		t.Errorf("without the right: %v", err)
	}
	pgtest.Exec(t, pgtest.Shared().Endpoint("postgres"), "alter role borrower createdb")
	made := false
	cfg.Progress = func(Step) {
		if !made {
			made = true
			pgtest.Exec(t, pgtest.Shared().Endpoint("postgres"), "create role meanwhile")
		}
	}
	result, err := Verify(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if f := result.Files[1].Findings; len(result.Files[0].Findings) != 0 || len(f) != 2 || f[0].Code != CodeLeft || result.Major == 0 {
		t.Errorf("%+v", result)
	}
	nothingLeft(t, cfg)
	if n := pgtest.Query(t, pgtest.Shared().Endpoint("postgres"), "select count(*)::text from pg_roles where rolname in ('borrower', 'bystander', 'meanwhile')"); n != "3" {
		t.Errorf("%s of the others' 3 roles are left", n)
	}
}

// Nothing is to be said about the schema that they make, either.
func TestOwnSchema(t *testing.T) {
	dir, err := filepath.Abs(filepath.Join("..", "..", "..", "migrations"))
	if err != nil {
		t.Fatal(err)
	}
	to := pgtest.Database(t)
	if _, err := migration.Up(t.Context(), migration.Config{Endpoint: to, Dir: dir}, 0); err != nil {
		t.Fatal(err)
	}
	conn := pgtest.Dial(t, to)
	if err := catalog.Keep(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	report, err := catalog.Check(t.Context(), conn, []spec.Table{{
		Name: "nodes", Columns: map[string]string{"node_id": "text"}, NotNull: []string{"node_id"}, Indexes: []string{"nodes_node_id_idx"},
	}})
	if err != nil || len(report.Findings) > 0 || report.Recorded == nil {
		t.Errorf("%+v, %v", report, err)
	}
}

// The migrations of this repository keep what they ask of others.
func TestOwnMigrations(t *testing.T) {
	cfg := of(t, filepath.Join("..", "..", "..", "migrations"))
	result, err := Verify(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Files) == 0 || !result.OK() || sentences(result) != nil {
		t.Errorf("%d files: %v", len(result.Files), sentences(result))
	}
}
