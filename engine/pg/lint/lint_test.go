package lint

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/spec"
)

// there is the schema that stands there before what a test looks at.
const there = `
CREATE TABLE users (id bigint PRIMARY KEY, email text, name varchar(100), nickname text NOT NULL, active boolean, country text,
	born timestamp, price numeric(10, 2), short varchar(10), free varchar, address cidr, seen timestamptz(3));
CREATE TABLE customers (id bigint PRIMARY KEY);
CREATE TABLE orders (id integer PRIMARY KEY, customer_id bigint, amount int, state text);
CREATE INDEX orders_customer_id_idx ON orders (customer_id);
CREATE TABLE events (at timestamptz NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE events_2020 PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE events_2026 (at timestamptz NOT NULL);
CREATE TABLE sessions (id bigint PRIMARY KEY, at timestamptz);
CREATE TABLE carts (id bigint PRIMARY KEY);
CREATE TABLE t (a int, b int);
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE people (mood mood);
CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM orders;
CREATE VIEW lately AS SELECT * FROM orders;
CREATE DOMAIN positive AS int CHECK (value > 0);
CREATE FUNCTION discount(bigint) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE members (user_id bigint REFERENCES users, team int, code text, CONSTRAINT one_team UNIQUE (user_id, team),
	CONSTRAINT codes FOREIGN KEY (code) REFERENCES t, CONSTRAINT some_team CHECK (team > 0), EXCLUDE USING gist (code WITH =));
CREATE UNIQUE INDEX members_code ON members (code);
CREATE TABLE padded (c char(4));
ALTER TABLE members ADD CONSTRAINT later CHECK (team < 99) NOT VALID;
`

// look checks one up file on top of what is there, with a down file that
// nothing can be said about.
func look(up string) Result { return lookBoth(up, "SELECT undo();") }

func lookBoth(up, down string) Result {
	return Check(&grammar, Config{Migrations: []Migration{
		{Version: 1, Up: Source{"1_there.up.sql", there}},
		{Version: 2, Up: Source{"2_new.up.sql", up}, Down: &Source{"2_new.down.sql", down}, Look: true},
	}})
}

// lookFiles checks several up files on top of what is there.
func lookFiles(ups ...string) Result {
	cfg := Config{Migrations: []Migration{{Version: 1, Up: Source{"1_there.up.sql", there}}}}
	for i, up := range ups {
		cfg.Migrations = append(cfg.Migrations, Migration{
			Version: uint64(i) + 2, Look: true, Up: Source{fmt.Sprintf("%d_new.up.sql", i+2), up}, Down: &Source{"down", "SELECT undo();"},
		})
	}
	return Check(&grammar, cfg)
}

// codesOf lists findings as "L101 3:7".
func codesOf(r Result) []string {
	var all []string
	for _, f := range r.Findings {
		all = append(all, fmt.Sprintf("%s %d:%d", f.Code, f.At.Start.Line, f.At.Start.Column))
	}
	return all
}

// Each rule finds what its page shows as wrong, and nothing in what it shows
// as right; and what it proposes instead is SQL without errors.
func TestEveryRuleFindsItsExample(t *testing.T) {
	for _, rule := range Rules() {
		if slices.Contains(notOfSQL, rule.Code) {
			continue
		}
		t.Run(rule.Code, func(t *testing.T) {
			wrong := look(rule.Wrong)
			i := slices.IndexFunc(wrong.Findings, func(f Finding) bool { return f.Code == rule.Code })
			if i < 0 {
				t.Fatalf("wrong gives %q, without %s", codesOf(wrong), rule.Code)
			}
			f := wrong.Findings[i]
			if f.Severity != rule.Severity || f.Summary != rule.Title || f.Detail == "" || f.At.Start.Line == 0 || f.At.Filename != "2_new.up.sql" {
				t.Errorf("incomplete: %+v", f)
			}
			for _, f := range wrong.Findings {
				safe := look(f.Safe)
				for _, s := range safe.Findings {
					if s.Code == "L801" && f.Code != "L703" && f.Code != "L702" && f.Code != "L705" && !strings.Contains(f.Safe, "CONDITION") {
						t.Errorf("the safe way is no SQL: %s\n%s", s.Detail, f.Safe)
					}
				}
			}
			for _, f := range lookFiles(strings.Split(rule.Right, nextFile)...).Findings {
				if f.Code == rule.Code || f.Code == "L801" {
					t.Errorf("right gives %s: %s", f.Code, f.Detail)
				}
			}
		})
	}
}

