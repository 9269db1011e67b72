package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/spec"
)

func diagText(ds spec.Diagnostics) string {
	var b strings.Builder
	for _, d := range ds {
		fmt.Fprintf(&b, "%s %s %s in %s: %s\n", d.Subject, d.Code, d.Severity, d.Context, strings.SplitN(d.Detail, ": ", 2)[0])
		for _, r := range d.Related {
			fmt.Fprintf(&b, "    %s %s\n", r.Range, r.Message)
		}
	}
	return b.String()
}

func TestCyclesCiteEveryEdge(t *testing.T) {
	abc := []*spec.Service{service("a"), service("b"), service("c")}
	tests := map[string]struct {
		sys  *spec.System
		want string
	}{
		"none, a diamond": {&spec.System{Services: abc, Edges: []spec.Edge{
			edge(1, "service.a", "service.b", "ready", "env.B"),
			edge(2, "service.a", "service.c", "ready", "env.C"),
			edge(3, "service.b", "service.c", "ready", "env.C"),
		}}, ""},
		"itself": {&spec.System{Services: abc, Edges: []spec.Edge{
			edge(7, "service.a", "service.a", "ready", "env.URL"),
		}}, `
main.hcl:7 S080 error in service "a": service.a → service.a
    main.hcl:7 service.a needs service.a ready: env.URL
`},
		"two, and one apart": {&spec.System{Services: abc, Edges: []spec.Edge{
			edge(7, "service.a", "service.b", "ready", "env.B_URL"),
			edge(9, "service.b", "service.a", "started", "depends_on"),
			edge(3, "service.c", "service.c", "ready", "after"),
		}}, `
main.hcl:3 S080 error in service "c": service.c → service.c
    main.hcl:3 service.c needs service.c ready: after
main.hcl:7 S080 error in service "a": service.a → service.b → service.a
    main.hcl:7 service.a needs service.b ready: env.B_URL
    main.hcl:9 service.b needs service.a started: depends_on
`},
		"through migrations": {&spec.System{
			Services:  abc[:1],
			Databases: []*spec.Database{managed("main")},
			Edges: []spec.Edge{
				edge(7, "database.main", "service.a", "ready", "depends_on"),
				edge(9, "service.a", "database.main", "migrated", "env.DB"),
			},
		}, `
main.hcl:7 S080 error in database "main": database.main.migrations → service.a → database.main.migrations
    main.hcl:7 database.main.migrations needs service.a ready: depends_on
    main.hcl:9 service.a needs database.main migrated: env.DB
`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			equal(t, diagText(Cycles(test.sys)), test.want)
			p, diags := Build(test.sys, Facts{})
			equal(t, diagText(diags), test.want)
			if (p == nil) != (test.want != "") {
				t.Errorf("plan is nil: %v", p == nil)
			}
		})
	}
}

func TestCyclesAreBounded(t *testing.T) {
	sys := &spec.System{}
	for i := range 500 {
		name := fmt.Sprintf("s%03d", i)
		sys.Services = append(sys.Services, service(name))
		sys.Edges = append(sys.Edges, edge(i+1, "service."+name, "service."+name, "ready", "env.URL"))
	}
	if got := len(Cycles(sys)); got != maxCycles {
		t.Errorf("%d circles reported, want %d", got, maxCycles)
	}
}
