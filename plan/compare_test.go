package plan

import (
	"fmt"
	"slices"
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
		u := s.Unit()
		u.State, u.WasReady = state, state == "ready"
		r.Units = append(r.Units, u)
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
		if s.Action == Keep && s.Held == "" {
			continue
		}
		fmt.Fprintf(&b, "%s %s (%s)", s.Action, s.ID, s.Reason)
		if s.Held != "" {
			fmt.Fprintf(&b, " held %s", s.Held)
		}
		b.WriteByte('\n')
		for _, c := range s.Changes {
			fmt.Fprintf(&b, "    %s: %q → %q\n", c.Name, c.Old, c.New)
		}
	}
	for _, c := range p.Settings {
		fmt.Fprintf(&b, "set %s: %q → %q\n", c.Name, c.Old, c.New)
	}
	for _, s := range p.Stops {
		fmt.Fprintf(&b, "stop %s (%s)\n", s.ID, s.Reason)
	}
	if p.Empty() {
		b.WriteString("empty")
	}
	return b.String()
}

// asked says that nothing is pending in the shop's database.
func asked() Facts {
	return Facts{Key: testKey, Ledgers: map[spec.Addr]Ledger{addr("database.main"): {Source: LedgerAsked, Version: 3, Files: 3}}}
}

func TestBuildComparesWithWhatRuns(t *testing.T) {
	tests := map[string]struct {
		change func(sys *spec.System, f *Facts)
		want   string
	}{
		"nothing":           {func(*spec.System, *Facts) {}, "empty"},
		"moved in the file": {func(sys *spec.System, _ *Facts) { sys.Services[0].Block.Range = at(99) }, "empty"},
		"a port was chosen": {func(_ *spec.System, f *Facts) { f.Ports = map[string]int{"database.main": 5433} }, "empty"},
		"a command": {func(sys *spec.System, f *Facts) {
			sys.Services[1].Argv = append(sys.Services[1].Argv, spec.Known("-v"))
		}, `
restart service.web (changed: command)
    command: "./web" → "./web -v"
`},
		"a policy": {func(sys *spec.System, _ *Facts) { sys.Services[1].Restart.AgainAfter = 9e9 }, `
update service.web (changed: restart)
    restart: ", at most 0 within 0s" → ", at most 0 within 0s, again after 9s"
`},
		"a policy that is not shown": {func(sys *spec.System, _ *Facts) { sys.Services[1].Orphans = "keep" }, `
update service.web (an attribute that is not shown changed)
`},
		"a policy and a command": {func(sys *spec.System, _ *Facts) {
			sys.Services[1].Stop.Timeout = 7e9
			sys.Services[1].Argv = nil
		}, `
restart service.web (changed: command, stop)
    command: "./web" → "\"\""
    stop: ", then SIGKILL after 0s" → ", then SIGKILL after 7s"
`},
		"critical": {func(sys *spec.System, _ *Facts) { sys.Databases[0].Critical = false }, `
update database.main (changed: critical)
    critical: "" → "false"
update database.main.migrations (an attribute that is not shown changed)
`},
		"env": {func(sys *spec.System, _ *Facts) {
			sys.Services[0].Env[0] = spec.EnvVar{Name: "NEW", Value: spec.Known(spec.Plain(""))}
		}, `
restart service.api (changed: env.MODE, env.NEW)
    env.MODE: "fast" → ""
    env.NEW: "" → "\"\""
`},
		"a secret": {func(sys *spec.System, _ *Facts) {
			sys.Services[0].Env[1].Value = spec.Known(spec.Sensitive("hunter3"))
		}, `
restart service.api (changed: env.PASSWORD)
    env.PASSWORD: "(sensitive value)" → "(sensitive value)"
`},
		"what a service waits for": {func(sys *spec.System, _ *Facts) {
			sys.Edges[1] = edge(13, "service.web", "task.seed", "completed", "after")
		}, `
update service.web (waits for task.seed completed or failed, no longer for service.api ready)
`},
		"the timeout of a task": {func(sys *spec.System, _ *Facts) { sys.Tasks[0].Timeout = 5e9 }, `
update task.seed (changed: timeout)
    timeout: "0s" → "5s"
`},
		"the command of a task": {func(sys *spec.System, _ *Facts) { sys.Tasks[0].Argv[0] = spec.Known("./grow") }, `
start task.seed (changed: command)
    command: "./seed" → "./grow"
`},
		"new and gone": {func(sys *spec.System, _ *Facts) {
			sys.Services[1] = service("worker")
			sys.Edges = []spec.Edge{sys.Edges[0], sys.Edges[2]}
		}, `
start service.worker (new)
stop service.web (no longer declared)
`},
		"a migration": {func(_ *spec.System, f *Facts) {
			f.Ledgers = map[spec.Addr]Ledger{addr("database.main"): {
				Source: LedgerAsked, Version: 3, Files: 4, Pending: []Migration{{4, "add_index"}}}}
		}, `
start database.main.migrations (pending)
`},
		"the source of a database": {func(sys *spec.System, f *Facts) {
			sys.Databases[0].Source, sys.Databases[0].Managed = "url", nil
			sys.Databases[0].URL = spec.Known(spec.Sensitive("postgres://db/app"))
			f.Ledgers = nil
		}, `
restart database.main (changed: log, port, source, …)
    log: "0B, keep 0" → ""
    port: "auto" → ""
    source: "managed" → "url"
    stop: ", then SIGKILL after 0s" → ""
    url: "" → "(sensitive value)"
    version: "15" → ""
start database.main.migrations (database.main restarts)
`},
		"settings": {func(sys *spec.System, _ *Facts) {
			sys.Parallelism, sys.OnFailure = 4, "stop"
			sys.HTTP = &spec.HTTP{Listen: "127.0.0.1:7000", Metrics: "token"}
		}, `
set http.listen: "" → "127.0.0.1:7000"
set http.metrics: "" → "token"
set on_failure: "" → "stop"
set parallelism: "unlimited" → "4"
`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			sys, f := shop(), asked()
			f.Running = runningAs(mustBuild(t, sys, f))
			f.Running.Settings = Settings(sys, f.Key)
			test.change(sys, &f)
			equal(t, changeText(mustBuild(t, sys, f)), test.want)
		})
	}
}