// What stands for the rules of others is there, and what does not says why.
func TestCounterparts(t *testing.T) {
	for _, r := range slices.Concat(Squawk(), Atlas()) {
		if len(r.Codes) == 0 && r.Note == "" {
			t.Errorf("%s: neither a rule nor a reason", r.Rule)
		}
		for _, code := range r.Codes {
			if _, ok := Explain(code); !ok {
				t.Errorf("%s: there is no %s", r.Rule, code)
			}
		}
	}
}

// What does no harm is no finding, and what does is one at its place.
func TestFindings(t *testing.T) {
	for name, test := range map[string]struct {
		up   string
		want []string
	}{
		"a new table":                 {"CREATE TABLE n (id bigint PRIMARY KEY, a int REFERENCES users, b text);\nCREATE INDEX ON n (a);\nALTER TABLE n ADD CHECK (a > 0);\nALTER TABLE n ALTER b SET NOT NULL;\nALTER TABLE n ADD COLUMN c uuid NOT NULL DEFAULT gen_random_uuid();\nALTER TABLE n DROP COLUMN b;\nDROP TABLE n;", nil},
		"a temporary table":           {"CREATE TEMP TABLE n (a int); CREATE INDEX ON n (a); UPDATE n SET a = 1; DROP TABLE n", nil},
		"an index with a name":        {"\nCREATE INDEX a ON orders (state)", []string{"L101 2:1"}},
		"an index if not there":       {"CREATE INDEX IF NOT EXISTS a ON orders (state)", []string{"L101 1:1"}},
		"a table of nobody":           {"CREATE INDEX ON other.things (a)", []string{"L101 1:1"}},
		"a unique index":              {"CREATE UNIQUE INDEX u ON orders (state)", []string{"L101 1:1", "L402 1:1"}},
		"unique over a new column":    {"ALTER TABLE orders ADD COLUMN code text;\nCREATE UNIQUE INDEX CONCURRENTLY u ON orders (code)", nil},
		"drop the index of a new one": {"CREATE TABLE n (a int); CREATE INDEX i ON n (a); DROP INDEX i", nil},
		"several commands":            {"ALTER TABLE orders\n  ADD COLUMN a int,\n  ADD CONSTRAINT p CHECK (amount > 0),\n  DROP COLUMN state", []string{"L104 3:7", "L302 4:3"}},
		"foreign key on a new column": {"ALTER TABLE orders ADD COLUMN user_id bigint REFERENCES users", nil},
		"and with a default":          {"ALTER TABLE orders ADD COLUMN user_id bigint DEFAULT 1 REFERENCES users", []string{"L103 1:56"}},
		"a check on a new column":     {"ALTER TABLE orders ADD COLUMN n int CHECK (n > 0)", []string{"L104 1:37"}},
		"a unique new column":         {"ALTER TABLE orders ADD COLUMN n int UNIQUE", []string{"L106 1:37"}},
		"a key by index":              {"CREATE UNIQUE INDEX CONCURRENTLY k ON orders (customer_id);\nALTER TABLE orders ADD CONSTRAINT k PRIMARY KEY USING INDEX k", []string{"L402 1:1", "L105 2:24"}},
		"a constant default":          {"ALTER TABLE users ADD COLUMN a int NOT NULL DEFAULT 7, ADD COLUMN b timestamptz DEFAULT now()", nil},
		"a default of NULL":           {"ALTER TABLE users ADD COLUMN a int NOT NULL DEFAULT NULL", []string{"L401 1:30"}},
		"a volatile own function":     {"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';\nALTER TABLE users ADD COLUMN a int DEFAULT f()", []string{"L202 2:30"}},
		"an immutable own function":   {"CREATE FUNCTION f() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';\nALTER TABLE users ADD COLUMN a int DEFAULT f()", nil},
		"an identity":                 {"ALTER TABLE users ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY", []string{"L202 1:30"}},
		"a stored column":             {"ALTER TABLE users ADD COLUMN n text GENERATED ALWAYS AS (lower(email)) STORED", []string{"L202 1:30"}},
		"a domain":                    {"ALTER TABLE users ADD COLUMN n positive", []string{"L202 1:30"}},
		"proven not null":             {"ALTER TABLE users ADD CONSTRAINT e CHECK (email IS NOT NULL) NOT VALID;\nALTER TABLE users VALIDATE CONSTRAINT e;\nALTER TABLE users ALTER email SET NOT NULL", []string{"L107 2:19"}},
		"not proven not null":         {"ALTER TABLE users ADD CONSTRAINT e CHECK (email IS NOT NULL) NOT VALID;\nALTER TABLE users ALTER email SET NOT NULL", []string{"L105 2:19"}},
		"varchar to longer":           {"ALTER TABLE users ALTER name TYPE varchar(200)", nil},
		"varchar to text":             {"ALTER TABLE users ALTER name TYPE text, ALTER short TYPE varchar, ALTER free TYPE text USING free::text", nil},
		"varchar to shorter":          {"ALTER TABLE users ALTER name TYPE varchar(20)", []string{"L201 1:25", "L403 1:25"}},
		"numeric to more digits":      {"ALTER TABLE users ALTER price TYPE numeric(20, 2)", nil},
		"numeric to another scale":    {"ALTER TABLE users ALTER price TYPE numeric(10, 4)", []string{"L201 1:25", "L403 1:25"}},
		"cidr to inet":                {"ALTER TABLE users ALTER address TYPE inet, ALTER seen TYPE timestamptz", nil},
		"timestamp to timestamptz":    {"ALTER TABLE users ALTER born TYPE timestamptz", []string{"L201 1:25"}},
		"and in UTC":                  {"SET LOCAL timezone = 'UTC';\nALTER TABLE users ALTER born TYPE timestamptz", nil},
		"with an expression":          {"ALTER TABLE users ALTER name TYPE text USING lower(name)", []string{"L201 1:25"}},
		"an unknown old type":         {"ALTER TABLE other ALTER a TYPE int", []string{"L201 1:25"}},
		"rename with a view":          {"ALTER TABLE users RENAME TO people2;\nCREATE VIEW users AS SELECT * FROM people2", nil},
		"rename a column":             {"ALTER TABLE users RENAME COLUMN email TO mail", []string{"L301 1:1"}},
		"rename a constraint":         {"ALTER TABLE users RENAME CONSTRAINT a TO b; ALTER INDEX c RENAME TO d", nil},
		"rename an enum's value":      {"ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'", []string{"L301 1:1"}},
		"another schema":              {"CREATE SCHEMA s; ALTER TABLE users SET SCHEMA s", []string{"L301 1:18"}},
		"a view made anew":            {"DROP VIEW lately;\nCREATE VIEW lately AS SELECT 1", nil},
		"a view dropped":              {"DROP VIEW lately", []string{"L303 1:1"}},
		"a table in case it is there": {"DROP TABLE IF EXISTS n; CREATE TABLE n (id bigint)", nil},
		"drop with what depends":      {"DROP TYPE mood CASCADE", []string{"L706 1:16"}},
		"fill what is NULL":           {"UPDATE users SET active = true WHERE active IS NULL", nil},
		"fill a new column":           {"ALTER TABLE users ADD COLUMN a int;\nUPDATE users SET a = 1 WHERE id > 0", []string{"L114 2:1"}},
		"fill it in the next one":     {"BEGIN;\nALTER TABLE users ADD COLUMN a int;\nCOMMIT;\nUPDATE users SET a = 1 WHERE id > 0", nil},
		"rows of another table":       {"ALTER TABLE users RENAME CONSTRAINT a TO b;\nDELETE FROM t WHERE a = 1;", []string{"L114 2:1", "L504 2:1"}},
		"rows from a query":           {"ALTER TABLE users ADD COLUMN a int;\nINSERT INTO t SELECT id, 1 FROM users;\nINSERT INTO t VALUES (1, 2)", []string{"L114 2:1"}},
		"rows merged":                 {"ALTER TABLE users ADD COLUMN a int;\nMERGE INTO t USING carts ON carts.id = t.a WHEN MATCHED THEN DELETE", []string{"L114 2:1"}},
		"behind a trigger":            {"CREATE TRIGGER g BEFORE INSERT ON users EXECUTE FUNCTION touch();\nUPDATE t SET a = 1 WHERE a IS NULL", []string{"L114 2:1"}},
		"validate behind a column":    {"ALTER TABLE users ADD COLUMN a int;\nALTER TABLE members VALIDATE CONSTRAINT later", []string{"L114 2:1"}},
		"validate two at once":        {"ALTER TABLE members VALIDATE CONSTRAINT later;\nALTER TABLE members VALIDATE CONSTRAINT codes", nil},
		"a lock that is none":         {"ALTER TABLE users ALTER email SET STATISTICS 500;\nUPDATE users SET active = true WHERE active IS NULL", nil},
		"rows of a new table":         {"CREATE TABLE n (a int);\nALTER TABLE n ADD b int;\nUPDATE n SET b = 1;\nUPDATE users SET active = true WHERE active IS NULL", nil},
		"outside of transactions":     {"ALTER TABLE users ADD COLUMN a int;\nCREATE INDEX CONCURRENTLY i ON users (a)", nil},
		"xml":                         {"ALTER TABLE users ADD COLUMN a xml", []string{"L306 1:30"}},
		"json in a new table":         {"CREATE TABLE n (a json);\nALTER TABLE n ADD b point", nil},
		"another collation":           {"ALTER TABLE members ALTER code TYPE text COLLATE \"C\"", []string{"L201 1:27"}},
		"without an index":            {"ALTER TABLE users ALTER email TYPE text COLLATE \"C\"", nil},
		"char to longer":              {"CREATE TABLE n (a int);\nALTER TABLE padded ALTER c TYPE char(9)", []string{"L201 2:26"}},
		"char to shorter":             {"ALTER TABLE padded ALTER c TYPE char(2)", []string{"L201 1:26", "L403 1:26"}},
		"all of a row replicated":     {"ALTER TABLE users REPLICA IDENTITY FULL", []string{"L307 1:19"}},
		"autovacuum off":              {"CREATE TABLE n (a int) WITH (autovacuum_enabled = off);\nALTER TABLE t SET (autovacuum_enabled = 0, fillfactor = 70)", []string{"L707 1:1", "L707 2:1"}},
		"rename a schema":             {"CREATE SCHEMA a; ALTER SCHEMA a RENAME TO b;\nALTER SCHEMA shop RENAME TO store", []string{"L301 2:1"}},
		"rename a type":               {"ALTER TYPE mood RENAME TO feeling;\nALTER DOMAIN positive RENAME TO above", []string{"L301 1:1", "L301 2:1"}},
		"rename a function":           {"ALTER FUNCTION discount(bigint) RENAME TO rebate;\nALTER FUNCTION touch() RENAME TO touched;\nALTER FUNCTION unheard() RENAME TO heard", []string{"L301 1:1"}},
		"rename a database":           {"ALTER DATABASE shop RENAME TO store", []string{"L301 1:1"}},
		"change what is there":        {"UPDATE users SET email = lower(email) WHERE email <> lower(email)", []string{"L505 1:1"}},
		"concurrently in one":         {"BEGIN;\nCREATE INDEX CONCURRENTLY i ON orders (state);\nCOMMIT", []string{"L601 2:1"}},
		"an enum's value used alone":  {"ALTER TYPE mood ADD VALUE 'calm';\nINSERT INTO people VALUES ('calm')", nil},
		"a value of a new type":       {"BEGIN;\nCREATE TYPE n AS ENUM ('a');\nALTER TYPE n ADD VALUE 'b';\nCREATE TABLE x (a n DEFAULT 'b');\nCOMMIT", nil},
		"commit without begin":        {"CREATE TABLE n (id bigint);\nCOMMIT", []string{"L604 2:1"}},
		"set and reset":               {"SET statement_timeout = 0;\nSELECT 1;\nRESET statement_timeout", nil},
		"set beside concurrently":     {"SET statement_timeout = 0;\nCREATE INDEX CONCURRENTLY i ON orders (state)", nil},
		"two mistakes":                {"SELECT 1;\nCREATE TABLE a (b int,);\nSELEC 'ä', 2;\nCREATE INDEX ON orders (state)", []string{"L801 2:23", "L801 3:1", "L101 4:1"}},
		"umlauts before a mistake":    {"SELECT 'äöü'; SELEC 1", []string{"L801 1:15"}},
		"a quoted name":               {`ALTER TABLE "public"."users" DROP COLUMN "email"`, []string{"L302 1:30"}},
		"attach with a check":         {"ALTER TABLE events_2026 ADD CONSTRAINT c CHECK (at >= '2026-01-01') NOT VALID", nil},
		"an index on all partitions":  {"CREATE INDEX ON events (at)", []string{"L101 1:1"}},
		"a path to look names up in":  {"SET LOCAL search_path = s, public;\nCREATE TABLE n (id bigint);\nCREATE INDEX ON s.n (id)", nil},
		"a small key":                 {"CREATE TABLE n (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY)", []string{"L703 1:17"}},
		"a small key of another":      {"CREATE TABLE n (id int PRIMARY KEY REFERENCES t)", nil},
		"rows removed":                {"TRUNCATE sessions CASCADE", []string{"L504 1:1", "L706 1:19"}},
		"nothing but a remark":        {"-- nothing", nil},
		"a function with SQL inside":  {"CREATE OR REPLACE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP TABLE users; COMMIT; END $$", nil},
		"a domain with a new check":   {"ALTER DOMAIN positive ADD CHECK (value < 10)", []string{"L104 1:27"}},
		"a table made from a query":   {"CREATE TABLE n AS SELECT * FROM users;\nCREATE INDEX ON n (id);\nSELECT * INTO m FROM users;\nDROP TABLE m", nil},
		"a materialized view, filled": {"CREATE MATERIALIZED VIEW n AS SELECT 1; REFRESH MATERIALIZED VIEW n", nil},
		"a unique constraint goes":    {"ALTER TABLE members DROP CONSTRAINT one_team", []string{"L304 1:21"}},
		"for a wider one":             {"ALTER TABLE members DROP CONSTRAINT one_team, ADD CONSTRAINT one_team UNIQUE (user_id, team, code)", []string{"L106 1:51", "L402 1:51"}},
		"for an index":                {"CREATE UNIQUE INDEX CONCURRENTLY i ON members (team, user_id);\nALTER TABLE members DROP CONSTRAINT one_team", []string{"L402 1:1"}},
		"a foreign key goes":          {"ALTER TABLE members DROP CONSTRAINT members_user_id_fkey, DROP CONSTRAINT codes", []string{"L304 1:21", "L304 1:59"}},
		"a foreign key made anew":     {"ALTER TABLE members DROP CONSTRAINT codes, ADD FOREIGN KEY (code) REFERENCES t ON DELETE CASCADE NOT VALID", nil},
		"an exclusion goes":           {"ALTER TABLE members DROP CONSTRAINT members_excl", []string{"L304 1:21"}},
		"a check goes":                {"ALTER TABLE members DROP CONSTRAINT some_team", nil},
		"a constraint of this file":   {"ALTER TABLE members ADD CONSTRAINT n FOREIGN KEY (team) REFERENCES t NOT VALID;\nALTER TABLE members DROP CONSTRAINT n", nil},
		"a constraint of nobody":      {"ALTER TABLE members DROP CONSTRAINT unheard", nil},
		"with its column":             {"ALTER TABLE members DROP COLUMN team;\nALTER TABLE members DROP CONSTRAINT IF EXISTS one_team", []string{"L302 1:21"}},
		"a unique index goes":         {"DROP INDEX CONCURRENTLY members_code", []string{"L304 1:1"}},
		"for a unique constraint":     {"CREATE UNIQUE INDEX CONCURRENTLY m ON members (code);\nALTER TABLE members ADD CONSTRAINT m UNIQUE USING INDEX m;\nDROP INDEX CONCURRENTLY members_code", []string{"L402 1:1"}},
		"an index goes":               {"DROP INDEX CONCURRENTLY orders_customer_id_idx", nil},
		"a function goes":             {"DROP FUNCTION IF EXISTS public.discount(bigint)", []string{"L305 1:1"}},
		"a function made anew":        {"DROP FUNCTION discount;\nCREATE FUNCTION discount(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 1'", nil},
		"a function of triggers":      {"DROP FUNCTION touch(); DROP FUNCTION unheard()", nil},
		"a function of this file":     {"CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT 1';\nDROP FUNCTION g()", nil},
		"a database goes":             {"DROP DATABASE shop", []string{"L303 1:1"}},
		"a file of a psql command":    {"\\i other.sql", []string{"L801 1:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := look(test.up)
			if got := codesOf(r); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
				for _, f := range r.Findings {
					t.Logf("%s %s", f.Code, f.Detail)
				}
			}
		})
	}
}

