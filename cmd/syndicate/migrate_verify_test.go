package main

import (
	"encoding/json"
	"testing"

	"github.com/syndicate/syndicate/view"
)

// What is wrong is named with its file, and does not hide what comes after.
func TestMigrateVerify(t *testing.T) {
	p := newMigrateProject(t) // its down files undo nothing
	p.write(t, "sql/000003_c.up.sql", "create index a_idx on a (id);")
	p.write(t, "sql/000003_c.down.sql", "drop index\n  a_ix;")
	verify := []string{"migrate", "verify"}
	p.run(t, exitFailed, verify,
		"000001_a.down.sql: error: it does not undo 000001_a.up.sql (V104)\n    table a is left behind\n",
		`000001_a.up.sql: error: it cannot be applied again after its down file: relation "a" already exists (SQLSTATE 42P07) (V105)`,
		"most likely for what its down file left behind",
		`000003_c.down.sql: error: it cannot be undone: index "a_ix" does not exist (SQLSTATE 42704) (V103)`,
		"database.main: 3 files on PostgreSQL", ": 5 errors")

	var report view.Verification
	text := p.run(t, exitFailed, append(verify, "--json"))
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		t.Fatal(err)
	}
	d := report.Databases[0]
	if d.Files != 3 || d.Verified != 3 || len(d.Findings) != 5 || d.Findings[0].Differences[0] != "table a is left behind" || d.PostgreSQL == 0 {
		t.Errorf("%+v", d)
	}

	for name, down := range map[string]string{"000001_a": "drop table a", "000002_b": "drop table b", "000003_c": "drop index a_idx"} {
		p.write(t, "sql/"+name+".down.sql", down)
	}
	p.run(t, exitDone, verify, "database.main: 3 files on PostgreSQL", "each goes up, down and up again, and all of them down")
	p.write(t, "sql/000004_d.up.sql", "create table d (id int);\nselect nothing;")
	p.write(t, "sql/000004_d.down.sql", "drop table d;")
	p.write(t, "sql/000005_e.up.sql", "create table e (id int);")
	p.run(t, exitFailed, verify, `000004_d.up.sql:2:8: error: it cannot be applied: column "nothing" does not exist (SQLSTATE 42703) (V101)`,
		"5 files", "1 error", "1 file not looked at")
	p.write(t, "sql/4-d.up.sql", "")
	p.run(t, exitFailed, verify, "it would be passed over", "4_d.up.sql")
}
