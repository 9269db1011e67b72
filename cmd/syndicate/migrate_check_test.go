package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/engine"
	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
	"github.com/syndicate/syndicate/view"
)

// One story of a schema: as it should be, changed by hand, mended, accepted.
func TestMigrateCheck(t *testing.T) {
	p := newMigrateProject(t)
	check := []string{"migrate", "check"}
	p.run(t, exitFailed, check, "there is no database yet", " migrate up creates it")
	p.whileRunning(t, func(to pg.Endpoint) {
		p.run(t, exitDone, []string{"migrate", "up"}, "2 applied")
		p.run(t, exitDone, check, "warning: table b has no primary key (C205)", "ALTER TABLE public.b ADD PRIMARY KEY USING INDEX b_pkey;", "the schema is as it should be, with 1 warning\n")

		pgtest.Exec(t, to, "create index b_idx on b (id); alter table a alter id type bigint")
		p.run(t, exitDiffers, check,
			"error: column a.id: type was integer, is bigint (C111)\n    ALTER TABLE public.a ALTER COLUMN id TYPE integer USING id::integer;\n",
			"error: index b_idx is there now (C111)\n    DROP INDEX CONCURRENTLY public.b_idx;\n",
			"the schema is not as it should be: 2 errors, 1 warning")
		var report view.SchemaChecks
		if err := json.Unmarshal([]byte(p.run(t, exitDiffers, append(check, "--json"))), &report); err != nil {
			t.Fatal(err)
		}
		if d := report.Databases[0]; d.Recorded == nil || len(d.Findings) != 3 || d.Findings[0].Expected != "integer" || d.Findings[0].Found != "bigint" {
			t.Errorf("%+v", d)
		}
		pgtest.Exec(t, to, "drop index b_idx")
		p.run(t, exitDiffers, check, ": 1 error")
		p.run(t, exitDone, append(check, "--accept"), "recorded as it is now")
		p.run(t, exitDone, check, "with 1 warning")

		// A migration is no drift.
		p.migration(t, "000003_c", "create table c (id int primary key)")
		p.run(t, exitDone, []string{"migrate", "up"}, "1 applied")
		p.run(t, exitDone, check, "with 1 warning\n")
	})
	// The files, against the ledger.
	p.write(t, "sql/000001_a.up.sql", "create table a (id bigint primary key);")
	p.write(t, "sql/000002_b.down.sql", "drop table b;")
	p.run(t, exitDiffers, check,
		"000001_a.up.sql was edited after it was applied (", "(M101)\n    → take the edit back",
		"warning: "+filepath.Join(p.dir, "sql/000002_b.down.sql")+" was edited after its up file was applied (", "(M106)", ": 1 error, 2 warnings")
	p.run(t, exitDone, []string{"migrate", "repair", "--yes"}, "000001_a.up.sql counts as applied as it is now", "000002_b.down.sql counts as what undoes it")
	p.run(t, exitDone, check, "with 1 warning\n")
	// Declared, and on a server that is down: it is started for the question.
	p.declare(t, `  schema {
    table "a" {
      columns = { id = "int", name = "text" }
      indexes = ["a_idx"]
    }
    table "b" {
      not_null = ["id"]
    }
  }
`)
	p.run(t, exitDiffers, check,
		"error: column a.id is bigint, and is declared as int (C103)",
		"error: table a has no column name, which is declared as text (C102)", "ADD COLUMN name text;",
		"error: table a has no index a_idx (C105)",
		"error: column b.id may be null, and is declared as NOT NULL (C104)")
	p.run(t, exitUsage, append(check, "--database", "other"), "there is main")
}

// declare puts text into the database's block.
func (p *migrateProject) declare(t *testing.T, block string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, "shop.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, "shop.hcl", strings.Replace(string(text), "  migrations {", block+"  migrations {", 1))
}

// whileRunning calls do with the server of the project running.
func (p *migrateProject) whileRunning(t *testing.T, do func(pg.Endpoint)) {
	t.Helper()
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
	}, func(_ context.Context, to pg.Endpoint) error {
		do(to)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