// A database that moves takes with it what connects to it, and migrations
// that were applied to the one before are applied to this one.
func TestBuildFollowsADatabaseThatMoves(t *testing.T) {
	connected := func() *spec.System {
		sys := shop()
		url := spec.Later("database.main.url", at(12), []spec.Ref{{Addr: addr("database.main"), Attribute: "url"}},
			func(spec.Lookup) (spec.Text, error) { return spec.Text{}, nil })
		sys.Services[0].Env = append(sys.Services[0].Env, spec.EnvVar{Name: "DATABASE_URL", Value: url})
		return sys
	}
	tests := map[string]struct {
		change func(m *spec.Managed)
		want   string
	}{
		"another port": {func(m *spec.Managed) { m.Port = spec.Port{Number: 5433} }, `
restart database.main (changed: port)
    port: "auto" → "5433"
start database.main.migrations (database.main restarts)
restart service.api (changed: env.DATABASE_URL)
    env.DATABASE_URL: "(known after start)" → "(known after start)"
`},
		"other data": {func(m *spec.Managed) { m.DataDir = "/other" }, `
restart database.main (changed: data_dir)
    data_dir: "" → "/other"
start database.main.migrations (database.main restarts)
`},
		"a setting": {func(m *spec.Managed) { m.Settings = map[string]string{"work_mem": "1GB"} }, `
restart database.main (changed: settings.work_mem)
    settings.work_mem: "" → "1GB"
`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			sys, f := connected(), asked()
			f.Ledgers[addr("database.main")] = Ledger{Source: LedgerRecorded, Version: 3, Files: 3}
			f.Running = runningAs(mustBuild(t, sys, f))
			test.change(sys.Databases[0].Managed)
			equal(t, changeText(mustBuild(t, sys, f)), test.want)
		})
	}
}

