package lint

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// What was parsed once needs no grammar.
func TestCache(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"CREATE TABLE a (b int)", "CREATE TABEL"} {
		first := &Parser{Dir: dir}
		want, wantErr := first.parseFile(text)
		again := &Parser{Dir: dir}
		got, err := again.parseFile(text)
		if again.Loaded() || !first.Loaded() {
			t.Errorf("%s: loaded %v and then %v", text, first.Loaded(), again.Loaded())
		}
		if len(got) != len(want) || (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
			t.Errorf("%s: %v, %v, then %v, %v", text, want, wantErr, got, err)
		}
	}
	// What is broken there is parsed anew, and what cannot be written is
	// no error.
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f, info.Mode(), err)
		}
		if err := os.WriteFile(f, []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := &Parser{Dir: dir}
	if got, err := p.parseFile("CREATE TABLE a (b int)"); err != nil || len(got) != 1 || !p.Loaded() {
		t.Errorf("%v, %v", got, err)
	}
	p = &Parser{Dir: filepath.Join(files[0], "none")}
	if got, err := p.parseFile("CREATE TABLE a (b int)"); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
}

// What was found once is found again without a look, unless something of it
// is another.
func TestFindingsAreKept(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Migrations: []Migration{{Version: 1, Up: Source{"1_a.up.sql", "CREATE INDEX ON t (a); -- syndicate: allow L101 x"}, Look: true}}}
	want := Check(&Parser{Dir: dir}, cfg)
	again := &Parser{Dir: dir}
	if got := Check(again, cfg); again.Loaded() || !slices.Equal(codesOf(got), codesOf(want)) || got.Findings[0].Safe != want.Findings[0].Safe {
		t.Errorf("got %+v, want %+v", got, want)
	}
	cfg.Migrations[0].Down = &Source{"1_a.down.sql", "SELECT 1;"}
	if got := Check(again, cfg); slices.Equal(codesOf(got), codesOf(want)) {
		t.Errorf("with a down file: %q", codesOf(got))
	}
	old := filepath.Join(dir, "old.json")
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-2*keepFor)); err != nil {
		t.Fatal(err)
	}
	cfg.Separate = true
	Check(&Parser{Dir: dir}, cfg)
	if _, err := os.Stat(old); err == nil {
		t.Error("what is old stays")
	}
}

// Where nobody wants findings the grammar stays where it is.
func TestNothingToLookAt(t *testing.T) {
	p := &Parser{}
	got := Check(p, Config{Migrations: []Migration{{Version: 1, Up: Source{"1_a.up.sql", "CREATE INDEX ON t (a)"}}}})
	if p.Loaded() || len(got.Findings)+len(got.Accepted) > 0 {
		t.Errorf("loaded %v, found %+v", p.Loaded(), got)
	}
}

// What is nested too deeply is said so, and never reaches the grammar, which
// would not come back. What is just within goes through.
func TestDeepNesting(t *testing.T) {
	for name, nested := range map[string]func(n int) string{
		"parentheses": func(n int) string { return strings.Repeat("(", n) + "1" + strings.Repeat(")", n) },
		"operators":   func(n int) string { return "1" + strings.Repeat("+1", n) },
		"not":         func(n int) string { return strings.Repeat("NOT ", n) + "true" },
		"functions":   func(n int) string { return strings.Repeat("f(", n) + "1" + strings.Repeat(")", n) },
		"queries":     func(n int) string { return strings.Repeat("(SELECT ", n) + "1" + strings.Repeat(")", n) },
		"cases":       func(n int) string { return strings.Repeat("CASE WHEN true THEN ", n) + "1" + strings.Repeat(" END", n) },
		"casts":       func(n int) string { return "1" + strings.Repeat("::int", n) },
		"arrays":      func(n int) string { return strings.Repeat("ARRAY[", n) + "1" + strings.Repeat("]", n) },
		"unions":      func(n int) string { return "1" + strings.Repeat(" UNION ALL SELECT 1, 2", n) },
		"joins":       func(n int) string { return "1 FROM t" + strings.Repeat(" JOIN t USING (a)", n) },
		"mixed":       func(n int) string { return strings.Repeat("f(1+NOT g(", n/4) + "1" + strings.Repeat("))", n/4) },
	} {
		t.Run(name, func(t *testing.T) {
			if got := codesOf(look("SELECT 1; SELECT " + nested(100000))); !slices.Equal(got, []string{"L804 1:11"}) {
				t.Errorf("deep: %q", got)
			}
			n := maxDepth
			for depth(nested(n)) > maxDepth {
				n--
			}
			if got := codesOf(look("SELECT " + nested(n))); got != nil {
				t.Errorf("%d: %q", n, got)
			}
		})
	}
}

// Of a large file the rows are passed over, and the rest is looked at.
func TestLargeFile(t *testing.T) {
	rows := strings.Repeat("INSERT INTO t VALUES (1, 2), (3, 4);\n", 2<<20/37)
	if got, want := codesOf(look(rows+"CREATE INDEX ON t (a);")), []string{fmt.Sprintf("L101 %d:1", strings.Count(rows, "\n")+1)}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := codesOf(look("UPDATE t SET a = 1 WHERE b IN (1" + strings.Repeat(", 1000000", 1<<20/9) + ")")); !slices.Equal(got, []string{"L804 1:1"}) {
		t.Errorf("got %q", got)
	}
}

func FuzzCheck(f *testing.F) {
	for _, r := range Rules() {
		f.Add(r.Wrong)
		f.Add(r.Right)
	}
	f.Add("ALTER TABLE ONLY a.b * ADD c int DEFAULT (1), ALTER d TYPE numeric USING f(d), DROP e;")
	f.Add("SELECT '\xff'; -- syndicate: allow L101\n\n;$a$")
	// To load the grammar takes longer than what one input may.
	if _, err := grammar.parseFile("SELECT 1"); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, found := range lookBoth(text, text).Findings {
			if found.At.Start.Line < 1 || found.At.Start.Byte > len(text) || found.At.End.Byte > len(text) || found.Detail == "" {
				t.Fatalf("%q gives %+v", text, found)
			}
		}
	})
}
