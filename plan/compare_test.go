package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/spec"
)

// runningAs returns facts of a system that runs just as p planned it.
func runningAs(p *Plan) *Running {
	r := &Running{}
	for _, s := range p.Steps {
		state := "ready"
		if s.Kind == StepTask || s.Kind == StepMigrations {
			state = "completed"
		}
		r.Units = append(r.Units, RunningUnit{ID: s.ID, Digest: s.Digest, State: state, Values: s.Values})
	}
	return r
}

func shop() *spec.System {
	api, web := service("api"), service("web")
	api.Env = []spec.EnvVar{
		{Name: "MODE", Value: spec.Known(spec.Plain("fast"))},
		{Name: "PASSWORD", Value: spec.Known(spec.Sensitive("hunter2"))},
	}
	return &spec.System{
		Name:      "shop",
		Services:  []*spec.Service{api, web},
		Tasks:     []*spec.Task{upTask("seed")},
		Databases: []*spec.Database{managed("main")},
		Edges: []spec.Edge{
			edge(12, "service.api", "database.main", "migrated", "env.DATABASE_URL"),
			edge(13, "service.web", "service.api", "ready", "depends_on"),
			edge(14, "task.seed", "database.main", "migrated", "env.DATABASE_URL"),
		},
	}
}

func changeText(p *Plan) string {
	var b strings.Builder
	for _, s := range p.Steps {
		if s.Action == Keep {
			continue
		}
		fmt.Fprintf(&b, "%s %s (%s)\n", s.Action, s.ID, s.Reason)
		for _, c := range s.Changes {
			fmt.Fprintf(&b, "    %s: %q → %q\n", c.Name, c.Old, c.New)
		}
	}
	for _, s := range p.Stops {
		fmt.Fprintf(&b, "stop %s (%s)\n", s.ID, s.Reason)
	}
	fmt.Fprintf(&b, "%+v empty=%v", p.Summary, p.Empty())
	return b.String()
}