// What a unit does at the moment decides, beside its definition, whether it
// begins anew.
func TestBuildLooksAtTheStateOfUnits(t *testing.T) {
	const by = "by anna at 12:03"
	command := func(sys *spec.System) { sys.Services[0].Argv = nil; sys.Tasks[0].Argv = nil }
	policy := func(sys *spec.System) { sys.Services[0].Stop.Timeout = 1; sys.Tasks[0].Timeout = 1 }
	none := func(*spec.System) {}
	tests := map[string]struct {
		unit, state, held string
		change            func(sys *spec.System)
		want              Action
		reason            string
	}{
		"failed":                      {"service.api", "failed", "", none, Start, "it has failed"},
		"failed, other command":       {"service.api", "failed", "", command, Start, "changed: command"},
		"failed, other policy":        {"service.api", "failed", "", policy, Start, "changed: stop"},
		"starting, other command":     {"service.api", "starting", "", command, Restart, "changed: command"},
		"backoff, other command":      {"service.api", "backoff", "", command, Restart, "changed: command"},
		"unhealthy":                   {"service.api", "unhealthy", "", none, Keep, ""},
		"blocked":                     {"service.api", "blocked", "", none, Keep, ""},
		"blocked, other command":      {"service.api", "blocked", "", command, Update, "changed: command"},
		"pending, other command":      {"service.api", "pending", "", command, Update, "changed: command"},
		"stopped by nobody":           {"service.api", "stopped", "", none, Start, "it is stopped"},
		"held":                        {"service.api", "stopped", by, none, Keep, ""},
		"held, other command":         {"service.api", "stopped", by, command, Update, "changed: command"},
		"held and failed":             {"service.api", "failed", by, none, Keep, ""},
		"a task under way":            {"task.seed", "starting", "", none, Keep, ""},
		"a task under way, changed":   {"task.seed", "starting", "", command, Start, "changed: command"},
		"a task under way, longer":    {"task.seed", "starting", "", policy, Update, "changed: timeout"},
		"a task that failed":          {"task.seed", "failed", "", none, Start, "it has failed"},
		"a task that never completed": {"task.seed", "stopped", "", none, Start, "it has not completed"},
		"a task that is blocked":      {"task.seed", "blocked", "", none, Keep, ""},
		"failed migrations":           {"database.main.migrations", "failed", "", none, Start, "it has failed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			sys, f := shop(), asked()
			f.Running = runningAs(mustBuild(t, sys, f))
			for i := range f.Running.Units {
				switch u := &f.Running.Units[i]; {
				case u.ID == test.unit:
					u.State, u.Held = test.state, test.held
				case test.held != "" && u.ID == "service.web": // which needs it
					u.State = "blocked"
				}
			}
			test.change(sys)
			p := mustBuild(t, sys, f)
			s := p.Steps[stepIndex(p, test.unit)]
			if s.Action != test.want || s.Reason != test.reason || s.Held != test.held {
				t.Errorf("%s (%s) held %q, want %s (%s) held %q", s.Action, s.Reason, s.Held, test.want, test.reason, test.held)
			}
			if p.Empty() != (test.want == Keep) {
				t.Errorf("empty %v:\n%s", p.Empty(), changeText(p))
			}
		})
	}
}

func stepIndex(p *Plan, id string) int {
	return slices.IndexFunc(p.Steps, func(s Step) bool { return s.ID == id })
}

