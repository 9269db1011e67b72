package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/engine"
	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/migration"
	"github.com/syndicate/syndicate/view"
)

// migrateProject is a directory with a managed database and its migrations.
type migrateProject struct {
	dir    string
	config string
}

// newMigrateProject makes one where the server's user can reach its data
// also when the tests run as root.
func newMigrateProject(t *testing.T) *migrateProject {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "syn-migrate-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	p := &migrateProject{dir: dir, config: filepath.Join(dir, "shop.hcl")}
	p.write(t, "shop.hcl", fmt.Sprintf(`
database "main" {
  managed {
    port     = "auto"
    data_dir = %q
  }
  migrations {
    path = "sql"
  }
}
`, filepath.Join(dir, "data", "main")))
	if err := os.Mkdir(filepath.Join(dir, "sql"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.migration(t, "000001_a", "create table a (id int primary key);")
	p.migration(t, "000002_b", "create table b (id int);")
	return p
}

func (p *migrateProject) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (p *migrateProject) migration(t *testing.T, name, up string) {
	t.Helper()
	p.write(t, "sql/"+name+".up.sql", up)
	p.write(t, "sql/"+name+".down.sql", "select 1;")
}

// run runs one command line and fails unless it ends with code and says all
// of want, on either stream. It returns what stdout got.
func (p *migrateProject) run(t *testing.T, code int, args []string, want ...string) string {
	t.Helper()
	var texts [2]string
	var files [2]*os.File
	for i := range files {
		f, err := os.CreateTemp(t.TempDir(), "stream")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		files[i] = f
	}
	s := newSession(strings.NewReader(""), files[0], files[1])
	got := s.report(execute(s, append([]string{"-f", p.config}, args...)))
	for i, f := range files {
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(text)
	}
	if got != code {
		t.Errorf("%v: exit code %d, want %d\n%s%s", args, got, code, texts[0], texts[1])
	}
	for _, w := range want {
		if !strings.Contains(texts[0]+texts[1], w) {
			t.Errorf("%v: %q is not in\n%s%s", args, w, texts[0], texts[1])
		}
	}
	return texts[0]
}

// One story of a database: never started, migrated, broken, mended.
func TestMigrateWithoutARunningSystem(t *testing.T) {
	p := newMigrateProject(t)
	up, status := []string{"migrate", "up"}, []string{"migrate", "status"}

	p.run(t, exitPending, status, "database.main: nothing applied, 2 pending", "000002_b  pending")
	if _, err := os.Stat(filepath.Join(p.dir, "data")); err == nil {
		t.Fatal("asking for the status made the data directory")
	}
	p.run(t, exitDone, []string{"migrate", "up", "1"}, "000001_a applied in", "1 applied; at version 1, 1 pending")
	p.run(t, exitPending, status, "at version 1, 1 pending")

	p.migration(t, "000002_b", "create table b (id int);\ninsert into a values (1), (1);")
	p.run(t, exitFailed, up, "000002_b.up.sql:2: duplicate key", "nothing of this file was done", "Try: syndicate -f "+p.config+" migrate status")
	p.run(t, exitPending, status, "at version 1, 1 pending")

	p.migration(t, "000002_b", "vacuum a;\nvacuum no_table;")
	p.run(t, exitFailed, up, "000002_b.up.sql:2: relation \"no_table\" does not exist", "1 of its 2 steps is done", "run up again")
	var found view.Migrations
	text := p.run(t, exitDiffers, append(status, "--json"))
	if err := json.Unmarshal([]byte(text), &found); err != nil || len(found.Databases) != 1 {
		t.Fatalf("%v\n%s", err, text)
	}
	d := found.Databases[0]
	if found.FormatVersion != view.MigrationsFormat || !d.Dirty || d.Version == nil || *d.Version != 2 || d.Files[1].State != "half done" ||
		len(d.Warnings) != 1 || d.Warnings[0].Code != "M108" || !strings.Contains(d.Warnings[0].Remedy, "run: syndicate -f "+p.config+" migrate up") {
		t.Errorf("%+v", found)
	}

	p.run(t, exitDone, []string{"plan"}, "goes on with version 2, which is half done", "+ 2 b")

	p.write(t, "sql/3-oops.sql", "select 1;")
	p.run(t, exitFailed, status, "3-oops.sql", "such as 3_oops.up.sql")
	p.run(t, exitUsage, append(status, "--database", "other"), "there is main")
}

// A system that runs already is used and not started a second time.
func TestMigrateOfARunningSystem(t *testing.T) {
	p := newMigrateProject(t)
	s := newSession(strings.NewReader(""), os.Stdout, os.Stderr)
	s.file = p.config
	loaded, err := s.load(demand{values: true})
	if err != nil {
		t.Fatal(err)
	}
	held, err := s.moveIn(loaded.System, p.config)
	if err != nil {
		t.Fatal(err)
	}
	defer held.leave()
	err = engine.Migrate(t.Context(), engine.MigrateConfig{
		System: loaded.System, Database: loaded.System.Databases[0], Life: held.life, Ports: held.ports,
	}, func(ctx context.Context, to pg.Endpoint) error {
		p.run(t, exitPending, []string{"migrate", "status"}, "2 pending")
		p.run(t, exitDone, []string{"migrate", "up"}, "2 applied; at version 2, nothing pending")
		ledger, err := migration.ReadLedger(ctx, to)
		if err == nil && ledger.Version != 2 {
			t.Errorf("the running server is at %+v", ledger)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if l, ok := migration.RecordedLedger(loaded.System.StateDir, "main"); !ok || l.Version != 2 {
		t.Errorf("recorded %+v, %v", l, ok)
	}
}
