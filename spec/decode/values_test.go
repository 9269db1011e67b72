package decode

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/syndicate/syndicate/spec"
)

func service(t *testing.T, s *spec.System, name string) *spec.Service {
	t.Helper()
	for _, x := range s.Services {
		if x.Addr.String() == name {
			return x
		}
	}
	t.Fatalf("no %s", name)
	return nil
}

func envOf(t *testing.T, s *spec.Service, name string) spec.EnvVar {
	t.Helper()
	for _, v := range s.Env {
		if v.Name == name {
			return v
		}
	}
	t.Fatalf("no env.%s", name)
	return spec.EnvVar{}
}

const laterConfig = `
database "m" {}
locals {
  url = "${database.m.url}?pool=${var.pool}"
}
variable "pool" {
  default = 3
}
service "api" {
  command = ["x", "--port", self.port]
  port    = "auto"
  ports   = { admin = "auto", fixed = 9000 }
  env = {
    URL    = local.url
    OWN    = self.url
    GONE   = null
    COUNT  = 3
    ADMIN  = self.ports.admin
    FIXED  = self.ports.fixed
  }
}
`

// TestLater resolves values that exist only once something runs, from several
// goroutines at once.
func TestLater(t *testing.T) {
	s := good(t, files{"c.hcl": laterConfig})
	api := service(t, s, "service.api")
	lookup := func(a spec.Addr, attr string) (any, error) {
		switch a.String() + "." + attr {
		case "database.m.url":
			return spec.Sensitive("postgres://u:pw@h/m"), nil
		case "service.api.port":
			return 4321, nil
		case "service.api.url":
			return "http://127.0.0.1:4321", nil
		case "service.api.ports":
			return map[string]int{"admin": 99, "fixed": 9000}, nil
		}
		return nil, fmt.Errorf("asked for %s.%s", a, attr)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for name, want := range map[string]string{
				"URL": "postgres://u:pw@h/m?pool=3", "OWN": "http://127.0.0.1:4321", "COUNT": "3", "ADMIN": "99", "FIXED": "9000",
			} {
				got, err := envOf(t, api, name).Value.Resolve(lookup)
				if err != nil || got.Reveal() != want {
					t.Errorf("%s = %q, %v", name, got.Reveal(), err)
				}
				if got.IsSensitive() != (name == "URL") {
					t.Errorf("%s sensitive: %v", name, got.IsSensitive())
				}
			}
			if got, err := api.Argv[2].Resolve(lookup); err != nil || got != "4321" {
				t.Errorf("argv[2] = %q, %v", got, err)
			}
		})
	}
	wg.Wait()
	url := envOf(t, api, "URL").Value
	if _, known := url.Value(); known {
		t.Error("the URL is known before the start")
	}
	if src := url.Source(); !strings.Contains(src, "database.m.url") || !strings.Contains(src, "var.pool = 3") {
		t.Errorf("source %q", src)
	}
	if _, known := envOf(t, api, "FIXED").Value.Value(); !known {
		t.Error("a fixed port is not known")
	}
	if !envOf(t, api, "GONE").Null {
		t.Error("null does not remove")
	}
	_, err := url.Resolve(func(spec.Addr, string) (any, error) { return nil, errors.New("not up") })
	if err == nil || !strings.Contains(err.Error(), "database.m.url: not up") || !strings.Contains(err.Error(), "c.hcl:14") {
		t.Errorf("error %v", err)
	}
}

// TestChosenPorts makes automatic ports known.
func TestChosenPorts(t *testing.T) {
	s := good(t, files{"c.hcl": laterConfig}, func(o *Options) {
		o.Ports = map[string]int{"service.api": 5000, "service.api.admin": 5001, "database.m": 5432}
	})
	api := service(t, s, "service.api")
	for name, want := range map[string]string{"OWN": "http://127.0.0.1:5000", "ADMIN": "5001"} {
		if got, ok := envOf(t, api, name).Value.Value(); !ok || got.Reveal() != want {
			t.Errorf("%s = %q %v", name, got, ok)
		}
	}
	if api.Port.Number != 5000 || !api.Port.Auto || s.Databases[0].Managed.Port.Number != 5432 {
		t.Errorf("port %+v, database %+v", api.Port, s.Databases[0].Managed.Port)
	}
}

// TestDatabaseSource chooses managed, then the URL, then the parts.
func TestDatabaseSource(t *testing.T) {
	tests := []struct{ name, body, source, url string }{
		{"nothing", ``, "managed", ""},
		{"managed wins", "managed {}\nurl = \"postgres://u:p@h/n\"", "managed", ""},
		{"url", "url = \"postgres://u:p@h/n\"", "url", "postgres://u:p@h/n"},
		{"managed disabled", "managed {\nenabled = false\n}\nurl = \"postgres://u:p@h/n\"", "url", "postgres://u:p@h/n"},
		{"url null, managed", "managed {}\nurl = null", "managed", ""},
		{"parts", "host = \"h\"\nuser = \"u\"\npassword = \"p\"\nname = \"n\"", "parts", "postgres://u:p@h:5432/n?sslmode=prefer"},
		{"url null, parts", "url = null\nhost = \"h\"\nport = 5433", "parts", "postgres://h:5433/d?sslmode=prefer"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := good(t, files{"c.hcl": "database \"d\" {\n" + test.body + "\n}\nservice \"a\" {\ncommand = [\"x\"]\nenv = { U = database.d.url }\n}"})
			if got := s.Databases[0].Source; got != test.source {
				t.Errorf("source %s", got)
			}
			got, known := envOf(t, s.Services[0], "U").Value.Value()
			if known != (test.url != "") || got.Reveal() != test.url || known && !got.IsSensitive() {
				t.Errorf("url %q known %v sensitive %v", got.Reveal(), known, got.IsSensitive())
			}
		})
	}
}

