package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/syndicate/syndicate/spec"
)

// at is a place in the file of a test.
func at(line int) spec.Range {
	p := spec.Pos{Line: line, Column: 1, Byte: line * 100}
	return spec.Range{Filename: "main.hcl", Start: p, End: p}
}

func addr(s string) spec.Addr {
	a, err := spec.ParseAddr(s)
	if err != nil {
		panic(err)
	}
	return a
}

func service(name string) *spec.Service {
	return &spec.Service{
		Block:   spec.Block{Addr: spec.Addr{Kind: spec.KindService, Name: name}, Critical: true, Range: at(1)},
		Command: spec.Command{Argv: []spec.Expr[string]{spec.Known("./" + name)}},
	}
}

func upTask(name string) *spec.Task {
	return &spec.Task{
		Block:   spec.Block{Addr: spec.Addr{Kind: spec.KindTask, Name: name}, Critical: true, Range: at(2)},
		Command: spec.Command{Argv: []spec.Expr[string]{spec.Known("./" + name)}},
		Run:     "up",
	}
}

func managed(name string) *spec.Database {
	return &spec.Database{
		Block:      spec.Block{Addr: spec.Addr{Kind: spec.KindDatabase, Name: name}, Critical: true, Range: at(3)},
		Source:     "managed",
		Managed:    &spec.Managed{Version: 15, Port: spec.Port{Auto: true}, Durability: "on"},
		Migrations: &spec.Migrations{Range: at(4), Path: "/sys/migrations", OnUp: "apply"},
	}
}

// edge reads "service.a → service.b ready env.B" with the line behind it.
func edge(line int, from, to, condition, reason string) spec.Edge {
	return spec.Edge{
		From: addr(from), To: addr(to), Condition: condition,
		Soft:    reason == "after",
		Reasons: []spec.Reason{{Text: reason, Range: at(line)}},
	}
}

// text prints the order of a plan: one line per step and one per need.
func text(p *Plan) string {
	var b strings.Builder
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "%d %s %s\n", s.Wave, s.Action, s.ID)
		for _, n := range s.Needs {
			soft := ""
			if n.Soft {
				soft = " (soft)"
			}
			fmt.Fprintf(&b, "    %s%s:", n, soft)
			for _, r := range n.Reasons {
				fmt.Fprintf(&b, " %s %s", r.Range, r.Text)
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func mustBuild(t testing.TB, sys *spec.System, facts Facts) *Plan {
	t.Helper()
	p, diags := Build(sys, facts)
	if len(diags) > 0 {
		t.Fatalf("Build: %v", diags)
	}
	return p
}

func equal(t *testing.T, got, want string) {
	t.Helper()
	if diff := cmp.Diff(strings.TrimLeft(want, "\n"), got); diff != "" {
		t.Errorf("(-want +got):\n%s\ngot:\n%s", diff, got)
	}
}

func TestBuildOrdersStepsByWaveWithReasons(t *testing.T) {
	sys := &spec.System{
		Name:      "shop",
		Services:  []*spec.Service{service("api"), service("cache"), service("web")},
		Tasks:     []*spec.Task{upTask("seed")},
		Databases: []*spec.Database{managed("main")},
		Edges: []spec.Edge{
			edge(12, "service.api", "database.main", "migrated", "env.DATABASE_URL"),
			edge(13, "service.api", "task.seed", "completed", "depends_on"),
			edge(20, "service.web", "service.api", "ready", "env.API_URL"),
			edge(21, "service.web", "service.cache", "ready", "after"),
			edge(22, "service.web", "service.api", "started", "depends_on"),
			edge(30, "task.seed", "database.main", "migrated", "env.DATABASE_URL"),
		},
	}
	p := mustBuild(t, sys, Facts{})
	equal(t, text(p), `
1 start database.main
1 start service.cache
2 start database.main.migrations
    database.main ready: main.hcl:4 migrations
3 start task.seed
    database.main migrated: main.hcl:30 env.DATABASE_URL
4 start service.api
    database.main migrated: main.hcl:12 env.DATABASE_URL
    task.seed completed: main.hcl:13 depends_on
5 start service.web
    service.api ready: main.hcl:20 env.API_URL
    service.api started: main.hcl:22 depends_on
    service.cache ready (soft): main.hcl:21 after
`)
	if got, want := strings.Join(p.CriticalPath, " "), "database.main database.main.migrations task.seed service.api service.web"; got != want {
		t.Errorf("critical path %q, want %q", got, want)
	}
}

func TestBuildMapsMigratedToReadyWithoutMigrations(t *testing.T) {
	for name, migrations := range map[string]*spec.Migrations{
		"none declared": nil,
		"skipped":       {Path: "/m", OnUp: "skip"},
	} {
		t.Run(name, func(t *testing.T) {
			db := managed("main")
			db.Migrations = migrations
			sys := &spec.System{
				Databases: []*spec.Database{db},
				Services:  []*spec.Service{service("api")},
				Edges: []spec.Edge{
					edge(5, "service.api", "database.main", "migrated", "env.A"),
					edge(6, "service.api", "database.main", "ready", "after"),
				},
			}
			equal(t, text(mustBuild(t, sys, Facts{})), `
1 start database.main
2 start service.api
    database.main ready: main.hcl:5 env.A main.hcl:6 after
`)
		})
	}
}

func TestBuildRunsABackupBeforeTheMigrations(t *testing.T) {
	sys := &spec.System{
		Databases: []*spec.Database{managed("main")},
		Tasks:     []*spec.Task{upTask("backup")},
		Edges: []spec.Edge{
			edge(5, "database.main", "task.backup", "completed", "depends_on"),
			edge(9, "task.backup", "database.main", "ready", "depends_on"),
		},
	}
	equal(t, text(mustBuild(t, sys, Facts{})), `
1 start database.main
2 start task.backup
    database.main ready: main.hcl:9 depends_on
3 start database.main.migrations
    database.main ready: main.hcl:4 migrations
    task.backup completed: main.hcl:5 depends_on
`)
}

// TestChosenPortsAreShown prints the numbers that were chosen, named ports
// included, by the keys that the engine keeps them under.
func TestChosenPortsAreShown(t *testing.T) {
	svc := service("api")
	svc.Port = &spec.Port{Auto: true}
	svc.Ports = map[string]spec.Port{"admin": {Auto: true}}
	for _, test := range []struct {
		ports       map[string]int
		port, admin string
	}{
		{map[string]int{"service.api": 12000, "service.api.admin": 12001}, "12000 (auto)", "12001 (auto)"},
		{nil, "auto", "auto"},
	} {
		p := mustBuild(t, &spec.System{Services: []*spec.Service{svc}}, Facts{Ports: test.ports})
		got := map[string]string{}
		for _, v := range p.Steps[0].Values {
			got[v.Name] = v.Text
		}
		if got["port"] != test.port || got["ports.admin"] != test.admin {
			t.Errorf("port %q, ports.admin %q", got["port"], got["ports.admin"])
		}
	}
}
