package catalog

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

// TestDump holds the fingerprint against PostgreSQL's own idea of a schema:
// whatever statements are run, two states have the same fingerprint if, and
// only if, pg_dump writes the same of both.
func TestDump(t *testing.T) {
	pgtest.Exec(t, pgtest.Shared().Endpoint("postgres"), `
		do $$ begin if not exists (select from pg_roles where rolname = 'reader') then create role reader; end if; end $$`)
	rapid.Check(t, func(rt *rapid.T) {
		to := pgtest.Database(t)
		conn := pgtest.Dial(t, to)
		defer func() { _ = conn.Close(context.Background()) }()
		byDump, byPrint := map[string]Fingerprint{}, map[Fingerprint]string{}
		for _, statement := range foundation {
			if _, err := conn.Exec(t.Context(), statement); err != nil {
				rt.Fatalf("%s: %v", statement, err)
			}
		}
		// Most forms toggle something, so that states come back where there
		// are few of them.
		few := rapid.SliceOfN(rapid.SampledFrom(forms), 6, 12).Draw(rt, "forms")
		for n := range rapid.IntRange(4, 14).Draw(rt, "steps") {
			changed := n == 0
			for range rapid.IntRange(1, 2).Draw(rt, "statements") {
				statement := statementOf(rt, rapid.SampledFrom(few).Draw(rt, "form"))
				if _, err := conn.Exec(t.Context(), statement); err != nil {
					rt.Logf("%s: %v", statement, err)
				} else {
					changed = true
				}
			}
			if !changed { // pg_dump is what this test's time goes to
				continue
			}
			c, err := Read(t.Context(), conn)
			if err != nil {
				rt.Fatal(err)
			}
			text, print := dump(t, to), c.Fingerprint()
			if other, ok := byDump[text]; ok && other != print {
				rt.Fatalf("step %d: pg_dump sees no difference, the fingerprint does", n)
			}
			if other, ok := byPrint[print]; ok && other != text {
				rt.Fatalf("step %d: the fingerprint sees no difference:\n%s", n, cmp.Diff(strings.Split(other, "\n"), strings.Split(text, "\n")))
			}
			byDump[text], byPrint[print] = print, text
		}
	})
}

// varies are the lines that differ from dump to dump.
var varies = regexp.MustCompile(`(?m)^(\\(un)?restrict .*|--.*)?\n`)

// dump returns what pg_dump writes of the schema.
func dump(t *testing.T, to pg.Endpoint) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), pgtest.Shared().Binaries.Path("pg_dump"), "--schema-only", "-d", to.URL().Reveal())
	out, err := cmd.Output()
	if err != nil {
		if e, ok := err.(*exec.ExitError); ok {
			err = fmt.Errorf("%w: %s", err, e.Stderr)
		}
		t.Fatalf("pg_dump: %v", err)
	}
	return varies.ReplaceAllString(string(out), "")
}

// foundation is what most statements find.
var foundation = strings.Split(`create table t1 (a int, b text, c numeric(6,2))
create table t2 (a int primary key, b text)
create type mood as enum ('sad', 'ok')
create function f() returns trigger language plpgsql as 'begin return new; end'
create table parted (a int, b int) partition by list (a)
create sequence s1`, "\n")

