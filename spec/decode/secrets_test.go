package decode

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// TestSecretsAreNeverShown refuses a sensitive value wherever the process
// list, a request's line or a plan would show it, in both syntaxes.
func TestSecretsAreNeverShown(t *testing.T) {
	const world = "variable \"s\" {\n sensitive = true\n default = \"swordfish\"\n}\nlocals {\n s = \"x-${var.s}\"\n}\n"
	tests := []struct{ name, native, json string }{
		{"command", "service \"a\" {\n command = [\"x\", local.s]\n}", `{"service":{"a":{"command":["x","${local.s}"]}}}`},
		{"task", "task \"a\" {\n run = \"up\"\n command = [\"x\", local.s]\n}", `{"task":{"a":{"run":"up","command":["x","${local.s}"]}}}`},
		{"request", "task \"a\" {\n run = \"up\"\n http = \"GET http://h/${local.s}\"\n}", `{"task":{"a":{"run":"up","http":"GET http://h/${local.s}"}}}`},
		{"exec", "service \"a\" {\n command = [\"x\"]\n ready {\n exec = [\"x\", local.s]\n }\n}", `{"service":{"a":{"command":["x"],"ready":{"exec":["x","${local.s}"]}}}}`},
		{"probe path", "service \"a\" {\n command = [\"x\"]\n port = 80\n ready {\n http = \"/${local.s}\"\n }\n}", `{"service":{"a":{"command":["x"],"port":80,"ready":{"http":"/${local.s}"}}}}`},
		{"probe URL", "service \"a\" {\n command = [\"x\"]\n ready {\n http = \"http://h/${local.s}\"\n }\n}", `{"service":{"a":{"command":["x"],"ready":{"http":"http://h/${local.s}"}}}}`},
		{"fallback command", "breaker \"a\" {\n target = \"http://h\"\n fallback {\n command = [\"x\", local.s]\n }\n}", `{"breaker":{"a":{"target":"http://h","fallback":{"command":["x","${local.s}"]}}}}`},
		{"notify command", "notify \"a\" {\n command = [\"x\", local.s]\n}", `{"notify":{"a":{"command":["x","${local.s}"]}}}`},
		{"directory", "service \"a\" {\n command = [\"x\"]\n dir = local.s\n}", `{"service":{"a":{"command":["x"],"dir":"${local.s}"}}}`},
		{"key", "service \"a\" {\n command = [\"x\"]\n for_each = [local.s]\n}", `{"service":{"a":{"command":["x"],"for_each":["${local.s}"]}}}`},
		{"name of a variable", "service \"a\" {\n command = [\"x\"]\n env = { (local.s) = \"x\" }\n}", `{"service":{"a":{"command":["x"],"env":{"${local.s}":"x"}}}}`},
		{"argument of an action", "service \"a\" {\n command = [\"x\"]\n}\nthreshold \"t\" {\n watch = host.cpu\n warning {\n above = \"5%\"\n do = [signal(service.a, local.s)]\n }\n}",
			`{"service":{"a":{"command":["x"]}},"threshold":{"t":{"watch":"host.cpu","warning":{"above":"5%","do":["signal(service.a, local.s)"]}}}}`},
		{"environment by name", "service \"a\" {\n command = [env(\"MY_TOKEN\")]\n}", `{"service":{"a":{"command":["${env(\"MY_TOKEN\")}"]}}}`},
	}
	for _, test := range tests {
		for name, src := range map[string]string{"c.hcl": test.native, "c.hcl.json": test.json} {
			s, ds := load(t, files{"w.hcl": world, name: src}, func(o *Options) {
				o.LookupEnv = func(string) (string, bool) { return "swordfish", true }
			})
			refused := false
			for _, d := range ds {
				refused = refused || d.Code == CodeSensitive
				if strings.Contains(d.Error(), "swordfish") {
					t.Errorf("%s in %s: shown by %s", test.name, name, d.Error())
				}
			}
			if !refused {
				t.Errorf("%s in %s: not refused: %v", test.name, name, ds)
			}
			if shown := fmt.Sprintf("%+v", deref(s)); strings.Contains(shown, "swordfish") {
				t.Errorf("%s in %s: the system shows it", test.name, name)
			}
		}
	}
}

// deref makes what pointers lead to part of what is printed.
func deref(v any) string {
	var b strings.Builder
	var walk func(reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() {
				walk(v.Elem())
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		case reflect.Struct:
			fmt.Fprintf(&b, "%v %+v\n", v.Interface(), v.Interface())
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					walk(v.Field(i))
				}
			}
		}
	}
	walk(reflect.ValueOf(v))
	return b.String()
}

