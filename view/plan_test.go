package view

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file below testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s\ngo test -run %s -update writes it anew", path, diff, t.Name())
	}
}

func placeAt(line int) spec.Range {
	p := spec.Pos{Line: line, Column: 1, Byte: 100 * line}
	return spec.Range{Filename: "quickstart.hcl", Start: p, End: p}
}

func block(kind spec.Kind, name string, line int) spec.Block {
	return spec.Block{Addr: spec.Addr{Kind: kind, Name: name}, Range: placeAt(line), Critical: true}
}

func argv(words ...string) []spec.Expr[string] {
	var list []spec.Expr[string]
	for _, w := range words {
		list = append(list, spec.Known(w))
	}
	return list
}

func databaseURL(line int) spec.EnvVar {
	refs := []spec.Ref{{Addr: spec.Addr{Kind: spec.KindDatabase, Name: "main"}, Attribute: "url"}}
	return spec.EnvVar{Name: "DATABASE_URL", Range: placeAt(line), Value: spec.Later("database.main.url", placeAt(line), refs,
		func(spec.Lookup) (spec.Text, error) { return spec.Text{}, nil })}
}

func needs(from, to, condition, reason string, line int) spec.Edge {
	f, _ := spec.ParseAddr(from)
	t, _ := spec.ParseAddr(to)
	return spec.Edge{From: f, To: t, Condition: condition, Soft: reason == "after", Reasons: []spec.Reason{{Text: reason, Range: placeAt(line)}}}
}

// quickstart is a system with one of most things.
func quickstart() *spec.System {
	db := &spec.Database{Block: block(spec.KindDatabase, "main", 3), Source: "managed",
		Managed:    &spec.Managed{Port: spec.Port{Auto: true}, Durability: "on", DataDir: "/sys/.syndicate/quickstart/pg/main"},
		Migrations: &spec.Migrations{Range: placeAt(6), Path: "/sys/migrations", OnUp: "apply"}}
	api := &spec.Service{Block: block(spec.KindService, "api", 16), Command: spec.Command{Argv: argv("./bin/api", "--verbose"), Dir: "/sys",
		Env: []spec.EnvVar{databaseURL(20), {Name: "SESSION_KEY", Value: spec.Known(spec.Sensitive("hunter2")), Range: placeAt(21)}}},
		Port: &spec.Port{Number: 8080}, Ready: &spec.Probe{Kind: spec.ProbeHTTP, Target: spec.Known("http://127.0.0.1:8080/healthz"), Deadline: 60e9},
		Restart: spec.Restart{On: "always", Limit: 5, Within: 60e9}, Start: spec.Start{Attempts: 3}, Stop: spec.Stop{Signal: "SIGTERM", Timeout: 10e9},
		Log: spec.Log{MaxSize: 50 * spec.Megabyte, Keep: 5}}
	worker := &spec.Service{Block: block(spec.KindService, "worker", 30), Command: spec.Command{Argv: argv("./bin/worker"), Dir: "/sys",
		Env: []spec.EnvVar{databaseURL(33)}}, Port: &spec.Port{Auto: true}}
	dash := &spec.Service{Block: block(spec.KindService, "dashboard", 40), Command: spec.Command{Argv: argv("npm run start"), Shell: true, Dir: "/sys"}}
	dash.Critical = false
	return &spec.System{
		Name: "quickstart", Dir: "/sys",
		Databases: []*spec.Database{db},
		Services:  []*spec.Service{api, dash, worker},
		Tasks: []*spec.Task{
			{Block: block(spec.KindTask, "report", 60), Run: "demand", Schedule: "*/15 * * * *", Timezone: "Europe/Berlin"},
			{Block: block(spec.KindTask, "seed", 50), Run: "up", Command: spec.Command{Argv: argv("psql", "-f", "seed file.sql"), Env: []spec.EnvVar{databaseURL(53)}}},
		},
		Thresholds: []*spec.Threshold{{Block: block(spec.KindThreshold, "memory", 70), Watch: spec.Metric{Addr: spec.Addr{Kind: spec.KindHost}, Name: "memory_used"}}},
		Unbuilt:    []spec.Feature{{Addr: spec.Addr{Kind: spec.KindThreshold, Name: "memory"}, Name: "threshold", Range: placeAt(70)}},
		Edges: []spec.Edge{
			needs("service.api", "database.main", "migrated", "env.DATABASE_URL", 20),
			needs("service.api", "task.seed", "completed", "depends_on", 24),
			needs("service.dashboard", "service.api", "ready", "after", 43),
			needs("service.worker", "database.main", "migrated", "env.DATABASE_URL", 33),
			needs("task.seed", "database.main", "migrated", "env.DATABASE_URL", 53),
		},
	}
}

