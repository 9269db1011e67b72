package client

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
	"github.com/syndicate/syndicate/spec"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// A dump that is called off leaves what was there, and nothing else.
func TestDumpCalledOff(t *testing.T) {
	to := pgtest.Database(t)
	pgtest.Exec(t, to, "create table kept (id int)")
	lock := pgtest.Dial(t, to)
	tx, err := lock.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "lock table kept in access exclusive mode"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "old.dump")
	if err := os.WriteFile(file, []byte("the old one"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	called := errors.New("called off")
	go func() {
		for pgtest.Query(t, to, "select count(*)::text from pg_locks where not granted and relation = 'kept'::regclass") == "0" {
		}
		cancel(called)
	}()
	_, err = Dump(ctx, DumpConfig{Target: Target{Endpoint: to, Environ: os.Environ()}, Format: "custom", File: file})
	if !errors.Is(err, called) {
		t.Errorf("err = %v, want %v", err, called)
	}
	text, err := os.ReadFile(file)
	entries, _ := os.ReadDir(dir)
	if err != nil || string(text) != "the old one" || len(entries) != 1 {
		t.Errorf("the file has %q, %v; the directory %v", text, err, entries)
	}
}

func TestEnvironment(t *testing.T) {
	to, err := pg.ParseURL(spec.Sensitive("postgres://app:s3cret@db/shop?sslmode=disable"))
	if err != nil {
		t.Fatal(err)
	}
	env := Target{Endpoint: to, Unlimited: true, Environ: []string{"PATH=/bin", "PGPASSWORD=other", "PGOPTIONS=-c geqo=off"}}.environ("x")
	slices.Sort(env)
	want := []string{"PATH=/bin", "PGAPPNAME=x", "PGOPTIONS=-c geqo=off -c statement_timeout=0", "PGPASSWORD=s3cret"}
	if !slices.Equal(env, want) {
		t.Errorf("%q, want %q", env, want)
	}
	without, err := pg.ParseURL(spec.Sensitive("postgres://app@db/shop"))
	if err != nil {
		t.Fatal(err)
	}
	env = Target{Endpoint: without, Environ: []string{"PGPASSFILE=/x"}}.environ("x")
	if !slices.Equal(env, []string{"PGPASSFILE=/x", "PGAPPNAME=x"}) {
		t.Errorf("without a password: %q", env)
	}
}

func TestExtensionsAreLeftOut(t *testing.T) {
	have := map[string]bool{"pg_trgm": true, "uuid-ossp": true}
	for line, want := range map[string]bool{
		"2; 3079 16385 EXTENSION - pg_trgm \n":                  true,
		"2; 3079 16385 EXTENSION - hstore \n":                   false,
		"3351; 0 0 COMMENT - EXTENSION pg_trgm \n":              true,
		"3351; 0 0 COMMENT - EXTENSION \"uuid-ossp\" \n":        true,
		"3352; 0 0 COMMENT public TABLE pg_trgm main\n":         false,
		"215; 1259 16466 TABLE public words main\n":             false,
		";     dbname: EXTENSION - pg_trgm\n":                   false,
		"3343; 0 16466 TABLE DATA public EXTENSION pg_trgm x\n": false,
	} {
		if got := ofExtension(line, have); got != want {
			t.Errorf("%q: %v, want %v", line, got, want)
		}
	}
}

func TestKindsOfFiles(t *testing.T) {
	dir := t.TempDir()
	for name, test := range map[string]struct {
		text    string
		archive bool
		wrong   string
	}{
		"custom": {"PGDMP\x01\x0e\x00rest", true, ""},
		"sql":    {"-- a dump\nselect 1;\n", false, ""},
		"gzip":   {"\x1f\x8b\x08\x00", false, "gunzip it first"},
		"empty":  {"", false, "is empty"},
		"binary": {"ELF\x00\x01", false, "neither a dump"},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		archive, err := isArchive(path)
		if archive != test.archive || (err != nil) != (test.wrong != "") || err != nil && !strings.Contains(err.Error(), test.wrong) {
			t.Errorf("%s: %v, %v", name, archive, err)
		}
	}
	if _, err := isArchive(dir); err == nil || !strings.Contains(err.Error(), "is no file") {
		t.Errorf("a directory: %v", err)
	}
}

// Owners go with the dump where that is asked for; else all of it belongs to
// whoever restores.
func TestOwners(t *testing.T) {
	from := pgtest.Database(t)
	pgtest.Exec(t, from, "create role other; create table theirs (id int); alter table theirs owner to other")
	file := filepath.Join(t.TempDir(), "it.dump")
	if _, err := Dump(t.Context(), DumpConfig{Target: Target{Endpoint: from, Environ: os.Environ()}, Format: "custom", File: file}); err != nil {
		t.Fatal(err)
	}
	const owner = "select tableowner::text from pg_tables where tablename = 'theirs'"
	for owners, want := range map[bool]string{true: "other", false: "postgres"} {
		to := pgtest.Database(t)
		done, err := Restore(t.Context(), RestoreConfig{Target: Target{Endpoint: to, Environ: os.Environ()}, File: file, Owners: owners})
		if err != nil || done.Tables != 1 {
			t.Fatalf("%+v, %v", done, err)
		}
		if got := pgtest.Query(t, to, owner); got != want {
			t.Errorf("owners %v: the table is %s's, want %s", owners, got, want)
		}
		pgtest.Exec(t, to, "drop table theirs")
	}
	pgtest.Exec(t, from, "drop table theirs; drop role other")
}