// TestSensitiveSources marks each value that the language calls sensitive.
func TestSensitiveSources(t *testing.T) {
	tests := map[string]bool{
		`env("MY_PASSWORD")`: true, `env("a_secret_b")`: true, `env("TOKENS")`: true, `env("API_KEY")`: true, `env("SENTRY_DSN")`: true,
		`env("WEBHOOK")`: true, `env("TEST_DATABASE_URL")`: true, `env("USERNAME")`: false, `env("API_KEY", "x")`: true,
		`sensitive("x")`: true, `"a-${sensitive("x")}"`: true, `upper(sensitive("x"))`: true, `nonsensitive(sensitive("x"))`: false,
		`database.m.url`: true, `database.m.direct_url`: true, `database.m.password`: true, `database.m.host`: false, `database.m.user`: false,
		`jsonencode({ a = database.m.url })`: true, `var.s`: true, `each.value`: false,
	}
	for expr, want := range tests {
		for name, src := range map[string]string{
			"c.hcl":      "service \"a\" {\n for_each = { k = \"v\" }\n command = [\"x\"]\n env = { A = " + expr + " }\n}",
			"c.hcl.json": `{"service":{"a":{"for_each":{"k":"v"},"command":["x"],"env":{"A":"${` + strings.ReplaceAll(expr, `"`, `\"`) + `}"}}}}`,
		} {
			s := good(t, files{name: src, "w.hcl": "variable \"s\" {\n sensitive = true\n default = \"x\"\n}\ndatabase \"m\" {\n url = \"postgres://u:pw@h/n\"\n}"},
				func(o *Options) { o.LookupEnv = func(string) (string, bool) { return "value", true } })
			if v, known := envOf(t, s.Services[0], "A").Value.Value(); !known || v.IsSensitive() != want {
				t.Errorf("%s in %s: sensitive %v, known %v", expr, name, v.IsSensitive(), known)
			}
		}
	}
}

// Plans show the names in env, so none is made of a secret, however it came
// there. A map that is secret as a whole has names that may be shown.
func TestSecretNames(t *testing.T) {
	const declared = `
variable "s" {
  sensitive = true
  default   = "hunter2hunter2"
}
variable "m" {
  sensitive = true
  default   = { NAME = "hunter2hunter2" }
}
variable "j" {
  sensitive = true
  default   = "{\"NAME\": \"hunter2hunter2\"}"
}
locals {
  made   = { (var.s) = 1 }
  shouts = { for k in [upper(var.s)] : k => 1 }
}
service "a" {
  command = ["x"]
  env     = %s
}
`
	for expr, bad := range map[string]bool{
		`{ (var.s) = 1 }`:                                         true,
		`{ "X_${var.s}" = 1 }`:                                    true,
		`merge({ A = 1 }, { (var.s) = 1 })`:                       true,
		`zipmap([var.s], ["v"])`:                                  true,
		`{ for k in [var.s] : "X_${k}" => 1 }`:                    true,
		`local.made`:                                              true,
		`merge(local.made, { A = 1 })`:                            true,
		`{ for k, v in var.m : v => k }`:                          true,
		`{ for k in [upper(var.s)] : k => 1 }`:                    true,
		`zipmap([upper(var.s)], ["v"])`:                           true,
		`zipmap([base64encode(var.s)], ["v"])`:                    true,
		`zipmap([upper(sensitive("hush"))], ["v"])`:               true,
		`zipmap([upper(env("A_SECRET", "hush"))], ["v"])`:         true,
		`{ for k, v in var.m : upper(v) => k }`:                   true,
		`local.shouts`:                                            true,
		`{ for k, v in var.m : "${lower(k)}_${strlen(k)}" => v }`: false,
		`{ for k, v in var.m : k => v if v != "" }`:               false,
		`var.s == "other" ? { A = 1 } : { B = 1 }`:                false,
		`jsondecode(var.j)`:                                       false,
		`zipmap([upper(nonsensitive(var.s))], ["v"])`:             false,
		`var.m`:                          false,
		`merge(var.m, { A = 1 })`:        false,
		`{ for k, v in var.m : k => v }`: false,
		`zipmap(["A"], [var.s])`:         false,
	} {
		t.Run(expr, func(t *testing.T) {
			_, ds := load(t, files{"c.hcl": fmt.Sprintf(declared, expr)})
			said := false
			for _, d := range ds {
				said = said || d.Code == CodeSensitive
				if strings.Contains(d.Error(), "hunter2") {
					t.Errorf("the secret stands in %s", d.Error())
				}
			}
			if said != bad {
				t.Errorf("refused: %v, got %v", said, ds)
			}
		})
	}
}