func pendingFiles(n int) []plan.Migration {
	names := []string{"create_nodes", "node_id_repair", "node_id_index", "created_at_index", "documents", "documents_index", "grants", "audit"}
	var list []plan.Migration
	for i := range n {
		list = append(list, plan.Migration{Version: uint64(i + 1), Name: names[i]})
	}
	return list
}

func facts(l plan.Ledger) plan.Facts {
	main := spec.Addr{Kind: spec.KindDatabase, Name: "main"}
	return plan.Facts{
		Ledgers: map[spec.Addr]plan.Ledger{main: l},
		Databases: map[spec.Addr]plan.Found{main: {
			Notes:  []string{"managed PostgreSQL 15.18", "new, will be created empty"},
			Values: []plan.Value{{Name: "binaries", Text: "/usr/lib/postgresql/15/bin"}},
		}},
	}
}

func build(t testing.TB, sys *spec.System, f plan.Facts) *plan.Plan {
	t.Helper()
	p, diags := plan.Build(sys, f)
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	return p
}

// runs gives the facts of a system that runs as p says.
func runs(f plan.Facts, p *plan.Plan) plan.Facts {
	f.Running = &plan.Running{}
	for _, s := range p.Steps {
		u := s.Unit()
		u.State = "ready"
		f.Running.Units = append(f.Running.Units, u)
	}
	return f
}

// plans are the plans that the golden files show.
func plans(t testing.TB) map[string]*plan.Plan {
	first := facts(plan.Ledger{Source: plan.LedgerEmpty, Files: 8, Pending: pendingFiles(8)})
	unknown := facts(plan.Ledger{Source: plan.LedgerUnknown, Files: 3, Pending: pendingFiles(3), Note: "no answer within 2s"})
	recorded := facts(plan.Ledger{Source: plan.LedgerRecorded, Files: 3, Version: 3, Note: "as recorded when the server last ran"})
	before := build(t, quickstart(), recorded)
	changed := quickstart()
	changed.Services[0].Argv = argv("./bin/api", "-q")
	changed.Services[0].Env = changed.Services[0].Env[:1]
	changed.Services = changed.Services[:2]
	skip := quickstart()
	skip.Databases[0].Migrations.OnUp = "skip"
	left := facts(plan.Ledger{Source: plan.LedgerAsked, Files: 8, Version: 2, Pending: pendingFiles(8)[3:],
		Misfits: []plan.Misfit{{Version: 3, Name: "node_id_index", State: "edited", Code: "M101"}}})
	leftAlone := build(t, skip, left)
	leftAlone.Skipped[0].Lint = []plan.LintFinding{
		{Code: "L101", Severity: spec.Error, File: "000004_created_at_index.up.sql", Line: 1, Summary: "An index is built while writes wait"},
	}
	return map[string]*plan.Plan{
		"skip":         leftAlone,
		"skip-running": build(t, skip, runs(left, leftAlone)),
		"in-place":     inPlace(t, recorded),
		"first":        build(t, quickstart(), first),
		"unknown":      build(t, quickstart(), unknown),
		"unchanged":    build(t, quickstart(), runs(recorded, before)),
		"changed":      build(t, changed, runs(recorded, before)),
		"nothing":      build(t, &spec.System{Name: "nothing"}, plan.Facts{}),
	}
}

// inPlace is a plan that restarts nothing: policies, what is waited for and
// settings change, and a person stopped two services.
func inPlace(t testing.TB, f plan.Facts) *plan.Plan {
	f = runs(f, build(t, quickstart(), f))
	f.Running.Settings = plan.Settings(quickstart(), nil)
	for i := range f.Running.Units {
		switch u := &f.Running.Units[i]; u.ID {
		case "service.dashboard":
			u.State, u.Held = "stopped", "by anna at 12:03:10"
		case "service.worker":
			u.State, u.Held = "stopped", "by root at 12:05:00"
		}
	}
	sys := quickstart()
	sys.Parallelism = 4
	sys.Services[0].Restart.Limit = 9
	sys.Services[0].Stop.Timeout = 20e9
	sys.Services[2].Argv = argv("./bin/worker", "--fast")
	sys.Edges[3] = needs("service.worker", "database.main", "ready", "depends_on", 33)
	return build(t, sys, f)
}