// The safe way is made for the statement at hand.
func TestSafeWay(t *testing.T) {
	for up, want := range map[string]string{
		"CREATE INDEX ON orders (state)": ownFile + "\nCREATE INDEX CONCURRENTLY orders_state_idx ON orders (state);",
		"ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers": "ALTER TABLE orders ADD CONSTRAINT orders_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers NOT VALID;\n" +
			nextFile + "\nALTER TABLE orders VALIDATE CONSTRAINT orders_customer_id_fkey;",
		`ALTER TABLE users ADD CONSTRAINT "Name" CHECK (length(name) > 2)`: "ALTER TABLE users ADD CONSTRAINT \"Name\" CHECK (length(name) > 2) NOT VALID;\n" +
			nextFile + "\nALTER TABLE users VALIDATE CONSTRAINT \"Name\";",
		"ALTER TABLE users ADD UNIQUE (email)": ownFile + "\nCREATE UNIQUE INDEX CONCURRENTLY users_email_key ON users (email);\n" +
			nextFile + "\nALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE USING INDEX users_email_key;",
		"ALTER TABLE users ADD COLUMN token uuid DEFAULT gen_random_uuid() UNIQUE": "ALTER TABLE users ADD COLUMN token uuid;\nALTER TABLE users ALTER COLUMN token SET DEFAULT gen_random_uuid();\n" +
			nextFile + ", again and again until it changes no row\nUPDATE users SET token = gen_random_uuid() WHERE ctid = ANY (ARRAY(SELECT ctid FROM users WHERE token IS NULL LIMIT 10000));",
		"CREATE INDEX ON events (at)": "CREATE INDEX events_at_idx ON ONLY events (at);\n-- for each partition, in a file of its own\n" +
			"CREATE INDEX CONCURRENTLY partition_idx ON partition (at);\nALTER INDEX events_at_idx ATTACH PARTITION partition_idx;",
		"SET SESSION lock_timeout = '1s'": "SET LOCAL lock_timeout = '1s';",
	} {
		r := look(up)
		if len(r.Findings) == 0 || r.Findings[0].Safe != want {
			t.Errorf("%s gives\n%+v\nwant\n%s", up, r.Findings, want)
		}
	}
}

