package plan

import (
	"strings"
	"testing"

	"github.com/syndicate/syndicate/spec"
)

// gated is a managed database with a gateway.
func gated(name string) *spec.Database {
	db := managed(name)
	db.Gateway = &spec.Gateway{Range: at(40), MaxConn: 50}
	return db
}

// What needs a database needs its gateway, which needs the server: also what
// runs before the migrations.
func TestBuildPutsAGatewayBeforeWhatNeedsTheDatabase(t *testing.T) {
	sys := &spec.System{
		Services:  []*spec.Service{service("api"), service("web")},
		Tasks:     []*spec.Task{upTask("backup")},
		Databases: []*spec.Database{gated("main")},
		Edges: []spec.Edge{
			edge(5, "database.main", "task.backup", "completed", "depends_on"),
			edge(9, "task.backup", "database.main", "ready", "depends_on"),
			edge(12, "service.api", "database.main", "migrated", "env.DATABASE_URL"),
			edge(13, "service.web", "database.main", "migrated", "after"),
		},
	}
	equal(t, text(mustBuild(t, sys, Facts{})), `
1 start database.main
2 start database.main.gateway
    database.main ready: main.hcl:40 gateway
3 start task.backup
    database.main ready: main.hcl:9 depends_on
    database.main.gateway ready: main.hcl:9 depends_on
4 start database.main.migrations
    database.main ready: main.hcl:4 migrations
    task.backup completed: main.hcl:5 depends_on
5 start service.api
    database.main.gateway ready: main.hcl:12 env.DATABASE_URL
    database.main migrated: main.hcl:12 env.DATABASE_URL
5 start service.web
    database.main.gateway ready (soft): main.hcl:13 after
    database.main migrated (soft): main.hcl:13 after
`)
}

// A change of a gateway is one of the gateway: of its limits in place, of its
// address by a restart, which those who use it follow.
func TestBuildChangesAGateway(t *testing.T) {
	sys := func(change func(*spec.Gateway)) *spec.System {
		db := gated("main")
		db.Migrations = nil
		if change != nil {
			change(db.Gateway)
		} else {
			db.Gateway = nil
		}
		api := service("api")
		ref := spec.Ref{Addr: db.Addr, Attribute: "url"}
		api.Env = []spec.EnvVar{{Name: "DATABASE_URL", Value: spec.Later("database.main.url", at(12), []spec.Ref{ref}, func(spec.Lookup) (spec.Text, error) { return spec.Text{}, nil })}}
		return &spec.System{
			Services: []*spec.Service{api}, Databases: []*spec.Database{db},
			Edges: []spec.Edge{edge(12, "service.api", "database.main", "migrated", "env.DATABASE_URL")},
		}
	}
	for name, test := range map[string]struct {
		change func(*spec.Gateway)
		want   string
	}{
		"nothing": {func(*spec.Gateway) {}, "keep keep keep"},
		"limits": {func(g *spec.Gateway) {
			g.MaxConn, g.MaxWaiting, g.AcquireTimeout, g.SlowQuery = 5, 6, spec.Duration(7), spec.Duration(8)
		}, "keep update keep"},
		"address":     {func(g *spec.Gateway) { g.Listen = "127.0.0.1:6432" }, "keep restart restart"},
		"certificate": {func(g *spec.Gateway) { g.TLSCert = "/c" }, "keep restart keep"},
		"none":        {nil, "keep restart"},
	} {
		t.Run(name, func(t *testing.T) {
			f := Facts{Key: testKey}
			f.Running = runningAs(mustBuild(t, sys(func(*spec.Gateway) {}), f))
			var got []string
			p := mustBuild(t, sys(test.change), f)
			for _, s := range p.Steps {
				got = append(got, string(s.Action))
			}
			if text := strings.Join(got, " "); text != test.want {
				t.Errorf("%s, want %s", text, test.want)
			}
			if name == "none" && (len(p.Stops) != 1 || p.Stops[0].Reason != "it has no gateway any more") {
				t.Errorf("stops %v", p.Stops)
			}
		})
	}
}
