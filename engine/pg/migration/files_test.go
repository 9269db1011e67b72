package migration

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/engine/pg/pgtest"
	"github.com/syndicate/syndicate/spec"
)

func TestFiles(t *testing.T) {
	const ok = "select 1;"
	for name, test := range map[string]struct {
		files map[string]string
		want  []string // versions and names
		tells []string // "error FILE: part of the detail"
	}{
		"in order of number":   {map[string]string{"10_b.up.sql": ok, "10_b.down.sql": ok, "9_a.up.sql": ok, "9_a.down.sql": ok}, []string{"9 a", "10 b"}, nil},
		"what is no migration": {map[string]string{"README.md": "x", ".keep": "", "1_a.up.sql~": "x", "1_a.up.sql": ok, "1_a.down.sql": ok}, []string{"1 a"}, nil},
		"down file missing":    {map[string]string{"1_a.up.sql": ok}, []string{"1 a"}, []string{"warning 1_a.up.sql: 1_a.down.sql"}},
		"up file missing":      {map[string]string{"1_a.down.sql": ok}, nil, []string{"error 1_a.down.sql: 1_a.up.sql"}},
		"duplicate version": {map[string]string{"1_a.up.sql": ok, "1_a.down.sql": ok, "001_b.up.sql": ok}, []string{"1 b"},
			[]string{"warning 1_a.down.sql: give both the same name", "error 1_a.up.sql: version 1 stands in 001_b.up.sql"}},
		"no direction":       {map[string]string{"000002_add_name.sql": ok}, nil, []string{"error 000002_add_name.sql: such as 000002_add_name.up.sql"}},
		"dash":               {map[string]string{"2-add-name.up.sql": ok}, nil, []string{"error 2-add-name.up.sql: such as 2_add_name.up.sql"}},
		"capitals":           {map[string]string{"2_Add.UP.SQL": ok}, nil, []string{"error 2_Add.UP.SQL: such as 2_add.up.sql"}},
		"no version":         {map[string]string{"add_name.down.sql": ok}, nil, []string{"error add_name.down.sql: such as 000001_add_name.down.sql"}},
		"no name":            {map[string]string{"3_.up.sql": ok}, nil, []string{"error 3_.up.sql: such as 3_change.up.sql"}},
		"taken by accident":  {map[string]string{"1_a.up.sql.bak": ok}, nil, []string{"error 1_a.up.sql.bak: taken for something else"}},
		"version too large":  {map[string]string{"99999999999999999999_a.up.sql": ok}, nil, []string{"error 99999999999999999999_a.up.sql: 9223372036854775807"}},
		"not UTF-8":          {map[string]string{"1_a.up.sql": "select 1;\nselect '\xff';", "1_a.down.sql": ok}, []string{"1 a"}, []string{"error 1_a.up.sql:2: not UTF-8"}},
		"byte order mark":    {map[string]string{"1_a.up.sql": "\xef\xbb\xbfselect 1", "1_a.down.sql": ok}, []string{"1 a"}, []string{"error 1_a.up.sql:1: byte order mark"}},
		"NUL":                {map[string]string{"1_a.up.sql": "select 1;\n\n\x00", "1_a.down.sql": ok}, []string{"1 a"}, []string{"error 1_a.up.sql:3: NUL"}},
		"unclosed string":    {map[string]string{"1_a.up.sql": "select 1;\nselect 'a;", "1_a.down.sql": ok}, []string{"1 a"}, []string{"error 1_a.up.sql:2: the string that begins here does not end"}},
		"unclosed body":      {map[string]string{"1_a.up.sql": "do $x$ $$", "1_a.down.sql": ok}, []string{"1 a"}, []string{"error 1_a.up.sql:1: the body $x$"}},
		"unclosed remark":    {map[string]string{"1_a.up.sql": "\n/* /* */", "1_a.down.sql": ok}, []string{"1 a"}, []string{"error 1_a.up.sql:2: the remark"}},
		"psql's command":     {map[string]string{"1_a.up.sql": "select 1;\n\\restrict x\n", "1_a.down.sql": ok}, []string{"1 a"}, []string{"error 1_a.up.sql:2: command of psql"}},
		"psql's data":        {map[string]string{"1_a.up.sql": "copy a (x) from stdin;\n1\n\\.\n", "1_a.down.sql": ok}, []string{"1 a"}, []string{"error 1_a.up.sql:1: write them as INSERT"}},
		"unknown directive":  {map[string]string{"1_a.up.sql": "select 1;\n-- syndicate: no-tx", "1_a.down.sql": ok}, []string{"1 a"}, []string{"error 1_a.up.sql:2: write one of allow, no-transaction, out-of-order"}},
		"nothing but remark": {map[string]string{"1_a.up.sql": "-- later\n/* or never */", "1_a.down.sql": ok}, []string{"1 a"}, []string{"warning 1_a.up.sql: no statement"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := migrationsDir(t, test.files)
			files, problems := Files(dir)
			if got := names(files); !reflect.DeepEqual(got, test.want) {
				t.Errorf("files %q, want %q", got, test.want)
			}
			if len(problems) != len(test.tells) {
				t.Fatalf("problems %v, want %q", problems, test.tells)
			}
			for i, want := range test.tells {
				start, detail, _ := strings.Cut(want, ": ")
				got := string(problems[i].Severity) + " " + strings.TrimPrefix(problems[i].String(), dir+"/")
				if !strings.HasPrefix(got, start+": ") || !strings.Contains(got, detail) {
					t.Errorf("problem %q, want %q", got, want)
				}
			}
		})
	}
}

func TestFilesWithoutDirectory(t *testing.T) {
	files, problems := Files(filepath.Join(t.TempDir(), "none"))
	if files != nil || len(problems) != 1 || problems[0].Severity != spec.Error || !strings.Contains(problems[0].Detail, "does not exist") {
		t.Errorf("%v, %v", files, problems)
	}
	at := spec.Range{Filename: "main.hcl", Start: spec.Pos{Line: 3}}
	if d := problems[0].Diagnostic("S700", at); d.Code != "S700" || d.Subject != at || d.Severity != spec.Error {
		t.Errorf("%+v", d)
	}
	_, err := Up(t.Context(), Config{Endpoint: pgtest.Database(t), Dir: filepath.Join(t.TempDir(), "none")}, 0)
	wantText(t, err, "read the migrations", "does not exist")
}

func TestLinkToNothing(t *testing.T) {
	dir := migrationsDir(t, map[string]string{"1_a.down.sql": "select 1"})
	if err := os.Symlink("gone.sql", filepath.Join(dir, "1_a.up.sql")); err != nil {
		t.Fatal(err)
	}
	if _, problems := Files(dir); len(problems) != 1 || !strings.Contains(problems[0].String(), "1_a.up.sql: it is a link to gone.sql, which does not exist") {
		t.Errorf("%v", problems)
	}
}

func TestRecordedLedger(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if l, ok := RecordedLedger(dir, "main"); ok {
		t.Errorf("there is a ledger: %+v", l)
	}
	want := Ledger{Version: 7, Dirty: true}
	if err := RecordLedger(dir, "main", want); err != nil {
		t.Fatal(err)
	}
	if got, ok := RecordedLedger(dir, "main"); !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, ok, want)
	}
	if err := os.WriteFile(ledgerFile(dir, "main"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if l, ok := RecordedLedger(dir, "main"); ok {
		t.Errorf("a broken file gives %+v", l)
	}
}
