//go:build unix

package examples

import (
	"path/filepath"
	"strings"
	"testing"
)

// A dump taken while the system runs is loaded while it is down.
func TestDatabase(t *testing.T) {
	s := newSystem(t, "database.hcl")
	s.run("validate")
	s.forgetData()
	s.up()
	if got := s.run("db", "psql", "main", "--", "-XAtc", "select count(*) > 0 from lines"); strings.TrimSpace(got) != "t" {
		t.Errorf("the clock has written nothing: %q", got)
	}
	if got := s.run("metrics"); !strings.Contains(got, `syndicate_database_pool_connections_max{system="database",database="database.main"} 4`) {
		t.Errorf("the metrics are\n%s", got)
	}
	file := filepath.Join(t.TempDir(), "main.dump")
	s.run("db", "dump", "main", "--output", file)
	s.interrupt()
	s.run("db", "restore", "main", file, "--yes")
}
