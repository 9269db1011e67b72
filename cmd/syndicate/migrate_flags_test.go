package main

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
	"github.com/syndicate/syndicate/view"
)

// Every command of migrate has --json and --dry-run, which writes nothing:
// neither into the database nor into the directory.
func TestMigrateDryRuns(t *testing.T) {
	p := newMigrateProject(t)
	p.whileRunning(t, func(to pg.Endpoint) {
		p.run(t, exitDone, []string{"migrate", "up", "1"})
		p.write(t, "sql/000001_a.up.sql", "create table a (id int primary key); -- edited")
		for _, test := range []struct {
			args string
			code int
			says string
		}{
			{"status", exitDiffers, "000001_a  edited"},
			{"up", exitDiffers, "was edited after it was applied"},
			{"down", exitDone, "\nselect 1;"},
			{"goto 1", exitDone, "nothing to do"},
			{"new c", exitDone, "sql/000003_c.up.sql, empty, would be created\n"},
			{"force 2", exitDone, "VALUES (2, 'b', 'adopted'"},
			{"repair", exitDone, "'accepted'"},
			{"verify", exitDone, "in a server that is started for it and thrown away:\n  000001_a.up.sql\n  000001_a.down.sql\n  000001_a.up.sql\n  000002_b.up.sql\n  000002_b.down.sql\n  000002_b.up.sql\n  000002_b.down.sql\n  000001_a.down.sql\n"},
			{"verify --on postgres://postgres@127.0.0.1:1/a", exitDone, "of 127.0.0.1:1, which is made for it and dropped:\n  000001_a.up.sql\n"},
			{"check", exitDiffers, "was edited after it was applied"},
			{"check --accept", exitDiffers, "/* the schema, in "},
		} {
			before := p.holds(t, to)
			args := append([]string{"migrate"}, append(strings.Fields(test.args), "--dry-run")...)
			p.run(t, test.code, args, test.says)
			var told struct {
				Format string `json:"format_version"`
			}
			text := p.run(t, test.code, append(args, "--json"))
			if err := json.Unmarshal([]byte(text), &told); err != nil || told.Format == "" {
				t.Errorf("%s: %v\n%s", test.args, err, text)
			}
			if after := p.holds(t, to); after != before {
				t.Errorf("%s: there is\n%s\nthere was\n%s", test.args, after, before)
			}
		}
	})
	parser, err := kong.New(&root{}, silentSession().options()...)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(parser.Model.Children, func(n *kong.Node) bool { return n.Name == "migrate" })
	for _, c := range parser.Model.Children[i].Children {
		for _, name := range []string{"json", "dry-run", "database"} {
			if !slices.ContainsFunc(slices.Concat(c.AllFlags(false)...), func(f *kong.Flag) bool { return f.Name == name }) {
				t.Errorf("migrate %s has no --%s", c.Name, name)
			}
		}
	}
}

// holds says what is in the database and in the directory.
func (p *migrateProject) holds(t *testing.T, to pg.Endpoint) string {
	t.Helper()
	text := pgtest.Query(t, to, `select concat((select string_agg(relname, ' ' order by relname) from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace),
		(select string_agg(l::text, ' ' order by id) from syndicate_migrations l), (select string_agg(v::text, ' ') from schema_migrations v),
		(select string_agg(fingerprint || recorded_at, ' ') from syndicate_schema))`)
	files, err := filepath.Glob(filepath.Join(p.dir, "sql", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return text + "\n" + strings.Join(files, "\n")
}

// A database that cannot be asked, or tried, keeps nobody from seeing the
// others, and one that swallows what is sent is given up in time.
func TestMigrateLooksAtAllDatabases(t *testing.T) {
	hole, err := net.Listen("tcp", "127.0.0.1:0") // it accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hole.Close() }()
	p := newMigrateProject(t)
	text, err := os.ReadFile(p.config)
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, "shop.hcl", "database \"dead\" {\n  url = \"postgres://a@"+hole.Addr().String()+"/a?sslmode=disable\"\n  migrations {\n    path = \"sql\"\n  }\n}\n"+string(text))
	p.run(t, exitDone, []string{"migrate", "up", "--database", "main"}, "2 applied")
	late := []string{"--timeout", "300ms"}
	p.run(t, exitFailed, append([]string{"migrate", "status"}, late...), "database.dead: not known", "database.main: at version 2, nothing pending",
		"connect to "+hole.Addr().String()+": it was not ready within 300ms")
	p.run(t, exitFailed, append([]string{"migrate", "check"}, late...), "database.dead: not known", "database.main: the schema is as it should be", "not ready within 300ms")
	var checked view.SchemaChecks
	out := p.run(t, exitFailed, append([]string{"migrate", "check", "--json"}, late...))
	if err := json.NewDecoder(bytes.NewReader([]byte(out))).Decode(&checked); err != nil || len(checked.Databases) != 2 || !strings.Contains(checked.Databases[0].Error, "not ready") {
		t.Errorf("%v\n%s", err, out)
	}
	p.write(t, "shop.hcl", strings.Replace(string(text), `path = "sql"`, `path = "sql"
  }
}

database "other" {
  managed {
    server = database.main
  }
  migrations {
    path = "other"`, 1))
	if err := os.Mkdir(filepath.Join(p.dir, "other"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.write(t, "other/1-a.up.sql", "select 1;")
	for _, name := range []string{"1_a", "2_b"} {
		p.write(t, "sql/00000"+name+".down.sql", "drop table "+name[2:])
	}
	p.run(t, exitFailed, []string{"migrate", "verify"}, "database.other: not verified", "database.main: 2 files on PostgreSQL", "each goes up, down and up again", "name it VERSION_NAME.up.sql")
}
