package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec/decode"
	"github.com/syndicate/syndicate/statedir"
)

// planProject is a configuration that reads most things that one can.
type planProject struct {
	dir, file string
}

func newPlanProject(t *testing.T) planProject {
	t.Helper()
	p := planProject{dir: t.TempDir()}
	p.file = filepath.Join(p.dir, "saved.plan")
	t.Chdir(p.dir)
	t.Setenv("MODE", "fast")
	p.write(t, "shop.hcl", `
variable "port" {
  default = 8080
}

database "main" {
  managed {
    bin_dir = "/nonexistent"
  }

  migrations {
    path = "sql"
  }
}

service "api" {
  command  = ["./api"]
  env_file = [".env"]

  env = {
    MODE = env("MODE")
    PORT = var.port
    TEXT = file("text")
  }
}
`)
	p.write(t, ".env", "SECRET=hunter2\n")
	p.write(t, "text", "hello")
	p.write(t, "sql/1_a.up.sql", "select 1;")
	p.write(t, "sql/1_a.down.sql", "select 1;")
	return p
}

func (p planProject) write(t *testing.T, name, content string) {
	t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// save writes the plan file.
func (p planProject) save(t *testing.T) {
	t.Helper()
	s, stderr := quietSession()
	if err := (&planCmd{Out: p.file}).Run(s); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
}

// check returns what checkPlanFile says of the file now.
func (p planProject) check(t *testing.T, in inputs) (*plan.Plan, error) {
	t.Helper()
	s, stderr := quietSession()
	loaded, bundle, err := s.record(demand{inputs: in, values: true})
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	f, err := s.checkPlanFile(t.Context(), p.file, loaded, bundle)
	if err != nil {
		return nil, err
	}
	return f.Plan, nil
}

func quietSession() (*session, *bytes.Buffer) {
	var stderr bytes.Buffer
	none := func() int { return 0 }
	return &session{
		stdin: strings.NewReader(""), stdout: stream{Writer: new(bytes.Buffer), columns: none},
		stderr: stream{Writer: &stderr, columns: none},
	}, &stderr
}

func TestPlanFileHoldsUntilSomethingMoves(t *testing.T) {
	tests := map[string]struct {
		move func(t *testing.T, p planProject) inputs
		want []string // of the error; none: the plan holds
	}{
		"nothing": {func(*testing.T, planProject) inputs { return inputs{} }, nil},
		"a file that is not read": {func(t *testing.T, p planProject) inputs {
			p.write(t, "README", "new")
			return inputs{}
		}, nil},
		"the configuration": {func(t *testing.T, p planProject) inputs {
			p.write(t, "more.hcl", `service "web" { command = ["./web"] }`)
			return inputs{}
		}, []string{"configuration file more.hcl is new"}},
		"env": {func(t *testing.T, _ planProject) inputs {
			t.Setenv("MODE", "slow")
			return inputs{}
		}, []string{"environment variable MODE changed"}},
		"a variable": {func(*testing.T, planProject) inputs {
			return inputs{Var: assignments{{Assignment: decode.Assignment{Name: "port", Value: "9090"}}}}
		}, []string{"variable port changed"}},
		"files": {func(t *testing.T, p planProject) inputs {
			p.write(t, ".env", "SECRET=hunter3\n")
			p.write(t, "text", "bye")
			return inputs{}
		}, []string{"file .env changed", "file text changed"}},
		"a migration": {func(t *testing.T, p planProject) inputs {
			p.write(t, "sql/1_a.up.sql", "drop table x;")
			p.write(t, "sql/2_b.up.sql", "select 2;")
			return inputs{}
		}, []string{"migration sql/1_a.up.sql changed", "migration sql/2_b.up.sql is new", "0 is applied and 2 pending"}},
		"the state directory": {func(t *testing.T, p planProject) inputs {
			if err := os.RemoveAll(filepath.Join(p.dir, ".syndicate")); err != nil {
				t.Fatal(err)
			}
			return inputs{}
		}, []string{"the key of the digests"}},
		"no plan file": {func(t *testing.T, p planProject) inputs {
			p.write(t, "saved.plan", "{}")
			return inputs{}
		}, []string{"saved.plan is no plan file"}},
		"a damaged one": {func(t *testing.T, p planProject) inputs {
			data, err := os.ReadFile(p.file)
			if err != nil {
				t.Fatal(err)
			}
			p.write(t, "saved.plan", string(data[:len(data)-9]))
			return inputs{}
		}, []string{"saved.plan: the plan file is damaged"}},
		"none": {func(t *testing.T, p planProject) inputs {
			if err := os.Remove(p.file); err != nil {
				t.Fatal(err)
			}
			return inputs{}
		}, []string{"read plan file", "no such file"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPlanProject(t)
			p.save(t)
			in := test.move(t, p)
			got, err := p.check(t, in)
			if len(test.want) == 0 {
				if err != nil || got == nil {
					t.Errorf("plan %v, error %v", got, err)
				}
				return
			}
			if err == nil {
				t.Fatal("the plan holds")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in the error: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "hunter") {
				t.Errorf("a secret is in the error: %v", err)
			}
		})
	}
}

// A system that was started since the plan was made is something that moved.
func TestPlanFileSeesASystemThatRuns(t *testing.T) {
	p := newPlanProject(t)
	p.save(t)
	s, _ := quietSession()
	loaded, err := s.load(demand{values: true})
	if err != nil {
		t.Fatal(err)
	}
	held, err := s.moveIn(loaded.System, p.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer held.leave()
	listener, err := api.Listen(loaded.System.StateDir)
	if err != nil {
		t.Fatal(err)
	}
	engine := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"format_version": "1.0", "units": [{"id": "service.api"}]}`)
	}))
	_ = engine.Listener.Close()
	engine.Listener = listener
	engine.Start()
	defer engine.Close()
	if _, err := p.check(t, inputs{}); err == nil || !strings.Contains(err.Error(), "the system runs now, and did not then") {
		t.Errorf("error %v", err)
	}
}

// Several that need the key of one directory at once agree on it.
func TestOneKeyOfDigests(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	keys := make(chan []byte)
	for range 16 {
		go func() {
			key, err := makeKey(dir)
			if err != nil {
				t.Error(err)
			}
			keys <- key
		}()
	}
	first := <-keys
	for range 15 {
		if key := <-keys; !bytes.Equal(key, first) || len(key) != 32 {
			t.Errorf("keys %x and %x", first, key)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 { // and .gitignore
		t.Errorf("%v, %v", left, err)
	}
	var kept []byte
	if found, err := statedir.ReadJSON(dir, keyFile, &kept); err != nil || !found || !bytes.Equal(kept, first) {
		t.Errorf("kept %x, %v", kept, err)
	}
}
