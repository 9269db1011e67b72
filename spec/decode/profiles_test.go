package decode

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/syndicate/syndicate/spec"
)

// profiled configurations, in both syntaxes.
var profileConfig = files{"native/c.hcl": `
variable "extra" {
  type    = list(string)
  default = []
}
service "api" {
  command    = ["x"]
  depends_on = [service.debug, task.fixtures.completed]
  after      = [service.mail]
}
service "debug" {
  command  = ["x"]
  port     = 9000
  profiles = ["dev", "test"]
}
task "fixtures" {
  command  = ["x"]
  run      = "up"
  profiles = ["test"]
}
service "mail" {
  for_each = toset(["a", "b"])
  command  = ["x"]
  profiles = ["mail_${each.key}"]
}
service "never" {
  command  = ["x"]
  enabled  = false
  profiles = ["dev"]
}
service "some" {
  command  = ["x"]
  profiles = var.extra
}
service "none" {
  for_each = []
  command  = ["x"]
  profiles = ["empty"]
}`, "json/c.hcl.json": `{
  "variable": {"extra": {"type": "list(string)", "default": []}},
  "service": {
    "api": {"command": ["x"], "depends_on": ["service.debug", "task.fixtures.completed"], "after": ["service.mail"]},
    "debug": {"command": ["x"], "port": 9000, "profiles": ["dev", "test"]},
    "mail": {"for_each": "${toset([\"a\", \"b\"])}", "command": ["x"], "profiles": ["mail_${each.key}"]},
    "never": {"command": ["x"], "enabled": false, "profiles": ["dev"]},
    "some": {"command": ["x"], "profiles": "${var.extra}"},
    "none": {"for_each": [], "command": ["x"], "profiles": ["empty"]}
  },
  "task": {"fixtures": {"command": ["x"], "run": "up", "profiles": ["test"]}}
}`}

// eachSyntax runs a test for the configuration in both syntaxes.
func eachSyntax(t *testing.T, test func(t *testing.T, change func(*Options))) {
	for _, syntax := range []string{"native", "json"} {
		t.Run(syntax, func(t *testing.T) {
			test(t, func(o *Options) { o.Dir = "/c/" + syntax })
		})
	}
}

// TestProfiles has a block exist where one of its profiles is active, and
// what points to it vanish where none is.
func TestProfiles(t *testing.T) {
	eachSyntax(t, func(t *testing.T, change func(*Options)) {
		for profiles, want := range map[string]string{
			"":              "service.api service.some",
			"dev":           "service.api→service.debug service.debug service.some",
			"test dev test": "service.api→service.debug→task.fixtures service.debug service.some task.fixtures",
			"mail_b":        `service.api→service.mail["b"] service.mail["b"] service.some`,
			"empty":         "service.api service.some",
		} {
			s := good(t, profileConfig, change, func(o *Options) { o.Profiles = strings.Fields(profiles) })
			if got := living(s); got != want {
				t.Errorf("with %q: %s, want %s", profiles, got, want)
			}
		}
		s := good(t, profileConfig, change, func(o *Options) { o.Vars = []Assignment{{Name: "extra", Value: `["more"]`}} })
		if got := living(s); got != "service.api" {
			t.Errorf("with a variable: %s", got)
		}
		var reasons []string
		for _, off := range s.Disabled {
			reasons = append(reasons, fmt.Sprint(off.Addr, " ", strings.Split(off.Reason(), " c.hcl")[0]))
		}
		if diff := cmp.Diff([]string{
			"service.debug in no active profile (--profile dev, or --profile test)",
			`service.mail["a"] in no active profile (--profile mail_a)`, `service.mail["b"] in no active profile (--profile mail_b)`,
			"service.never disabled", "service.some in no active profile (--profile more)",
			"task.fixtures in no active profile (--profile test)",
		}, reasons); diff != "" {
			t.Error(diff)
		}
	})
}

// living lists the units of a system with what each waits for.
func living(s *spec.System) string {
	var out []string
	add := func(a spec.Addr) {
		text := a.String()
		for _, e := range s.Edges {
			if e.From == a {
				text += "→" + e.To.String()
			}
		}
		out = append(out, text)
	}
	for _, b := range s.Services {
		add(b.Addr)
	}
	for _, b := range s.Tasks {
		add(b.Addr)
	}
	return strings.Join(out, " ")
}

func TestUnknownProfile(t *testing.T) {
	eachSyntax(t, func(t *testing.T, change func(*Options)) {
		_, ds := load(t, profileConfig, change, func(o *Options) { o.Profiles = []string{"dev", "tets", "tets"} })
		if len(ds) != 1 || ds[0].Code != CodeProfile || !found(ds[0], []string{`"tets"`, "dev, empty, mail_a, mail_b, test", `Did you mean "test"?`}) {
			t.Errorf("%v", ds)
		}
	})
	without := files{"c.hcl": `service "a" { command = ["x"] }`}
	_, ds := load(t, without, func(o *Options) { o.Profiles = []string{"dev"} })
	if len(ds) != 1 || ds[0].Code != CodeProfile || !found(ds[0], []string{"no service or task has profiles"}) {
		t.Errorf("%v", ds)
	}
	// Where a profile cannot be known, none is unknown.
	for _, src := range []string{
		"variable \"p\" {}\nservice \"a\" {\n command = [\"x\"]\n profiles = [var.p]\n}",
		"variable \"p\" {}\nservice \"a\" {\n command = [\"x\"]\n for_each = var.p\n profiles = [each.key]\n}",
	} {
		s := good(t, files{"c.hcl": src}, func(o *Options) { o.Profiles, o.RequireVariables = []string{"dev"}, false })
		if len(s.Disabled) > 0 {
			t.Errorf("disabled: %v", s.Disabled)
		}
	}
}

// TestReadingWithoutProfile names the flag that would make the value be there.
func TestReadingWithoutProfile(t *testing.T) {
	native := "service \"a\" {\n command = [\"x\"]\n port = 1\n profiles = [\"dev\"]\n}\nservice \"b\" {\n command = [\"x\"]\n env = { A = service.a.url }\n}"
	json := `{"service":{"a":{"command":["x"],"port":1,"profiles":["dev"]},"b":{"command":["x"],"env":{"A":"${service.a.url}"}}}}`
	for _, f := range []files{{"c.hcl": native}, {"c.hcl.json": json}} {
		_, ds := load(t, f)
		if len(ds) != 1 || ds[0].Code != CodeDisabled || !found(ds[0], []string{"service.a", "--profile dev", "c.hcl"}) || len(ds[0].Related) != 1 {
			t.Errorf("%v", ds)
		}
		good(t, f, func(o *Options) { o.Profiles = []string{"dev"} })
	}
}

// TestBundleKeepsProfiles has a replayed bundle hold the same units, and each
// profile be something that can have moved.
func TestBundleKeepsProfiles(t *testing.T) {
	_, ds, b := Record(Options{
		Dir: "/c/native", FS: profileConfig, LookupEnv: noEnv, Environ: []string{}, Host: &Host{}, Profiles: []string{"test", "dev", "test"},
	})
	replayed, again := Replay(b.Bytes(), Override{})
	if len(ds)+len(again) > 0 {
		t.Fatal(ds, again)
	}
	if got := living(replayed.System); !strings.Contains(got, "task.fixtures") {
		t.Error(got)
	}
	var got []string
	for _, in := range b.Inputs(nil) {
		if in.Kind == InputProfile {
			got = append(got, in.Name)
		}
	}
	if diff := cmp.Diff([]string{"dev", "test"}, got); diff != "" {
		t.Error(diff)
	}
}