// TestVariables takes each value from the strongest source.
func TestVariables(t *testing.T) {
	config := files{
		"c.hcl": "variable \"v\" {\n type = list(number)\n default = [0]\n}\nvariable \"s\" {\n default = \"d\"\n}\n" +
			"service \"a\" {\n command = [\"x\"]\n env = { V = jsonencode(var.v), S = var.s }\n}",
	}
	tests := []struct {
		name, v, s string
		files      files
		env        []string
		flags      []Assignment
	}{
		{name: "default", v: "[0]", s: "d"},
		{name: "auto file", v: "[1]", s: "d", files: files{"x.auto.vars.hcl": "v = [1]"}},
		{name: "auto file in JSON", v: "[1]", s: "d", files: files{"x.auto.vars.hcl.json": `{"v": [1]}`}},
		{name: "a file that is not automatic", v: "[0]", s: "d", files: files{"x.vars.hcl": "v = [1]"}},
		{name: "environment", v: "[2]", s: "e=1", files: files{"x.auto.vars.hcl": "v = [1]"}, env: []string{"SYNDICATE_VAR_v=[2]", "SYNDICATE_VAR_s=e=1", "SYNDICATE_VAR_other=3"}},
		{name: "flag", v: "[3]", s: "[3]", env: []string{"SYNDICATE_VAR_v=[2]"}, flags: []Assignment{{Name: "v", Value: "[3]"}, {Name: "s", Value: "[3]"}}},
		{name: "flags in order", v: "[5]", s: "d", files: files{"my.vars.hcl": "v = [5]"}, flags: []Assignment{{Name: "v", Value: "[3]"}, {File: "my.vars.hcl"}}},
		{name: "flags in the other order", v: "[3]", s: "d", files: files{"my.vars.hcl": "v = [5]"}, flags: []Assignment{{File: "my.vars.hcl"}, {Name: "v", Value: "[3]"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := files{}
			for _, m := range []files{config, test.files} {
				for k, v := range m {
					f[k] = v
				}
			}
			s := good(t, f, func(o *Options) {
				o.Vars = test.flags
				if test.env != nil {
					o.Environ = test.env
				}
			})
			for name, want := range map[string]string{"V": test.v, "S": test.s} {
				if got, _ := envOf(t, s.Services[0], name).Value.Value(); got.Reveal() != want {
					t.Errorf("%s = %s, want %s", name, got.Reveal(), want)
				}
			}
		})
	}
	for name, o := range map[string]Assignment{CodeVariable: {Name: "w", Value: "1"}, CodeValue: {Name: "v", Value: "true"}, CodeUndeclared: {File: "w.vars.hcl"}} {
		f := files{"c.hcl": config["c.hcl"], "w.vars.hcl": "w = 1"}
		_, ds := load(t, f, func(opt *Options) { opt.Vars = []Assignment{o} })
		if len(ds) != 1 || ds[0].Code != name || ds.HasErrors() == (name == CodeUndeclared) {
			t.Errorf("%s: %v", name, ds)
		}
	}
}

// TestVariableTypes fills in optional attributes and refuses null.
func TestVariableTypes(t *testing.T) {
	s := good(t, files{"c.hcl": `
variable "o" {
  type    = object({ port = optional(number, 80), host = string })
  default = { host = "h" }
}
variable "n" {
  type     = string
  nullable = false
  default  = "d"
}
variable "secret" {
  sensitive = true
}
service "a" {
  command = ["x"]
  env     = { O = jsonencode(var.o), N = var.n, S = "x-${var.secret}" }
}`, "n.auto.vars.hcl": "n = null\nsecret = \"hush hush\""})
	a := s.Services[0]
	for name, want := range map[string]string{"O": `{"host":"h","port":80}`, "N": "d", "S": "x-hush hush"} {
		if got, _ := envOf(t, a, name).Value.Value(); got.Reveal() != want || got.IsSensitive() != (name == "S") {
			t.Errorf("%s = %s %v", name, got.Reveal(), got.IsSensitive())
		}
	}
	for _, v := range s.Variables {
		if strings.Contains(fmt.Sprintf("%v %+v", *v, *v), "hush") {
			t.Errorf("variable %v shows its value", v.Name)
		}
	}
}

// TestSecretsInMessages keeps sensitive values out of what functions say.
func TestSecretsInMessages(t *testing.T) {
	for _, expr := range []string{
		`parseint(var.s, 10)`, `tonumber(var.s)`, `jsondecode(var.s)`, `regex("[0-9]+", var.s)`, `env(var.s)`, `file(var.s)`,
		`{ a = 1 }[var.s]`, `base64decode(var.s)`, `timeadd(var.s, "1h")`, `format("%d", var.s)`,
	} {
		_, ds := load(t, files{"c.hcl": "variable \"s\" {\n sensitive = true\n default = \"hush hush\"\n}\nlocals {\n x = " + expr + "\n}"})
		if !ds.HasErrors() {
			t.Errorf("%s is no mistake", expr)
		}
		for _, d := range ds {
			if strings.Contains(d.Error(), "hush") {
				t.Errorf("%s: %s", expr, d.Error())
			}
		}
	}
}

// A number is a user or a group without an entry in the machine's lists, too.
func TestAccountsByNumber(t *testing.T) {
	s := good(t, files{"c.hcl": "service \"a\" {\n command = [\"x\"]\n user = \"2147480000\"\n group = 2147480001\n}"})
	if got := s.Services[0].User + ":" + s.Services[0].Group; got != "2147480000:2147480001" {
		t.Errorf("got %s", got)
	}
}
