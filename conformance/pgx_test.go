package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/gateway"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

// pgxSuites are the packages of pgx whose own tests talk to a server, and
// how many of them have to pass at least: a suite that finds no server skips
// what it cannot do.
var pgxSuites = map[string]int{"": 700, "/pgconn": 600, "/pgxpool": 70, "/stdlib": 180}

// pgx's own test suites run unchanged through the gateway.
func TestPGX(t *testing.T) {
	server, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	address := gated(t, server.Endpoint("postgres"))
	const module = "github.com/jackc/pgx/v5"
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		t.Fatalf("find the source of %s: %v", module, err)
	}
	dir := strings.TrimSpace(string(out))
	for suite, least := range pgxSuites {
		t.Run("pgx"+suite, func(t *testing.T) {
			t.Parallel()
			to := server.Database(t)
			pgtest.Exec(t, to, "create extension hstore; create extension ltree; create domain uint64 as numeric(20,0)")
			suiteOf(t, dir, module+suite, fmt.Sprintf("%s dbname=%s", address, to.Database), least)
		})
	}
}

// suiteOf runs the tests of one package against a database.
func suiteOf(t *testing.T, dir, pkg, database string, least int) {
	run := func(tests string) map[string]*result {
		cmd := exec.CommandContext(t.Context(), "go", "test", "-mod=readonly", "-count=1", "-json", "-run", tests, pkg)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=", "PGX_TEST_DATABASE="+database, "PGX_TEST_TCP_CONN_STRING="+database)
		return results(t, cmd)
	}
	passed := 0
	all := run("")
	for name, r := range all {
		// Some have their own opinion of how fast a machine is: only what
		// fails again does so for a reason.
		if r.action == "fail" && !strings.Contains(name, "/") {
			again := run("^" + name + "$")[name]
			t.Logf("%s failed, and then: %s\n%s", name, again.action, &r.output)
			if again.action != "pass" {
				t.Errorf("%s:\n%s", name, &again.output)
			}
			r = again
		}
		if r.action == "pass" {
			passed++
		}
	}
	t.Logf("%d of %d passed", passed, len(all))
	if passed < least {
		t.Errorf("only %d tests passed", passed)
	}
}

// result is how a test ended, and what it said.
type result struct {
	action string
	output bytes.Buffer
}

// results runs "go test -json", and returns how each test ended.
func results(t *testing.T, cmd *exec.Cmd) map[string]*result {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	all := map[string]*result{}
	lines := json.NewDecoder(bytes.NewReader(out))
	for lines.More() {
		var line struct{ Action, Test, Output string }
		if err := lines.Decode(&line); err != nil {
			t.Fatalf("%s: %v", cmd, err)
		}
		r := all[line.Test]
		if r == nil {
			r = &result{}
			all[line.Test] = r
		}
		switch line.Action {
		case "pass", "fail", "skip":
			r.action = line.Action
		}
		r.output.WriteString(line.Output)
	}
	if len(all) < 2 { // it did not even run
		t.Fatalf("%s: %v\n%s\n%s", cmd, err, &stderr, out)
	}
	delete(all, "") // of the package
	return all
}

// gated has a gateway stand before a server until the test ends, and returns
// how to connect to it.
func gated(t *testing.T, to pg.Endpoint) string {
	t.Helper()
	g, err := gateway.New(gateway.Config{
		Server: to.URL().Reveal(),
		Limits: gateway.Limits{MaxConn: 90, MaxWaiting: 100, AcquireTimeout: 10 * time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	l := listen(t)
	ctx, stop := context.WithCancel(context.Background())
	hurry, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- g.Run(ctx, l, time.Second, hurry) }()
	t.Cleanup(func() {
		stop()
		close(hurry)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if s := g.Snapshot(); s.Connections != 0 || s.Sessions == 0 {
			t.Errorf("%d connections are left, of %d sessions", s.Connections, s.Sessions)
		}
	})
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("host=%s port=%s user=postgres sslmode=disable", host, port)
}
