package plan

import (
	"strings"
	"testing"

	"github.com/syndicate/syndicate/spec"
)

// A database that is a target is one with its gateway, and with its migrations.
func TestADatabaseThatIsATargetComesWithItsGateway(t *testing.T) {
	sys := &spec.System{
		Databases: []*spec.Database{gated("main"), gated("other")},
		Services:  []*spec.Service{service("api")},
		Edges:     []spec.Edge{edge(12, "service.api", "database.main", "migrated", "env.DATABASE_URL")},
	}
	p := mustBuild(t, sys, Facts{Targets: []spec.Addr{addr("database.main")}})
	equal(t, text(p), `
1 start database.main
2 start database.main.gateway
    database.main ready: main.hcl:40 gateway
2 start database.main.migrations
    database.main ready: main.hcl:4 migrations
`)
}

// moving are two services: web takes the port of api, which is chosen, from its
// address, and door is about to be declared to have that.
func moving(numbers ...int) *spec.System {
	sys := &spec.System{Name: "moving", Services: []*spec.Service{service("api"), service("door"), service("web")}}
	sys.Services[0].Port = &spec.Port{Auto: true}
	for _, n := range numbers {
		sys.Services[1].Port = &spec.Port{Number: n}
	}
	sys.Edges = []spec.Edge{edge(5, "service.web", "service.api", "ready", "env.API")}
	return sys
}

func TestATargetThatCannotBeOneIsRefused(t *testing.T) {
	ports := map[string]int{"service.api": 20001}
	running := runningAs(mustBuild(t, moving(), Facts{Key: testKey, Ports: ports}))
	running.Ports = ports
	for i := range running.Units {
		if u := &running.Units[i]; u.ID == "service.api" {
			u.Listens = []string{"127.0.0.1:20001"}
		}
	}
	for name, test := range map[string]struct {
		sys     *spec.System
		target  string
		summary string
		detail  string
	}{
		"no such unit": {moving(), "service.nobody", "Unknown target", "service.nobody is no unit of this configuration that up starts"},
		"its port is in use": {
			moving(20001), "service.door", "Port of what is no target",
			"service.door is declared to have port 20001, which service.api has in the running system. That is no target, so it would keep it: name service.api as a target, too, or none.",
		},
		"its port would move away from who uses it": {
			moving(20001), "service.api", "Port that is used by what is no target",
			"The port of service.api changes, and service.web has it in its values. That is no target, so it would go on with the old one: name service.web as a target, too, or none.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, diags := Build(test.sys, Facts{Key: testKey, Running: running, Ports: ports, Targets: []spec.Addr{addr(test.target)}})
			if p != nil || len(diags) != 1 || diags[0].Summary != test.summary || !strings.Contains(diags[0].Detail, test.detail) {
				t.Errorf("the plan is %+v, with %+v", p, diags)
			}
		})
	}
	all := []spec.Addr{addr("service.api"), addr("service.door"), addr("service.web")}
	if p := mustBuild(t, moving(20001), Facts{Key: testKey, Running: running, Ports: ports, Targets: all}); p.Summary.Restart != 3 {
		t.Errorf("with all of them as targets it is %+v", p.Summary)
	}
}