// A person's stop also keeps stopped what needs the unit.
func TestBuildLeavesWhatNeedsAHeldUnit(t *testing.T) {
	sys, f := shop(), asked()
	sys.Services = append(sys.Services, service("cron"))
	sys.Edges = append(sys.Edges, edge(15, "service.cron", "service.web", "ready", "depends_on"))
	f.Running = runningAs(mustBuild(t, sys, f))
	for i := range f.Running.Units {
		u := &f.Running.Units[i]
		switch u.ID {
		case "service.api":
			u.State, u.Held = "stopped", "by anna at 12:03"
		case "service.web", "service.cron":
			u.State = "stopped"
		}
	}
	equal(t, changeText(mustBuild(t, sys, f)), `
keep service.api () held by anna at 12:03
empty`)
	sys.Edges[1].Soft = true
	equal(t, changeText(mustBuild(t, sys, f)), `
keep service.api () held by anna at 12:03
start service.web (waits for service.api ready or failed, no longer for service.api ready)
start service.cron (it is stopped)
`)
}

func TestBuildRestartsWhatFollowsADependency(t *testing.T) {
	sys, f := shop(), asked()
	sys.Services[1].OnDependencyRestart = "restart"
	cron := service("cron")
	cron.OnDependencyRestart = "restart"
	sys.Services = append(sys.Services, cron)
	sys.Edges = append(sys.Edges, edge(15, "service.cron", "service.web", "ready", "depends_on"))
	f.Running = runningAs(mustBuild(t, sys, f))
	sys.Services[0].Argv = nil
	sys.Services[1].Stop.Timeout = 7e9
	equal(t, changeText(mustBuild(t, sys, f)), `
restart service.api (changed: command)
    command: "./api" → "\"\""
restart service.web (changed: stop, service.api restarts)
    stop: ", then SIGKILL after 0s" → ", then SIGKILL after 7s"
restart service.cron (service.web restarts)
`)
}

func TestBuildSaysWhyAUnitIsGone(t *testing.T) {
	instance := func(key string) *spec.Service {
		s := service("worker")
		s.Addr.Key = key
		return s
	}
	with := func(services ...*spec.Service) *spec.System {
		sys := shop()
		sys.Services = append(sys.Services, services...)
		return sys
	}
	demand := shop()
	demand.Tasks[0].Run = "demand"
	skip := shop()
	skip.Databases[0].Migrations.OnUp = "skip"
	disabled := with()
	disabled.Disabled = []spec.Disabled{{Addr: addr("service.worker"), Range: at(7)}}
	tests := map[string]struct {
		before, after *spec.System
		want          string
	}{
		"a key":           {with(instance("a"), instance("b")), with(instance("a")), "service.worker[\"b\"] (for_each has no \"b\" any more)"},
		"now for_each":    {with(instance("")), with(instance("a")), "service.worker (it has for_each now)"},
		"no for_each":     {with(instance("a")), with(instance("")), "service.worker[\"a\"] (it has no for_each any more)"},
		"disabled":        {with(instance("")), disabled, "service.worker (disabled main.hcl:7)"},
		"on demand":       {shop(), demand, "task.seed (no longer a step of up)"},
		"skipped":         {shop(), skip, "database.main.migrations (up applies no migrations to it any more)"},
		"not even a name": {with(instance("")), with(), "service.worker (no longer declared)"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := asked()
			f.Running = runningAs(mustBuild(t, test.before, f))
			p := mustBuild(t, test.after, f)
			if got := p.Stops[0].ID + " (" + p.Stops[0].Reason + ")"; len(p.Stops) != 1 || got != test.want {
				t.Errorf("%s, want %s (%d stops)", got, test.want, len(p.Stops))
			}
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
	facts := asked()
	p := mustBuild(t, shop(), facts)
	facts.Databases = map[spec.Addr]Found{addr("database.main"): {Notes: []string{"managed"}, Values: []Value{{Name: "binaries", Text: "/bin"}}}}
	facts.Running = &Running{Units: p.Units(), Settings: Settings(shop(), testKey)}
	facts.Ports = map[string]int{"database.main": 5433} // chosen since
	equal(t, changeText(mustBuild(t, shop(), facts)), "empty")
	changed := shop()
	changed.Databases[0].Managed.Version = 16
	equal(t, changeText(mustBuild(t, changed, facts)), `
restart database.main (changed: version)
    version: "15" → "16"
`)
}
