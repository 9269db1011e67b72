package migration

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/golang-migrate/migrate/v4"
	migratepgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

const exampleDir = "../../../migrations"

// fingerprint is the schema as pg_dump writes it, without what differs from
// run to run.
func fingerprint(t *testing.T, to pg.Endpoint) string {
	t.Helper()
	cmd := exec.Command(pgtest.Shared().Binaries.Path("pg_dump"), "-s", "-T", ledgerTable, "-T", versionTable,
		"-h", to.Host, "-p", fmt.Sprint(to.Port), "-U", to.User, to.Database)
	cmd.Env = append(os.Environ(), "PGPASSWORD="+to.Password.Reveal())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("pg_dump: %v\n%s", err, out)
	}
	return regexp.MustCompile(`(?m)^\\(un)?restrict .*$`).ReplaceAllString(string(out), "")
}

// oldRows are what the repair has to deal with: rows without a node_id, on
// both sides of a batch's end, and rows with one.
const oldRows = `
	insert into projects (name) values ('Bridge');
	insert into nodes (project_id, name, node_id) select 1, 'old ' || g, null from generate_series(1, 12000) g;
	insert into nodes (project_id, name, node_id) values (1, 'new', 'n-1'), (1, 'newer', 'n-2');
	delete from nodes where id between 100 and 6000;
	insert into nodes (project_id, parent_id, name, node_id) values (1, 1, 'last', null);`

// Every file's down undoes its up, on a table with rows that lack node_id,
// and up works again after it.
func TestExampleMigrationsRoundTrip(t *testing.T) {
	to := pgtest.Database(t)
	files, problems := Files(exampleDir)
	if len(files) == 0 || len(problems) != 0 {
		t.Fatalf("%d files, problems %v", len(files), problems)
	}
	one := func(f File) {
		t.Helper()
		result, err := Up(t.Context(), Config{Endpoint: to, Dir: exampleDir}, 1)
		if err != nil || len(result.Steps) != 1 || result.Ledger.Version != f.Version {
			t.Fatalf("up to %d: %+v, %v", f.Version, result, err)
		}
	}
	data := func() string {
		if pgtest.Query(t, to, "select coalesce(to_regclass('nodes')::text, 'none')") == "none" {
			return "no table"
		}
		return pgtest.Query(t, to, "select count(*) || ' rows, ' || count(node_id) || ' with, ' || coalesce(md5(string_agg(id || name || coalesce(node_id, '-'), ',' order by id)), '-') from nodes")
	}
	m := stock(t, to, exampleDir)
	before := fingerprint(t, to)
	for i, f := range files {
		rows := data()
		one(f)
		after, newRows := fingerprint(t, to), data()
		if err := m.Steps(-1); err != nil {
			t.Fatalf("down from %d: %v", f.Version, err)
		}
		if got := fingerprint(t, to); got != before {
			t.Errorf("%s does not undo its up file:\n%s", f.Down, difference(before, got))
		}
		if got := data(); got != rows {
			t.Errorf("%s leaves %s, before were %s", f.Down, got, rows)
		}
		one(f)
		if got := fingerprint(t, to); got != after {
			t.Errorf("%s does something else the second time:\n%s", f.Up, difference(after, got))
		}
		if got := data(); got != newRows {
			t.Errorf("%s gives %s the second time, %s the first", f.Up, got, newRows)
		}
		before = after
		if i == 0 {
			pgtest.Exec(t, to, oldRows)
		}
	}
	wantRepaired(t, to)
	last := data()
	if err := m.Down(); err != nil {
		t.Fatalf("down to nothing: %v", err)
	}
	if got := pgtest.Query(t, to, "select count(*)::text from pg_tables where schemaname = 'public' and tablename not in ('schema_migrations', 'syndicate_migrations')"); got != "0" {
		t.Errorf("%s tables are left of %s", got, last)
	}
}