func TestBuildComparesWithWhatRuns(t *testing.T) {
	key := []byte("0123456789abcdef")
	ledger := map[spec.Addr]Ledger{addr("database.main"): {Source: LedgerAsked, Version: 3, Files: 3}}
	facts := Facts{Key: key, Ledgers: ledger}
	tests := map[string]struct {
		change func(sys *spec.System, f *Facts)
		want   string
	}{
		"nothing": {func(*spec.System, *Facts) {}, `
{Start:0 Restart:0 Stop:0 Tasks:0 Migrations:0 Unknown:0 Keep:5} empty=true`},
		"moved in the file": {func(sys *spec.System, _ *Facts) { sys.Services[0].Block.Range = at(99) }, `
{Start:0 Restart:0 Stop:0 Tasks:0 Migrations:0 Unknown:0 Keep:5} empty=true`},
		"a command": {func(sys *spec.System, _ *Facts) {
			sys.Services[1].Argv = append(sys.Services[1].Argv, spec.Known("-v"))
		}, `
restart service.web (changed: command)
    command: "./web" → "./web -v"
{Start:0 Restart:1 Stop:0 Tasks:0 Migrations:0 Unknown:0 Keep:4} empty=false`},
		"an attribute that is not shown": {func(sys *spec.System, _ *Facts) { sys.Services[1].Restart.AgainAfter = 9 }, `
restart service.web (a value that is not shown changed)
{Start:0 Restart:1 Stop:0 Tasks:0 Migrations:0 Unknown:0 Keep:4} empty=false`},
		"env": {func(sys *spec.System, _ *Facts) {
			sys.Services[0].Env[0] = spec.EnvVar{Name: "NEW", Value: spec.Known(spec.Plain(""))}
		}, `
restart service.api (changed: env.MODE, env.NEW)
    env.MODE: "fast" → ""
    env.NEW: "" → "\"\""
{Start:0 Restart:1 Stop:0 Tasks:0 Migrations:0 Unknown:0 Keep:4} empty=false`},
		"a secret": {func(sys *spec.System, _ *Facts) {
			sys.Services[0].Env[1].Value = spec.Known(spec.Sensitive("hunter3"))
		}, `
restart service.api (a value that is not shown changed)
{Start:0 Restart:1 Stop:0 Tasks:0 Migrations:0 Unknown:0 Keep:4} empty=false`},
		"a task": {func(sys *spec.System, _ *Facts) { sys.Tasks[0].Timeout = 5e9 }, `
start task.seed (changed: timeout)
    timeout: "0s" → "5s"
{Start:0 Restart:0 Stop:0 Tasks:1 Migrations:0 Unknown:0 Keep:4} empty=false`},
		"new and gone": {func(sys *spec.System, _ *Facts) {
			sys.Services[1] = service("worker")
			sys.Edges = sys.Edges[:1]
		}, `
start service.worker (new)
stop service.web (no longer declared)
{Start:1 Restart:0 Stop:1 Tasks:0 Migrations:0 Unknown:0 Keep:4} empty=false`},
		"a migration": {func(_ *spec.System, f *Facts) {
			f.Ledgers = map[spec.Addr]Ledger{addr("database.main"): {
				Source: LedgerAsked, Version: 3, Files: 4, Pending: []Migration{{4, "add_index"}}}}
		}, `
start database.main.migrations (pending)
{Start:0 Restart:0 Stop:0 Tasks:0 Migrations:1 Unknown:0 Keep:4} empty=false`},
		"failed": {func(_ *spec.System, f *Facts) { f.Running.Units[4].State = "failed" }, `
start service.web (it has failed)
{Start:1 Restart:0 Stop:0 Tasks:0 Migrations:0 Unknown:0 Keep:4} empty=false`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			sys, f := shop(), facts
			f.Running = runningAs(mustBuild(t, sys, facts))
			test.change(sys, &f)
			equal(t, changeText(mustBuild(t, sys, f)), test.want)
		})
	}
}

func TestSummaryOfAFirstStart(t *testing.T) {
	pending := []Migration{{1, "nodes"}, {2, "index"}}
	tests := map[string]struct {
		ledger Ledger
		want   Summary
	}{
		"asked":      {Ledger{Source: LedgerAsked, Files: 5, Pending: pending}, Summary{Start: 3, Tasks: 1, Migrations: 2}},
		"up to date": {Ledger{Source: LedgerAsked, Files: 5}, Summary{Start: 3, Tasks: 1}},
		"unknown":    {Ledger{Source: LedgerUnknown, Files: 2, Pending: pending}, Summary{Start: 3, Tasks: 1, Unknown: 2}},
		"no facts":   {Ledger{}, Summary{Start: 3, Tasks: 1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := mustBuild(t, shop(), Facts{Ledgers: map[spec.Addr]Ledger{addr("database.main"): test.ledger}})
			if p.Summary != test.want {
				t.Errorf("%+v, want %+v", p.Summary, test.want)
			}
		})
	}
}

func TestUnitsOfAPlanAreNoChangeToIt(t *testing.T) {
	facts := Facts{Ledgers: map[spec.Addr]Ledger{addr("database.main"): {Source: LedgerAsked, Version: 3, Files: 3}}}
	facts.Running = &Running{Units: mustBuild(t, shop(), facts).Units()}
	facts.Ports = map[string]int{"database.main": 5433} // chosen since
	if p := mustBuild(t, shop(), facts); !p.Empty() {
		t.Errorf("not empty:\n%s", changeText(p))
	}
	changed := shop()
	changed.Services[1].Argv = nil
	equal(t, changeText(mustBuild(t, changed, facts)), `
restart service.web (its definition changed)
{Start:0 Restart:1 Stop:0 Tasks:0 Migrations:0 Unknown:0 Keep:4} empty=false`)
}
