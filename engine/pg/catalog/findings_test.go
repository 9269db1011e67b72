package catalog

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
	"github.com/syndicate/syndicate/engine/pg/script"
	"github.com/syndicate/syndicate/spec"
)

func TestDeclared(t *testing.T) {
	to := pgtest.Database(t)
	pgtest.Exec(t, to, `
		create schema app;
		create type mood as enum ('sad');
		create domain positive as int not null check (value > 0);
		create table nodes (id bigint generated always as identity primary key, node_id text, at timestamptz not null,
			price numeric(8,2), code varchar(20), tags text[], m mood, p positive, "Mixed" int);
		create index nodes_at_idx on nodes (at);
		create table "Users" (id serial);
		create table app.jobs (id int primary key);
		create index elsewhere on app.jobs (id);
		create index broken on nodes (price);
		update pg_index set indisvalid = false where indexrelid = 'broken'::regclass;
		create view seen as select id from nodes`)
	for name, test := range map[string]struct {
		table spec.Table
		want  []string
	}{
		"as it is": {spec.Table{
			Name: "nodes", Columns: map[string]string{
				"id": "int8", "node_id": "text", "at": "timestamp with time zone", "price": "decimal(8,2)", "code": "character varying(20)",
				"tags": "text[]", "m": "mood", "p": "positive", "Mixed": "INTEGER",
			}, NotNull: []string{"id", "at", "p"}, Indexes: []string{"nodes_at_idx", "nodes_pkey"},
		}, nil},
		"without modifiers":        {spec.Table{Name: "nodes", Columns: map[string]string{"code": "varchar", "price": "numeric"}}, nil},
		"a name in capitals":       {spec.Table{Name: "Users", Columns: map[string]string{"id": "serial"}}, nil},
		"a name with a schema":     {spec.Table{Name: "app.jobs", Columns: map[string]string{"id": "int"}}, nil},
		"a view":                   {spec.Table{Name: "seen", Columns: map[string]string{"id": "bigint"}}, nil},
		"no table":                 {spec.Table{Name: "nods"}, []string{"there is no table nods (C101)"}},
		"no name at all":           {spec.Table{Name: `no" such; table`}, []string{`there is no table no" such; table (C101)`}},
		"other types":              {spec.Table{Name: "nodes", Columns: map[string]string{"id": "int", "code": "varchar(10)"}}, []string{"column nodes.code is character varying(20), and is declared as varchar(10) (C103)", "column nodes.id is bigint, and is declared as int (C103)"}},
		"a type that is none":      {spec.Table{Name: "nodes", Columns: map[string]string{"id": "bigit"}}, []string{`column nodes.id is declared as "bigit", which is no type here: no type is called so (C103)`}},
		"a statement for a type":   {spec.Table{Name: "nodes", Columns: map[string]string{"id": "int); drop table nodes; --"}}, []string{`column nodes.id is declared as "int); drop table nodes; --", which is no type here: syntax error at or near ")" (C103)`}},
		"no column":                {spec.Table{Name: "nodes", Columns: map[string]string{"node": "text"}, NotNull: []string{"node", "other"}}, []string{"table nodes has no column node, which is declared as text (C102)", "table nodes has no column other, which is declared as NOT NULL (C102)"}},
		"nullable":                 {spec.Table{Name: "nodes", NotNull: []string{"node_id"}}, []string{"column nodes.node_id may be null, and is declared as NOT NULL (C104)"}},
		"no index":                 {spec.Table{Name: "nodes", Indexes: []string{"nodes_idx"}}, []string{"table nodes has no index nodes_idx (C105)"}},
		"an index of another":      {spec.Table{Name: "nodes", Indexes: []string{"elsewhere"}}, []string{"index elsewhere is one of table app.jobs, and is declared as one of nodes (C105)"}},
		"an index that is invalid": {spec.Table{Name: "nodes", Indexes: []string{"broken"}}, []string{"index broken of table nodes is invalid: no query uses it (C106)"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := Declared(t.Context(), pgtest.Dial(t, to), []spec.Table{test.table})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, sentences(found)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// sentences returns the findings' sentences.
func sentences(found []Finding) []string {
	var all []string
	for _, f := range found {
		all = append(all, f.String())
	}
	return all
}

// What a finding says to do about it makes it go away.
func TestDeclaredMend(t *testing.T) {
	to := pgtest.Database(t)
	pgtest.Exec(t, to, "create table t (a int, b text)")
	conn := pgtest.Dial(t, to)
	want := []spec.Table{{Name: "t", Columns: map[string]string{"a": "bigint", "c": "date"}, NotNull: []string{"b"}}}
	found, err := Declared(t.Context(), conn, want)
	if err != nil || len(found) != 3 {
		t.Fatalf("%v, %v", found, err)
	}
	if err := (&Breach{found}); !errors.As(error(err), new(*Breach)) {
		t.Error(err)
	}
	for _, f := range found {
		if _, err := conn.Exec(t.Context(), f.Mend); err != nil {
			t.Errorf("%s: %v", f.Mend, err)
		}
	}
	if found, err = Declared(t.Context(), conn, want); err != nil || len(found) > 0 {
		t.Errorf("%v, %v", found, err)
	}
}

func TestHealth(t *testing.T) {
	for name, test := range map[string]struct {
		sql  string
		want []string
	}{
		"nothing": {`create table p (id bigint generated always as identity primary key);
			create table c (id bigint generated always as identity primary key, p bigint references p);
			create index on c (p, id)`, nil},
		"a foreign key without an index": {
			"create table p (id int primary key); create table c (id int primary key, a int, p int references p); create index on c (a, p); create index on c (p) where a > 1",
			[]string{"foreign key c_p_fkey of table c has no index on p (C204)"},
		},
		"a foreign key with an index of what is not null": {
			"create table p (id int primary key); create table c (id int primary key, p int references p); create index on c (p) where p is not null", nil,
		},
		"a foreign key of two columns, the other way round": {
			"create table p (a int, b int, primary key (a, b)); create table c (id int primary key, a int, b int, foreign key (a, b) references p); create index on c (b, a)", nil,
		},
		"duplicates": {
			"create table t (a int primary key, b int); create index i1 on t (b); create index i2 on t (b); create unique index i3 on t (a); create index i4 on t (b, a)",
			[]string{"index i2 of table t is a duplicate of i1 (C202)", "index i3 of table t is a duplicate of t_pkey (C202)", "index i1 of table t is the beginning of i4, which serves the same queries (C203)"},
		},
		"no duplicates": {
			"create table t (a int primary key, b text); create index on t (b); create index on t (b desc); create index on t (b text_pattern_ops); create index on t (b) where a > 1; create index on t using hash (b); create index on t (lower(b)); create index on t (upper(b)); create unique index on t (b, a)",
			[]string{"index t_b_idx of table t is the beginning of t_b_a_idx, which serves the same queries (C203)"},
		},
		"an invalid index": {
			"create table t (a int primary key, b int); create index i on t (b); update pg_index set indisvalid = false where indexrelid = 'i'::regclass",
			[]string{"index i of table t is invalid: every write keeps it up, and no query uses it (C201)"},
		},
		"no primary key, but an id": {"create table t (id int)", []string{"table t has no primary key (C205)"}},
		"no primary key":            {"create table t (a int)", []string{"table t has no primary key (C205)"}},
		"partitions": {
			"create table t (a int primary key, b int) partition by list (a); create table t1 partition of t for values in (1); create index on t (b)", nil,
		},
		"a constraint that is not valid": {
			"create table t (a int primary key, constraint k check (a > 0)); alter table t add constraint n check (a > 1) not valid",
			[]string{"constraint n of table t holds for new rows only: it was never validated (C207)"},
		},
		"a sequence at its end": {
			"create table t (id serial primary key); select setval('t_id_seq', 2000000000)",
			[]string{"sequence t_id_seq is at 2000000000 of 2147483647, that is 93 %: after the last one every insert fails (C206)"},
		},
		"a sequence for a smaller column": {
			"create sequence s; create table t (id int primary key default nextval('s')); alter sequence s owned by t.id; select setval('s', 2000000000)",
			[]string{"sequence s is at 2000000000 of 2147483647, that is 93 %: after the last one every insert fails (C206)"},
		},
		"an extension and the ledgers": {"create extension hstore; create table schema_migrations (version bigint, dirty bool)", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := pgtest.Database(t)
			pgtest.Exec(t, to, test.sql)
			conn := pgtest.Dial(t, to)
			found, err := Health(t.Context(), conn)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, sentences(found)); diff != "" {
				t.Error(diff)
			}
			for _, f := range found {
				for _, statement := range statementsOf(f.Mend) {
					if _, err := conn.Exec(t.Context(), statement); err != nil {
						t.Errorf("%s: %v", statement, err)
					}
				}
			}
			if found, err = Health(t.Context(), conn); err != nil || len(found) > 0 && found[0].Code != CodeSequence {
				t.Errorf("after mending: %v, %v", found, err)
			}
		})
	}
}

func TestRecord(t *testing.T) {
	to := pgtest.Database(t)
	conn := pgtest.Dial(t, to)
	if r, err := ReadRecord(t.Context(), conn); r != nil || err != nil {
		t.Fatalf("%v, %v before anything was recorded", r, err)
	}
	pgtest.Exec(t, to, `create table t (a int) partition by list (a); create table u (a int);
		create table schema_migrations (version bigint primary key, dirty bool); insert into schema_migrations values (7, false)`)
	for range 2 {
		if err := Record(t.Context(), conn); err != nil {
			t.Fatal(err)
		}
	}
	pgtest.Exec(t, to, "create table t1 partition of t for values in (1); create index u_idx on u (a)")
	r, err := ReadRecord(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	live := schema(t, to)
	var got []string
	for _, d := range r.Drift(live) {
		got = append(got, d.String())
	}
	if diff := cmp.Diff([]string{"index u_idx is there now"}, got); diff != "" {
		t.Error(diff)
	}
	if *r.Version != 7 || r.At.IsZero() {
		t.Errorf("%v at %v", r.Version, r.At)
	}
	if n := pgtest.Query(t, to, "select count(*)::text from syndicate_schema"); n != "1" {
		t.Errorf("%s rows", n)
	}
	// The record of this version stays, that of another does not.
	if err := Keep(t.Context(), conn); err != nil || len(drift(t, to)) != 1 {
		t.Errorf("%v; drift %v", err, drift(t, to))
	}
	pgtest.Exec(t, to, "update schema_migrations set version = 8")
	if err := Keep(t.Context(), conn); err != nil || len(drift(t, to)) != 0 {
		t.Errorf("%v; drift %v", err, drift(t, to))
	}
	pgtest.Exec(t, to, "create table w (id int); update schema_migrations set dirty = true")
	if err := Keep(t.Context(), conn); err != nil || len(drift(t, to)) != 1 {
		t.Errorf("%v; drift %v", err, drift(t, to))
	}
	if err := Record(t.Context(), conn); err == nil {
		t.Error("a dirty database was recorded")
	}
}

// statementsOf takes apart what can only run statement by statement.
func statementsOf(sql string) []string {
	var all []string
	for _, s := range script.Split(sql) {
		all = append(all, s.Text)
	}
	return all
}

func drift(t *testing.T, to pg.Endpoint) []Difference {
	t.Helper()
	r, err := ReadRecord(t.Context(), pgtest.Dial(t, to))
	if err != nil || r == nil {
		t.Fatalf("%v, %v", r, err)
	}
	return r.Drift(schema(t, to))
}

func TestCheck(t *testing.T) {
	to := pgtest.Database(t)
	conn := pgtest.Dial(t, to)
	pgtest.Exec(t, to, `create table t (a int primary key);
		create table schema_migrations (version bigint primary key, dirty bool); insert into schema_migrations values (7, false)`)
	declared := []spec.Table{{Name: "t", Columns: map[string]string{"a": "int"}}}
	r, err := Check(t.Context(), conn, declared)
	if err != nil || len(r.Findings) > 0 || r.Recorded != nil {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := Keep(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, to, "alter table t alter a type bigint; create index i on t (a)")
	r, err = Check(t.Context(), conn, declared)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"column t.a is bigint, and is declared as int (C103)",
		"column t.a: type was integer, is bigint (C111)",
		"index i is there now (C111)",
		"index i of table t is a duplicate of t_pkey (C202)",
	}
	if diff := cmp.Diff(want, sentences(r.Findings)); diff != "" || !r.Breached() || r.Recorded == nil {
		t.Error(diff)
	}
	// What was recorded for another version says nothing of this one.
	pgtest.Exec(t, to, "update schema_migrations set version = 8")
	if r, err = Check(t.Context(), conn, nil); err != nil || len(r.Findings) != 1 || r.Recorded != nil {
		t.Errorf("%+v, %v", r, err)
	}
}