// wantRepaired checks what the repair made of the old rows.
func wantRepaired(t *testing.T, to pg.Endpoint) {
	t.Helper()
	for sql, want := range map[string]string{
		"select count(*)::text from nodes where node_id is null":                                               "0",
		"select string_agg(node_id, ' ' order by id) from nodes where name like 'new%'":                        "n-1 n-2",
		"select (count(*) = count(distinct node_id))::text from nodes":                                         "true",
		"select attnotnull::text from pg_attribute where attrelid = 'nodes'::regclass and attname = 'node_id'": "true",
		"select count(*)::text from pg_index where not indisvalid":                                             "0",
	} {
		if got := pgtest.Query(t, to, sql); got != want {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
	if got := pgtest.Query(t, to, "with new as (insert into nodes (name) values ('x') returning node_id) select (length(node_id) = 36)::text from new"); got != "true" {
		t.Error("a new row gets no node_id")
	}
}

// The queries of the example use the indexes made for them.
func TestExampleIndexesServeTheirQueries(t *testing.T) {
	to := pgtest.Database(t)
	if _, err := Up(t.Context(), Config{Endpoint: to, Dir: exampleDir}, 0); err != nil {
		t.Fatal(err)
	}
	conn := pgtest.Dial(t, to)
	if _, err := conn.Exec(t.Context(), `insert into projects (name) select 'p' from generate_series(1, 50);
		insert into nodes (project_id, parent_id, name) select 1 + g % 50, nullif(g / 10, 0), 'n' from generate_series(1, 20000) g`); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, to, "analyze")
	for sql, index := range map[string]string{
		"select * from nodes where node_id = 'x'":                               "nodes_node_id_idx",
		"select * from nodes order by created_at, node_id limit 100":            "nodes_created_at_idx",
		"select * from nodes where project_id = 7 order by created_at limit 20": "nodes_project_id_idx",
		"select * from nodes where parent_id = 7":                               "nodes_parent_id_idx",
	} {
		var plan string
		if err := conn.QueryRow(t.Context(), "explain (format json) "+sql).Scan(&plan); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plan, index) {
			t.Errorf("%s does not use %s:\n%s", sql, index, plan)
		}
	}
}

// Nodes that share a node_id stop the repair in good order, with a hint.
func TestExampleRepairRefusesDuplicates(t *testing.T) {
	to := pgtest.Database(t)
	if _, err := Up(t.Context(), Config{Endpoint: to, Dir: exampleDir}, 1); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, to, "insert into nodes (name, node_id) values ('a', 'same'), ('b', 'same')")
	result, err := Up(t.Context(), Config{Endpoint: to, Dir: exampleDir}, 0)
	wantText(t, err, "000006_nodes_node_id_not_null.up.sql:3", "several nodes have the node_id 'same'", "hint: Find them", "nothing of this file was done")
	if result.Ledger.Version != 5 || result.Ledger.Dirty {
		t.Errorf("%+v, want 5 and clean", result.Ledger)
	}
	pgtest.Exec(t, to, "update nodes set node_id = 'other' where name = 'b'")
	if _, err := Up(t.Context(), Config{Endpoint: to, Dir: exampleDir}, 0); err != nil {
		t.Error(err)
	}
}

// stock is golang-migrate alone.
func stock(t *testing.T, to pg.Endpoint, dir string) *migrate.Migrate {
	t.Helper()
	cfg, err := to.Config()
	if err != nil {
		t.Fatal(err)
	}
	drv, err := migratepgx.WithInstance(stdlib.OpenDB(*cfg), &migratepgx.Config{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := migrate.NewWithInstance("dir", dirSource(t, dir), "postgres", drv)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = m.Close() })
	return m
}

// difference lists the lines that only one of two texts has.
func difference(want, got string) string {
	var b strings.Builder
	for _, side := range []struct{ sign, has, other string }{{"-", want, got}, {"+", got, want}} {
		for line := range strings.Lines(side.has) {
			if !strings.Contains(side.other, line) {
				b.WriteString(side.sign + line)
			}
		}
	}
	return b.String()
}