// forms are statements whose parts in braces are one of the choices.
var forms = strings.Split(`create table {t1|t2|t3} ({a|b} {int|bigint}, {c|d} text default {'x'|'y'})
create unlogged table {t1|t3} (a int)
drop table {t1|t2|t3|p1} cascade
alter table {t1|t2} add column {a|b|c|d} {int|text|varchar(5)|mood|int generated always as identity|int generated always as (1) stored}
alter table {t1|t2} drop column {a|b|c|d} cascade
alter table {t1|t2} alter column {a|b|c} type {bigint|int|text|varchar(9)} using null
alter table {t1|t2} alter column {a|b} {set default null|drop default|set not null|drop not null|set statistics 5|set statistics -1|set storage main|set (n_distinct=2)|reset (n_distinct)}
alter table {t1|t2} rename column {a|b|d} to {a|b|d}
alter table {t1|t2|t3} rename to {t1|t2|t3}
create {index|unique index} {i1|i2} on {t1|t2} ({a|b|lower(b)|a desc|b, a}) {where a > 1| }
drop index {i1|i2}
alter index {i1|i2} {rename to i2|rename to i1|set (fillfactor=70)|reset (fillfactor)}
alter table t1 {cluster on i1|set without cluster|replica identity full|replica identity default|replica identity nothing}
alter table {t1|t2} {set unlogged|set logged|set (fillfactor=50)|reset (fillfactor)|enable row level security|disable row level security|force row level security}
alter table {t1|t2} add constraint {k1|k2} {check (a > 0)|check (a > 0) not valid|unique (a)|unique (a) deferrable|primary key (a)|foreign key (a) references t2|foreign key (a) references t2 on delete cascade not valid}
alter table {t1|t2} drop constraint {k1|k2} cascade
alter table {t1|t2} validate constraint {k1|k2}
create or replace view v as select {a|b|1 as a} from {t1|t2}
create materialized view m as select a from t1 {with no data| }
drop view v cascade
drop materialized view m
alter view v {set (security_barrier=true)|reset (security_barrier)|alter column a set default 3|alter column a drop default}
create or replace function {g(int)|g(text)} returns int language sql {immutable|volatile} as {'select 1'|'select 2'}
drop function {g(int)|g(text)}
create or replace procedure p() language sql as 'select 1'
drop procedure p()
create or replace aggregate total(int) (sfunc = {int4pl|int4mul}, stype = int)
drop aggregate total(int)
create trigger tr {before|after} {insert|update} on {t1|t2} for each row execute function f()
drop trigger tr on {t1|t2}
alter table {t1|t2} {disable|enable|enable always} trigger tr
create or replace rule r as on delete to {t1|t2} do {instead nothing|also notify x}
drop rule r on {t1|t2}
alter type mood add value {'glad'|'mad' before 'sad'}
alter type mood rename value {'sad' to 'bad'|'bad' to 'sad'}
create type {mood2} as enum ({'a'|'b'})
create type pair as ({x int|y int}, z text)
drop type {mood2|pair} cascade
create domain dom as {int|text} {not null|default null|check (value is not null)}
drop domain dom cascade
create type rng as range (subtype = {int|float8})
drop type rng cascade
create sequence {s1|s2} {increment 2|start 5|maxvalue 100|cycle|cache 7| }
alter sequence {s1|s2} {increment 1|increment 2|owned by t1.a|owned by none|as int|as bigint|cycle|no cycle}
drop sequence {s1|s2} cascade
comment on {table t1|column t1.a|function f()|type mood|sequence s1|schema public} is {'hello'|'bye'|null}
grant {select|insert} on {t1|t2|s1} to {public|reader}
revoke {select|insert} on {t1|t2|s1} from {public|reader}
revoke all on {t1|s1} from postgres
grant all on {t1|s1} to postgres
grant {select|update} (a) on t1 to reader
revoke {select|update} (a) on t1 from reader
{grant|revoke} execute on function f() {to|from} reader
alter table {t1|s1} owner to {reader|postgres}
create policy po on {t1|t2} {for select|as restrictive|} to {public|reader} using ({true|a > 1})
drop policy po on {t1|t2}
create table p1 partition of parted for values in ({1|2})
alter table parted detach partition p1
alter table parted attach partition p1 for values in ({1|2})
create index on parted (b)
create statistics {st} {(ndistinct)|(dependencies)| } on a, b from {t1|t2}
drop statistics st
create schema {app|aux}
drop schema {app|aux} cascade
create table app.t1 (a int, {b mood|b text})
alter table {t1|app.t1} set schema {app|public}
create table kid () inherits ({t1|t2})
drop table kid
alter table kid {inherit t1|no inherit t1|add column own int|drop column own}
create collation {co} (locale = 'C')
drop collation co
create cast (mood as int) {with inout|with inout as assignment}
drop cast (mood as int)
create text search configuration tc (copy = simple)
alter text search configuration tc {drop mapping for email|add mapping for email with simple|alter mapping for email with english_stem}
drop text search configuration tc
create operator {===} (leftarg = int, rightarg = int, function = int4eq {, commutator = ===| })
drop operator === (int, int)
alter default privileges {grant|revoke} select on tables {to|from} reader
create publication pub for {table t1|table t2|all tables}
drop publication pub
create extension {citext|hstore}
drop extension {citext|hstore} cascade
create event trigger et on ddl_command_end execute function ef()
alter event trigger et {disable|enable}
drop event trigger et
create or replace function ef() returns event_trigger language plpgsql as 'begin end'
create foreign data wrapper w
create server sv foreign data wrapper w {options (host 'a')|type 'x'| }
create foreign table ft (a int {options (n 'x')| }) server sv {options (m 'y')| }
drop foreign data wrapper w cascade`, "\n")

var choice = regexp.MustCompile(`\{[^{}]*\}`)

// statementOf draws the choices of a form.
func statementOf(t *rapid.T, form string) string {
	return choice.ReplaceAllStringFunc(form, func(choices string) string {
		return rapid.SampledFrom(strings.Split(choices[1:len(choices)-1], "|")).Draw(t, "choice")
	})
}
