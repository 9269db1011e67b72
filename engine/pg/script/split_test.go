package script

import (
	"fmt"
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
		"string continued": {"select E'a'\n  '\\';' ; select 'b' 'c'; select 2", []int{1, 2, 2}},
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

// shape writes units in short: T(BEGIN: 2), A(1), R(3).
func shape(units []Unit) string {
	var all []string
	for _, u := range units {
		all = append(all, fmt.Sprintf("%c%d", " TAR"[u.Kind], len(u.Statements)))
	}
	return strings.Join(all, " ")
}

func TestUnits(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "-- nothing": "", "begin; commit": "",
		"create table a (id int); insert into a values (1);":                  "T2",
		"BEGIN; create table a (id int); COMMIT;":                             "T1",
		"start transaction; select 1; end;":                                   "T1",
		"begin isolation level serializable; select 1; commit work;":          "T1",
		"create function f() returns int as $$begin commit; end$$ language x": "T1",
		"do $$ begin perform 1; end $$":                                       "T1",
		"do $$ begin raise 'commit'; end $$":                                  "T1",
		"do $x$ begin commit; end $x$":                                        "R1",
		"select 1; do 'begin rollback; end'; vacuum":                          "T1 R1 A1",
		"select 'commit;'":                                                    "T1",
		"comment on table a is 'vacuum'":                                      "T1",
		"create index concurrently i on t (a)":                                "A1",
		"create unique index concurrently if not exists i on t (a)":           "A1",
		"drop index concurrently i":                                           "A1",
		"reindex (verbose) table concurrently t":                              "A1",
		"reindex table t":                                                     "T1",
		"reindex schema s":                                                    "A1",
		"refresh materialized view concurrently v":                            "T1",
		"alter table a detach partition b concurrently":                       "A1",
		"alter table a detach partition b":                                    "T1",
		"vacuum t":                                                            "A1",
		"analyze t":                                                           "T1",
		"cluster":                                                             "A1",
		"cluster t":                                                           "T1",
		"create database d":                                                   "A1",
		"drop tablespace d":                                                   "A1",
		"alter system set x = 1":                                              "A1",
		"alter database d set tablespace x":                                   "A1",
		"alter database d set work_mem = '1MB'":                               "T1",
		"create subscription s connection 'x' publication p":                  "A1",
		"alter subscription s refresh publication":                            "A1",
		"call p()":                   "R1",
		"select 1; call p()":         "T2",
		"alter type e add value 'b'": "T1",
		"alter type e add value 'b'; alter type e add value 'c'; insert into t values ('b')":   "T2 T1",
		"create index concurrently a on t (a); create index concurrently b on t (b); vacuum t": "A1 A1 A1",
		"select 1; select 2; create index concurrently a on t (a); select 3":                   "T2 A1 T1",
		"begin; select 1; commit; select 2; select 3":                                          "T1 T2",
		"begin; select 1; commit; begin; select 2; commit":                                     "T1 T1",
		"begin; select 1; rollback; select 2":                                                  "R4",
		"begin; select 1; commit and chain; select 2; commit":                                  "R5",
		"begin; select 1":                                     "R2",
		"select 1; commit":                                    "R2",
		"prepare transaction 'x'":                             "R1",
		"begin; prepare transaction 'x';":                     "R2",
		"begin; savepoint a; select 1; rollback to a; commit": "T3",
		"prepare p as select 1":                               "T1",
		"(select 1)":                                          "T1",
		"'nonsense'":                                          "T1",
	} {
		if got := shape(Units(text, false)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	units := Units("-- a\nBEGIN ISOLATION LEVEL SERIALIZABLE;\n  select 1;\n/* b */ select 2;\nCOMMIT;", false)
	if len(units) != 1 || units[0].Begin != "BEGIN ISOLATION LEVEL SERIALIZABLE" || units[0].Text != "select 1;\n/* b */ select 2" || units[0].Offset != 43 {
		t.Errorf("%+v", units)
	}
	if got := shape(Units("select 1; begin; select 2; select 3; commit; select 4; call p()", true)); got != "A1 T2 A1 R1" {
		t.Errorf("each statement alone: %s", got)
	}
}

func TestCheck(t *testing.T) {
	for text, want := range map[string]string{
		"select 'a'": "", "select E'a\\'' -- \n": "", "/* /* */ */": "", "select $a$ $b$ $a$": "",
		"select 1;\nselect 'a;\n":    "line 2: the string",
		"select E'a\\'":              "line 1: the string",
		"\n\nselect \"a":             "line 3: the quoted name",
		"/* /* */":                   "line 1: the remark",
		"select 1;\ndo $a$ begin $$": "line 2: the body $a$",
		"select '$a$":                "line 1: the string",
	} {
		err := Check(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestTokens(t *testing.T) {
	var got []string
	for token := range Tokens("Create Index \"A\"\"b\" ON s.t (E'x\\'y' -- z\n, $$ $ $$);") {
		got = append(got, token.Text)
	}
	want := []string{"Create", "Index", "\"A\"\"b\"", "ON", "s", ".", "t", "(", "E'x\\'y'", ",", "$$ $ $$", ")", ";"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if name := (Token{Kind: Quoted, Text: "\"A\"\"b\""}).Name(); name != "A\"b" {
		t.Errorf("%q", name)
	}
}

// Whatever a text is: its statements lie in it in order, nothing but space,
// remarks and semicolons is between them, and the units have them all.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{
		"select 1; select 2", "do $$;$$", "/* /* */", "E'\\", "create function f() begin atomic; end;", "$a", "\"", "é;ü",
		"begin; vacuum; commit; alter type e add value 'x'; select 1", "select 'a'\n'b'; E'a'\n'\\''; call p()",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, line := 0, 0
		statements := Split(text)
		for _, s := range statements {
			if s.Text == "" || s.Line < line || s.Offset < at || text[s.Offset:s.Offset+len(s.Text)] != s.Text {
				t.Fatalf("%q gives %+v", text, s)
			}
			for token := range Tokens(text[at:s.Offset]) {
				if token.Text != ";" {
					t.Fatalf("%q: %q belongs to no statement", text, token.Text)
				}
			}
			at, line = s.Offset+len(s.Text), s.Line
		}
		for _, single := range []bool{false, true} {
			n := 0
			for _, u := range Units(text, single) {
				n += len(u.Statements)
			}
			for _, s := range statements {
				if controls(s) {
					n++
				}
			}
			if n < len(statements) {
				t.Fatalf("%q: the units have %d of %d statements", text, n, len(statements))
			}
		}
		_ = Check(text)
	})
}
