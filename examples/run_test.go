//go:build unix

package examples

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// node is what both APIs tell of a node.
type node struct {
	ID   string `json:"node_id"`
	Name string `json:"name"`
	Kind string `json:"kind"`
}

func names(nodes []node) []string {
	var all []string
	for _, n := range nodes {
		all = append(all, n.Name)
	}
	return all
}

func TestMinimal(t *testing.T) {
	s := newSystem(t, "minimal.hcl")
	s.run("validate")
	if got := s.run("plan"); !strings.Contains(got, "service.watcher") {
		t.Errorf("the plan does not show what it starts:\n%s", got)
	}
	s.up()
	if got := s.run("status"); !strings.Contains(got, "service.clock") {
		t.Errorf("status does not show the clock:\n%s", got)
	}
	s.interrupt()
	said := s.said()
	for _, want := range []string{"good morning", "the clock runs"} {
		if !strings.Contains(said, want) {
			t.Errorf("up did not show %q:\n%s", want, said)
		}
	}
	if got := s.run("logs", "service.clock"); !strings.Contains(got, "the clock runs") {
		t.Errorf("the log is gone after the end:\n%s", got)
	}
}

// A backup is made before the files are applied, and the service starts
// after.
func TestMigrations(t *testing.T) {
	s := newSystem(t, "migrations.hcl")
	s.run("validate")
	s.forgetData()
	if got := s.run("plan"); !strings.Contains(got, "task.backup completed") || !strings.Contains(got, "all pending") {
		t.Errorf("the plan does not show the backup before the migrations:\n%s", got)
	}
	s.up()
	if got := s.run("migrate", "status"); !strings.Contains(got, "at version 10, nothing pending") {
		t.Errorf("not everything is applied:\n%s", got)
	}
	s.interrupt()
	dump, err := os.ReadFile(filepath.Join(filepath.Dir(s.config), "backup.dump"))
	if err != nil || !bytes.HasPrefix(dump, []byte("PGDMP")) || bytes.Contains(dump, []byte("nodes")) {
		t.Errorf("the backup is none of before the migrations: %d bytes, %v", len(dump), err)
	}
}

func TestQuickstart(t *testing.T) {
	port := freePort(t)
	s := newSystem(t, "quickstart.hcl", fmt.Sprintf("--var=api_port=%d", port))
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	s.run("validate")
	s.forgetData()

	s.up()
	var nodes []node
	s.get(url+"/nodes", &nodes)
	seeded := []string{"Site", "Foundation", "Ground floor", "Roof"}
	if got := names(nodes); len(got) != len(seeded) || !sameMembers(got, seeded) {
		t.Errorf("the seeded nodes are %q, want %q", got, seeded)
	}
	var added, found node
	s.post(url+"/nodes", `{"name": "Crane"}`, &added)
	if s.get(url+"/nodes/"+added.ID, &found); found != added || added.ID == "" {
		t.Errorf("added %v and found %v", added, found)
	}
	s.interrupt()

	// The data outlives the run, the seed leaves it alone, and nothing is
	// migrated twice.
	s.up()
	if s.get(url+"/nodes", &nodes); len(nodes) != len(seeded)+1 {
		t.Errorf("after a second start there are %q", names(nodes))
	}
	s.interrupt()
}

func TestGateway(t *testing.T) {
	port := freePort(t)
	s := newSystem(t, "gateway.hcl", fmt.Sprintf("--var=api_port=%d", port))
	s.run("validate")
	s.forgetData()

	s.up()
	var nodes []node
	if s.get(fmt.Sprintf("http://127.0.0.1:%d/nodes", port), &nodes); len(nodes) == 0 {
		t.Error("no nodes come through the gateway")
	}
	// What is too slow is cancelled, and noted as slow things are.
	s.until("canceling statement due to statement timeout", "logs", "service.report")
	s.until("select count(*) || ? from nodes, pg_sleep(?)", "logs", "database.main.gateway")
	s.until(`syndicate_gateway_connections_max{system="gateway",database="database.main"} 10`, "metrics")
	s.interrupt()
}

func TestConstruction(t *testing.T) {
	api, dashboard := freePort(t), freePort(t)
	s := newSystem(t, "construction.hcl", fmt.Sprintf("--var=api_port=%d", api), fmt.Sprintf("--var=dashboard_port=%d", dashboard))
	url := fmt.Sprintf("http://127.0.0.1:%d", api)
	control := s.listenElsewhere("127.0.0.1:7070")
	s.run("validate")
	s.forgetData()

	s.up()
	s.get(control+"/readyz", nil)
	if got := s.get(control+"/metrics", nil); !strings.Contains(got, `unit="service.api"`) {
		t.Errorf("the metrics are\n%s", got)
	}
	var nodes []node
	s.get(url+"/nodes", &nodes)
	if len(nodes) != 4 || !slices.Contains(names(nodes), "North pier") {
		t.Errorf("the seeded nodes are %q", names(nodes))
	}
	s.post(url+"/nodes", `{"name": "Deck, sheet 2", "kind": "plan"}`, nil)
	if page := s.get(fmt.Sprintf("http://127.0.0.1:%d/", dashboard), nil); !strings.Contains(page, "Deck, sheet 2") {
		t.Errorf("the dashboard does not show the new node:\n%s", page)
	}
	s.interrupt()
	for _, want := range []string{"planning for north", "planning for south"} {
		if said := s.said(); !strings.Contains(said, want) {
			t.Errorf("up did not show %q:\n%s", want, said)
		}
	}
}

func TestConstructionServices(t *testing.T) {
	cmd := exec.Command("node", "--test")
	cmd.Dir = "construction/app"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("node --test: %v\n%s", err, out)
	}
}

func sameMembers(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