func TestRollback(t *testing.T) {
	for name, test := range map[string]struct {
		up, down string
		want     []string
	}{
		"undone":                {"CREATE TABLE n (a int); CREATE INDEX i ON n (a)", "DROP TABLE n", nil},
		"a column":              {"ALTER TABLE t ADD COLUMN c int; CREATE INDEX CONCURRENTLY i ON t (c)", "ALTER TABLE t DROP COLUMN c", nil},
		"nothing":               {"CREATE TABLE n (a int)", "-- nothing", []string{"L502 1:1"}},
		"a type stays":          {"CREATE TYPE s AS ENUM ('a'); CREATE TABLE n (a s)", "DROP TABLE n", []string{"L503 1:1"}},
		"an index stays":        {"CREATE INDEX CONCURRENTLY i ON t (a)", "SELECT 1; SELECT 2", nil},
		"a column stays":        {"ALTER TABLE t ADD c int", "ALTER TABLE t ALTER a DROP DEFAULT", []string{"L503 1:1"}},
		"the schema goes":       {"CREATE SCHEMA s; CREATE TABLE s.n (a int); CREATE TYPE s.e AS ENUM ()", "DROP SCHEMA s CASCADE", nil},
		"a renamed one":         {"CREATE TABLE n (a int); ALTER TABLE n RENAME TO m", "DROP TABLE m", nil},
		"an owned sequence":     {"CREATE TABLE n (a int); CREATE SEQUENCE q; ALTER SEQUENCE q OWNED BY n.a", "DROP TABLE n", nil},
		"a function, arguments": {"CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'", "DROP FUNCTION f(int)", nil},
		"a trigger":             {"CREATE TRIGGER g BEFORE INSERT ON t EXECUTE FUNCTION f()", "DROP TRIGGER g ON t", nil},
		"a broken one":          {"CREATE TABLE n (a int)", "DROP TABLE n;\nALTER TABLE;", []string{"L801 2:12"}},
		"an open transaction":   {"CREATE TABLE n (a int)", "BEGIN; DROP TABLE n", []string{"L603 1:1"}},
		"rows come back":        {"DELETE FROM t WHERE a = 1", "INSERT INTO t VALUES (1)", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := codesOf(lookBoth(test.up, test.down)); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	r := Check(&grammar, Config{Migrations: []Migration{{Version: 1, Up: Source{"a/1_x.up.sql", "CREATE TABLE n (a int)"}, Look: true, Late: true}}})
	if got, want := codesOf(r), []string{"L802 1:1", "L501 1:1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if !strings.Contains(r.Findings[1].Detail, " 1_x.down.sql ") {
		t.Errorf("does not name the file: %s", r.Findings[1].Detail)
	}
}

// What an applied migration made is in use; what a pending one makes is not,
// unless each is looked at by itself.
func TestPendingSet(t *testing.T) {
	files := []Migration{
		{Version: 1, Up: Source{"1", "CREATE TABLE a (b int)"}, Down: &Source{"1d", "DROP TABLE a"}, Look: true},
		{Version: 2, Up: Source{"2", "CREATE INDEX i ON a (b)"}, Down: &Source{"2d", "DROP INDEX i"}, Look: true},
	}
	if got := codesOf(Check(&grammar, Config{Migrations: files})); got != nil {
		t.Errorf("together: %q", got)
	}
	if got := codesOf(Check(&grammar, Config{Migrations: files, Separate: true})); !slices.Equal(got, []string{"L101 1:1"}) {
		t.Errorf("separate: %q", got)
	}
	files[0].Look = false
	if got := codesOf(Check(&grammar, Config{Migrations: files})); !slices.Equal(got, []string{"L101 1:1"}) {
		t.Errorf("the first applied: %q", got)
	}
}

func TestAllowances(t *testing.T) {
	for name, test := range map[string]struct {
		up       string
		want     []string
		accepted []string
	}{
		"a statement":           {"SELECT 1;\n-- syndicate: allow L101 ten rows\nCREATE INDEX ON t (a);\nCREATE INDEX ON t (b)", []string{"L101 4:1"}, []string{"ten rows"}},
		"the first statement":   {"-- syndicate: allow L101 ten rows\nCREATE INDEX ON t (a);\nCREATE INDEX ON t (b)", []string{"L101 3:1"}, []string{"ten rows"}},
		"the file":              {"-- syndicate: allow L101 ten rows\n\nCREATE INDEX ON t (a);\nCREATE INDEX ON t (b)", nil, []string{"ten rows", "ten rows"}},
		"the file, begin":       {"-- syndicate: allow L101 ten rows\nBEGIN;\nCREATE INDEX ON t (a);\nCOMMIT", nil, []string{"ten rows"}},
		"inside of a statement": {"ALTER TABLE t\n-- syndicate: allow L302 since 2.3\nDROP COLUMN a", nil, []string{"since 2.3"}},
		"two codes":             {"-- syndicate: allow l101, L402 ten rows, all different\nCREATE UNIQUE INDEX ON t (a)", nil, []string{"ten rows, all different", "ten rows, all different"}},
		"two lines":             {"-- syndicate: allow L101 ten rows\n-- syndicate: allow L402 all different\nCREATE UNIQUE INDEX ON t (a)", nil, []string{"all different", "ten rows"}},
		"unused":                {"-- syndicate: allow L101 ten rows\nSELECT 1", []string{"L901 1:1"}, nil},
		"without a reason":      {"-- syndicate: allow L101\nCREATE INDEX ON t (a)", []string{"L902 1:1"}, []string{""}},
		"an unknown code":       {"-- syndicate: allow L999 because\nSELECT 1", []string{"L902 1:1"}, nil},
		"without a code":        {"-- syndicate: allow\nSELECT 1", []string{"L902 1:1"}, nil},
		"not a mistake":         {"-- syndicate: allow L801 hm\nSELEC", []string{"L901 1:1", "L801 2:1"}, nil},
		"inside of a string":    {"INSERT INTO t SELECT '\n-- syndicate: allow L101 no\n'", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := look(test.up)
			if got := codesOf(r); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			var reasons []string
			for _, a := range r.Accepted {
				reasons = append(reasons, a.Reason)
			}
			if !slices.Equal(reasons, test.accepted) {
				t.Errorf("accepted %q, want %q", reasons, test.accepted)
			}
		})
	}
}

// What a file allows is used where its table is in use, though on the empty
// database that the file is pending for it would be no finding.
func TestAllowanceOnAnEmptyDatabase(t *testing.T) {
	r := Check(&grammar, Config{Migrations: []Migration{
		{Version: 1, Up: Source{"1", "CREATE TABLE a (b int)"}, Down: &Source{"1d", "DROP TABLE a"}, Look: true},
		{Version: 2, Up: Source{"2", "-- syndicate: allow L101, L102 small\n\nCREATE INDEX i ON a (b)"}, Down: &Source{"2d", "DROP INDEX i"}, Look: true},
	}})
	if got := codesOf(r); !slices.Equal(got, []string{"L901 1:1"}) || !strings.Contains(r.Findings[0].Detail, "L102") || len(r.Accepted) > 0 {
		t.Errorf("got %q: %+v", got, r)
	}
}

func TestCatalogue(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules() {
		if seen[r.Code] || !looksLikeCode(r.Code) || r.Title == "" || r.Text == "" || r.Wrong == "" || r.Right == "" ||
			r.Severity != spec.Error && r.Severity != spec.Warning {
			t.Errorf("not complete: %+v", r)
		}
		seen[r.Code] = true
	}
}

// The migrations of this repository are as its own rules want them.
func TestOwnMigrations(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "migrations")
	ups, err := filepath.Glob(filepath.Join(dir, "*.up.sql"))
	if err != nil || len(ups) < 10 {
		t.Fatalf("%d up files: %v", len(ups), err)
	}
	cfg := Config{Separate: true}
	for i, path := range ups {
		m := Migration{Version: uint64(i) + 1, Look: true, Up: Source{Path: path, Text: readText(t, path)}}
		down := strings.Replace(path, ".up.", ".down.", 1)
		m.Down = &Source{Path: down, Text: readText(t, down)}
		cfg.Migrations = append(cfg.Migrations, m)
	}
	for _, f := range Check(&grammar, cfg).Findings {
		t.Errorf("%s: %s %s: %s", f.At, f.Code, f.Summary, f.Detail)
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
