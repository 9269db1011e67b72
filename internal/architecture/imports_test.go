package architecture

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/syndicate/syndicate"

// pkg is what `go list -json` says of one package.
type pkg struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Deps       []string
}

// room is the import path inside the module: spec/decode, engine/pg. Packages
// of other modules have none.
func room(path string) (string, bool) {
	return strings.CutPrefix(path, module+"/")
}

// in reports whether a room is one of the given ones or below one of them.
func in(room string, rooms ...string) bool {
	return slices.ContainsFunc(rooms, func(r string) bool {
		return room == r || strings.HasPrefix(room, r+"/")
	})
}

// outside are the rooms that hold no part of the product: programs about it,
// or run by it. They may import what they need, and nothing of the product
// may import them.
var outside = []string{"bench", "examples", "internal/architecture", "docs", "tools"}

// list loads every package of the module and all that they depend on, as
// built for one operating system.
func list(t *testing.T, goos string) map[string]*pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Imports,Deps", "./...")
	cmd.Dir = root(t)
	cmd.Env = append(os.Environ(), "GOOS="+goos, "CGO_ENABLED=0", "GOFLAGS=")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list for %s: %v\n%s", goos, err, &stderr)
	}
	all := make(map[string]*pkg)
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(pkg)
		if err := dec.Decode(p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("read go list: %v", err)
		}
		all[p.ImportPath] = p
	}
}

// libraries says which rooms may import which modules themselves.
var libraries = []struct {
	modules []string
	rooms   []string
}{
	{[]string{"github.com/hashicorp/hcl", "github.com/zclconf/go-cty", "github.com/zclconf/go-cty-yaml"},
		[]string{"spec/decode"}},
	{[]string{"github.com/jackc/pgx"}, []string{"engine/pg", "engine/queue/pgstore"}},
	{[]string{"github.com/wasilibs/go-pgquery"}, []string{"engine/pg/lint"}},
	{[]string{"github.com/xdg-go/scram"}, []string{"engine/pg/gateway"}},
	{[]string{"github.com/golang-migrate/migrate"}, []string{"engine/pg"}},
	{[]string{"github.com/failsafe-go/failsafe-go"}, []string{"engine/breaker", "engine/pg"}},
	{[]string{"github.com/prometheus/client_golang"}, []string{"engine/metric"}},
	{[]string{"modernc.org/sqlite"}, []string{"engine/store"}},
	{[]string{"github.com/alecthomas/kong", "github.com/jotaen/kong-completion"}, []string{"cmd/syndicate"}},
}

// never says which rooms must not even reach others through what they import.
var never = []struct {
	from, to []string
}{
	{[]string{"engine"}, []string{"api", "view", "tui", "web", "cmd", "spec/decode", "doctor", "convert"}},
	{[]string{"plan"}, []string{"engine", "api", "view", "cmd", "spec/decode"}},
	{[]string{"spec"}, []string{"engine", "plan", "api", "view", "cmd"}},
	{[]string{"view", "tui", "web"}, []string{"engine", "spec/decode", "cmd"}},
	{[]string{"api"}, []string{"engine", "plan", "spec", "view", "cmd"}},
	{[]string{"doctor", "convert", "migrations", "statedir"}, []string{"cmd", "view"}},
}

// excepted are pairs of a rule above that the architecture allows.
func excepted(from, to string) bool {
	// The graph is a leaf without domain: plan computes waves with it.
	if to == "engine/graph" {
		return true
	}
	// The server carries out what a client asks: it stands between the two.
	return from == "api/server" && in(to, "engine", "plan", "spec")
}

// leaves may be imported by every package under engine.
var leaves = []string{"engine/event", "engine/metric", "engine/errors"}

// pure are the packages that depend on the standard library only; the rooms
// beside each may be used as well.
var pure = map[string][]string{
	"spec":         nil,
	"listener":     nil,
	"textfile":     nil,
	"engine/graph": nil,
	"engine/event": nil,
	"plan":         {"spec", "engine/graph"},
}

func TestImports(t *testing.T) {
	for _, goos := range []string{"linux", "darwin"} {
		t.Run(goos, func(t *testing.T) {
			all := list(t, goos)
			for _, path := range slices.Sorted(keys(all)) {
				from, ours := room(path)
				if !ours || in(from, outside...) {
					continue
				}
				checkDirect(t, from, all[path])
				checkSiblings(t, from, all[path])
				checkReach(t, from, all[path])
				checkPure(t, from, all[path], all)
			}
		})
	}
}

// checkDirect holds a package to the libraries that its room may use.
func checkDirect(t *testing.T, from string, p *pkg) {
	t.Helper()
	for _, imported := range p.Imports {
		for _, l := range libraries {
			owns := func(m string) bool {
				return imported == m || strings.HasPrefix(imported, m+"/")
			}
			if slices.ContainsFunc(l.modules, owns) && !in(from, l.rooms...) {
				t.Errorf("%s imports %s: only %s may", from, imported, strings.Join(l.rooms, " and "))
			}
		}
		if to, ours := room(imported); ours && in(to, outside...) {
			t.Errorf("%s imports %s: that is no part of the product", from, to)
		}
	}
}

// checkSiblings keeps the packages under engine from knowing one another:
// they meet in engine.
func checkSiblings(t *testing.T, from string, p *pkg) {
	t.Helper()
	rest, below := strings.CutPrefix(from, "engine/")
	if !below {
		return
	}
	own, _, _ := strings.Cut(rest, "/")
	for _, imported := range p.Imports {
		to, ours := room(imported)
		switch {
		case !ours || in(to, leaves...) || in(to, "engine/"+own):
		case to == "engine":
			t.Errorf("%s imports engine: it hands in what a sibling needs, not the other way round", from)
		case in(to, "engine"):
			t.Errorf("%s imports its sibling %s: declare the interface it needs; engine hands in the real one", from, to)
		}
	}
}

// checkReach holds the rules about what a room must not depend on at all.
func checkReach(t *testing.T, from string, p *pkg) {
	t.Helper()
	for _, dep := range p.Deps {
		to, ours := room(dep)
		if !ours || excepted(from, to) {
			continue
		}
		for _, rule := range never {
			// A room below its own rule's target is the target itself:
			// spec/decode may depend on itself, and on spec.
			if in(from, rule.from...) && in(to, rule.to...) && !in(from, rule.to...) {
				t.Errorf("%s depends on %s", from, to)
			}
		}
	}
}

// checkPure holds the packages that promise the standard library only.
func checkPure(t *testing.T, from string, p *pkg, all map[string]*pkg) {
	t.Helper()
	allowed, promised := pure[from]
	if !promised {
		return
	}
	for _, dep := range p.Deps {
		to, ours := room(dep)
		if d := all[dep]; d != nil && d.Standard || ours && (to == from || slices.Contains(allowed, to)) {
			continue
		}
		t.Errorf("%s depends on %s: it promises the standard library%s", from, dep,
			strings.Join(append([]string{""}, allowed...), " and "))
	}
}

// keys is maps.Keys without a type that slices.Sorted cannot see through.
func keys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}
