package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const declared = `
database "main" {
  managed {
    port     = "auto"
    data_dir = "data/main"
  }
  migrations {
    path = "sql"
  }
  schema {
    table "nodes" {
      columns  = { id = "int8", name = "TYPE" }
      not_null = ["name"]
      indexes  = ["nodes_name_idx"]
    }
  }
}

service "api" {
  command    = ["sleep", "1000"]
  depends_on = [database.main]
}
`

// newSchemaProject declares a column name of a type beside migrations that
// make it a text.
func newSchemaProject(t *testing.T, typ string) *project {
	t.Helper()
	p := newProject(t, strings.Replace(declared, "TYPE", typ, 1))
	if err := os.Mkdir(filepath.Join(p.dir, "sql"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.write("sql/1_nodes.up.sql", "create table nodes (id bigint primary key, name text not null); create index nodes_name_idx on nodes (name);")
	p.write("sql/1_nodes.down.sql", "drop table nodes;")
	return p
}

// What is declared is held against what the migrations made: at the start,
// where a breach undoes it, and again when the declaration changes.
func TestSchemaBreachFailsUp(t *testing.T) {
	p := newSchemaProject(t, "uuid")
	p.up()
	p.end(exitFailed)
	for _, want := range []string{"column nodes.name is text, and is declared as uuid (C103)", "database.main.migrations"} {
		if !strings.Contains(p.said(), want) {
			t.Errorf("%q is not in\n%s", want, p.said())
		}
	}

	config := p.text("main.hcl")
	p.write("main.hcl", strings.Replace(config, "uuid", "text", 1))
	if got := p.run(exitDone, "plan", "-v"); !strings.Contains(got, "id int8, name text, name not null, index nodes_name_idx") {
		t.Errorf("plan says\n%s", got)
	}
	p.up()
	p.until("everything is ready", func() bool { return strings.Contains(p.said(), "Ready in") })
	p.write("main.hcl", strings.Replace(config, `"uuid"`, `"text", born = "date"`, 1))
	got := p.run(exitFailed, "up")
	if !strings.Contains(got, "table nodes has no column born, which is declared as date (C102)") {
		t.Errorf("a change that breaks the declaration says\n%s", got)
	}
	if got := p.run(exitDone, "status"); !strings.Contains(got, "ready") || strings.Contains(got, "born") {
		t.Errorf("status after the change was taken back:\n%s", got)
	}
	p.write("main.hcl", strings.Replace(config, "{ id = \"int8\", name = \"uuid\" }", `{ name = "text" }`, 1))
	if got := p.run(exitDone, "up"); !strings.Contains(got, "schema.nodes") {
		t.Errorf("a change that holds says\n%s", got)
	}
	p.run(exitDone, "down")
	p.end(exitDone)
}
