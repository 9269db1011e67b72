package catalog

import (
	"testing"

	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

// What a finding says about drift takes it back.
func TestUndo(t *testing.T) {
	const before = `
		create table t (a int primary key, b text default 'x', c int not null);
		create unique index i on t (b) where b <> '';
		create view v as select a from t;
		create function f() returns trigger language plpgsql as 'begin return new; end';
		create trigger tr before insert on t for each row execute function f();
		alter table t add constraint k check (a > 0);
		create schema "Odd"; create table "Odd"."T" ("A" int);`
	for name, change := range map[string]string{
		"added index":        "create index j on t (c)",
		"added view":         "create view w as select 1 as one",
		"added constraint":   "alter table t add constraint l check (c > 0)",
		"added trigger":      "create trigger tt before delete on t for each row execute function f()",
		"added function":     "create function g(int, text) returns int language sql as 'select 1'",
		"added rule":         "create rule r as on delete to t do instead nothing",
		"added policy":       "create policy p on t using (true)",
		"added odd":          `create index "J" on "Odd"."T" ("A"); alter table "Odd"."T" add constraint "K" check ("A" > 1)`,
		"removed index":      "drop index i",
		"removed view":       "drop view v",
		"removed constraint": "alter table t drop constraint k",
		"removed trigger":    "drop trigger tr on t",
		"changed type":       "alter table t alter c type bigint",
		"changed default":    "alter table t alter b drop default, alter c set default 3",
		"changed null":       "alter table t alter b set not null, alter c drop not null",
		"changed function":   "create or replace function f() returns trigger language plpgsql as 'begin return old; end'",
		"changed index":      "drop index i; create index i on t (b)",
		"changed odd":        `alter table "Odd"."T" alter "A" type bigint`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := pgtest.Database(t)
			pgtest.Exec(t, to, before)
			was := schema(t, to)
			pgtest.Exec(t, to, change)
			conn := pgtest.Dial(t, to)
			for _, d := range Diff(was, schema(t, to)) {
				for _, statement := range statementsOf(undo(d)) {
					if _, err := conn.Exec(t.Context(), statement); err != nil {
						t.Errorf("%s: %v", statement, err)
					}
				}
			}
			if left := Diff(was, schema(t, to)); len(left) > 0 {
				t.Errorf("%v is left", left)
			}
		})
	}
}
