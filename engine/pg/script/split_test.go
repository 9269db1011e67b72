package script

import (
	"reflect"
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	for name, test := range map[string]struct {
		text  string
		lines []int
	}{
		"empty":            {"", nil},
		"only remarks":     {" -- a;\n/* b; /* c; */ d; */ ;;", nil},
		"two":              {"select 1;\nselect 2", []int{1, 2}},
		"after a remark":   {"-- one\n\nselect 1;-- x;y\n/*\n*/ select 2;", []int{3, 5}},
		"string":           {"select 'a;''b;\n';\nselect 2;", []int{1, 3}},
		"escape string":    {`select E'\';'; select 2;`, []int{1, 1}},
		"plain backslash":  {`select '\'; select 2;`, []int{1, 1}},
		"quoted name":      {`select ";""" from t; select 2`, []int{1, 1}},
		"dollar body":      {"do $$ begin; end $$;\nselect $a$ ; $$ ; $a$;", []int{1, 2}},
		"dollar parameter": {"prepare p as select $1; select 2", []int{1, 1}},
		"dollar in a name": {"select a$b from t; select c$b$ from t", []int{1, 1}},
		"parentheses":      {"create rule r as on insert to t do (select 1; select 2); select 3", []int{1, 1}},
		"begin atomic":     {"create function f() returns int begin atomic; select case when true then 1 end; select 2; end; select 3;", []int{1, 1}},
		"unclosed":         {"select 'a; select 2;", []int{1}},
		"unclosed body":    {"do $x$ ; ; ", []int{1}},
		"CRLF":             {"select 1;\r\nselect 2;\r\n", []int{1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			var lines []int
			for _, s := range Split(test.text) {
				lines = append(lines, s.Line)
			}
			if !reflect.DeepEqual(lines, test.lines) {
				t.Errorf("statements at %v, want %v", lines, test.lines)
			}
		})
	}
}

func TestAtomic(t *testing.T) {
	for text, want := range map[string]bool{
		"create table a (id int); insert into a values (1);":                  true,
		"BEGIN; create table a (id int); COMMIT;":                             true,
		"start transaction; select 1; end;":                                   true,
		"begin isolation level serializable; select 1; commit work;":          true,
		"create function f() returns int as $$begin commit; end$$ language x": true,
		"do $$ begin perform 1; end $$":                                       true,
		"select 'commit;'":                                                    true,
		"comment on table a is 'vacuum'":                                      true,
		"create index concurrently i on t (a)":                                false,
		"drop index concurrently i":                                           false,
		"begin; select 1; commit; select 2":                                   false,
		"begin; select 1; commit; begin; select 2; commit":                    false,
		"begin; select 1; rollback; select 2":                                 false,
		"begin; select 1; commit and chain; select 2; commit":                 false,
		"vacuum t": false, "reindex table t": false, "call p()": false, "cluster t": false,
		"do $$ begin commit; end $$": false, "do $$ begin call p(); end $$": false,
		"create database d": false, "alter system set x = 1": false,
		"(select 1)":                                          true,
		"select dblink_exec('x', 'y')":                        true, // what other servers do is theirs
		"prepare transaction 'x'":                             false,
		"vacuum t; select 1/0":                                true, // refused there
		"select 1; create index concurrently i on t (a)":      true,
		"do $$ begin commit; end $$; select 1":                true,
		"do $$ begin execute 'commit'; end $$":                false,
		"begin; savepoint a; select 1; rollback to a; commit": true,
		"prepare p as select 1":                               true,
		"'nonsense'":                                          false,
		"begin; prepare transaction 'x';":                     false,
	} {
		if got := Atomic(Split(text)); got != want {
			t.Errorf("Atomic(%q) = %v, want %v", text, got, want)
		}
	}
}

func FuzzSplit(f *testing.F) {
	for _, seed := range []string{"select 1; select 2", "do $$;$$", "/* /* */", "E'\\", "create function f() begin atomic; end;", "$a", "\"", "é;ü"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		last := 0
		for _, s := range Split(text) {
			if s.Text == "" || s.Line < last || !strings.Contains(text, s.Text) {
				t.Fatalf("%q gives %+v", text, s)
			}
			last = s.Line
		}
		Atomic(Split(text))
	})
}