func TestPlanText(t *testing.T) {
	for name, p := range plans(t) {
		t.Run(name, func(t *testing.T) {
			for suffix, o := range map[string]PlanOptions{"": {}, "-verbose": {Verbose: true}, "-narrow": {Width: 60}} {
				var b bytes.Buffer
				if err := PlanText(&b, p, o); err != nil {
					t.Fatal(err)
				}
				if o.Width == 0 && strings.Contains(strings.ReplaceAll(b.String(), "… ", ""), "…") { // "… 3 more" counts
					t.Errorf("something is cut though there is no limit:\n%s", b.String())
				}
				for line := range strings.Lines(b.String()) {
					if n := ansi.StringWidth(strings.TrimSuffix(line, "\n")); o.Width > 0 && n > o.Width && !strings.HasPrefix(line, "Plan: ") {
						t.Errorf("%d columns, at most %d: %s", n, o.Width, line)
					}
				}
				golden(t, "plan-"+name+suffix+".txt", b.Bytes())
			}
		})
	}
}

func TestPlanTextColoursOnlyWhenTold(t *testing.T) {
	p := plans(t)["changed"]
	var plain, coloured bytes.Buffer
	if err := PlanText(&plain, p, PlanOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := PlanText(&coloured, p, PlanOptions{Colour: true}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(plain.String(), "\x1b") {
		t.Error("colour without being told")
	}
	if diff := cmp.Diff(plain.String(), ansi.Strip(coloured.String())); diff != "" || coloured.Len() == plain.Len() {
		t.Errorf("the text differs with colours:\n%s", diff)
	}
}

func TestPlanTextIsHarmless(t *testing.T) {
	sys := quickstart()
	sys.Services[0].Argv = argv("sh", "-c", "\x1b[31mred\x07\u202etxt.exe")
	sys.Services[0].Env = []spec.EnvVar{{Name: "A\x1b[2J", Value: spec.Known(spec.Plain("b\x9b2J\nc"))}}
	sys.Edges[0].Reasons[0].Text = "env.\x1b]0;title\x07"
	p := build(t, sys, plan.Facts{})
	for _, verbose := range []bool{false, true} {
		var b bytes.Buffer
		if err := PlanText(&b, p, PlanOptions{Verbose: verbose}); err != nil {
			t.Fatal(err)
		}
		if i := strings.IndexAny(b.String(), "\x1b\x07\u202e\u009b"); i >= 0 {
			t.Errorf("control character in %q", b.String()[max(0, i-20):i+5])
		}
	}
}

func TestPlanJSON(t *testing.T) {
	for _, name := range []string{"first", "changed", "in-place", "nothing"} {
		var b bytes.Buffer
		if err := PlanJSON(&b, plans(t)[name]); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "hunter2") {
			t.Error("a secret is shown")
		}
		golden(t, "plan-"+name+".json", b.Bytes())
	}
}

func TestPlanTextReportsAFailedWrite(t *testing.T) {
	full := writerFunc(func([]byte) (int, error) { return 0, fmt.Errorf("no space left") })
	if err := PlanText(full, plans(t)["first"], PlanOptions{}); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("error %v, want that of the writer", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// Why a step will fail is for reading and its commands are for copying: they
// are whole also on a terminal.
func TestPlanTextCutsNoProblem(t *testing.T) {
	f := facts(plan.Ledger{Source: plan.LedgerEmpty})
	command := "apt-get install -y --no-install-recommends postgresql-14 and-something-that-is-long"
	for addr, found := range f.Databases {
		found.Problem = "version 14 is not installed\ninstall it with:\n" + command
		f.Databases[addr] = found
	}
	var b bytes.Buffer
	if err := PlanText(&b, build(t, quickstart(), f), PlanOptions{Width: 60}); err != nil {
		t.Fatal(err)
	}
	if want := "\n      ! version 14 is not installed\n        install it with:\n        " + command + "\n"; !strings.Contains(b.String(), want) {
		t.Errorf("got\n%s", b.String())
	}
}
