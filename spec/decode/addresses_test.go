package decode

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestAddressesIn(t *testing.T) {
	tests := map[string]string{
		"http://localhost:80/x":                      "localhost 80",
		"localhost:80":                               "localhost 80",
		"[::1]:80":                                   "::1 80",
		"http://[::1]:80":                            "::1 80",
		"http://[::1]/x":                             "::1 80",
		"postgres://u:1234@localhost:5433/d":         "u 1234, localhost 5433",
		"postgres://u:pw@db.example.com/d":           "db.example.com 5432",
		"https://localhost":                          "localhost 443",
		"a=http://127.0.0.1:1,b=http://0.0.0.0:2/?c": "127.0.0.1 1, 0.0.0.0 2",
		`{"url":"http://localhost:3000"}`:            "localhost 3000",
		"localhost:80a":                              "",
		"localhost:800000":                           "",
		"redis://localhost":                          "",
		"::::":                                       "",
		"]:80":                                       "",
		"see localhost:80.":                          "localhost 80",
		"no address at all, but a time of 12 past noon": "",
	}
	for text, want := range tests {
		var got []string
		for _, p := range addressesIn(text) {
			got = append(got, fmt.Sprintf("%s %d", p.host, p.port))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestLiteralAddresses finds addresses of other blocks wherever the value is
// known, in both syntaxes, and only where nothing waits.
func TestLiteralAddresses(t *testing.T) {
	const world = `
variable "host" {
  default = "localhost"
}
locals {
  whole = "http://127.0.0.1:80/x"
  port  = 80
  env   = { A = "http://localhost:80" }
}
service "other" {
  command = ["x"]
  port    = 80
  ports   = { admin = 81 }
}
service "outside" {
  command = ["x"]
  host    = "10.0.0.5"
  port    = 82
}
breaker "b" {
  target = "http://localhost:83"
  listen = "127.0.0.1:84"
}
breaker "off" {
  enabled = false
  target  = "http://localhost:80"
  listen  = "127.0.0.1:85"
}
database "run" {
  managed {
    port = 5433
  }
  gateway {
    listen = "127.0.0.1:6432"
  }
}
database "elsewhere" {
  url = "postgres://u:p@db.example.com/n"
}
database "parts" {
  host = "localhost"
  port = 5440
}
`
	tests := []struct{ name, value, want string }{
		{"literal", `"http://localhost:80"`, "service.other.url"},
		{"another name of this machine", `"http://0.0.0.0:80"`, "service.other.url"},
		{"IPv6", `"http://[::1]:80"`, "service.other.url"},
		{"without a scheme", `"localhost:80"`, "service.other.url"},
		{"default port", `"http://localhost/x"`, "service.other.url"},
		{"template", `"http://${var.host}:80/x"`, "service.other.url"},
		{"local", `local.whole`, "service.other.url"},
		{"local in a template", `"http://localhost:${local.port}"`, "service.other.url"},
		{"conditional", `var.host == "" ? "" : "http://localhost:80"`, "service.other.url"},
		{"function", `jsonencode({ a = "http://localhost:80" })`, "service.other.url"},
		{"caller's environment", `env("NOPE", "http://localhost:80")`, "service.other.url"},
		{"secret", `sensitive("http://u:swordfish@localhost:80")`, "service.other.url"},
		{"named port", `"localhost:81"`, "service.other.ports.admin"},
		{"address of its own", `"http://10.0.0.5:82"`, "service.outside.url"},
		{"breaker", `"http://localhost:84"`, "breaker.b.url"},
		{"managed database behind a gateway", `"postgres://localhost:5433/run"`, "database.run.direct_url"},
		{"gateway", `"postgres://localhost:6432/run"`, "database.run.url"},
		{"database elsewhere", `"postgres://u:p@db.example.com/n"`, "database.elsewhere.url"},
		{"database of parts", `"postgres://localhost:5440/n"`, "database.parts.url"},

		{"another port", `"http://localhost:8000"`, ""},
		{"another machine", `"http://example.com:80"`, ""},
		{"another machine's address", `"http://10.0.0.6:82"`, ""},
		{"what a breaker guards", `"http://localhost:83"`, ""},
		{"a transparent breaker", `breaker.off.url`, ""},
		{"a reference", `service.other.url`, ""},
		{"a reference in a template", `"http://localhost:${service.other.port}"`, ""},
		{"known later", `"http://localhost:${database.run.port}"`, ""},
		{"a number", `80`, ""},
	}
	for _, test := range tests {
		text, err := json.Marshal(map[string]any{"service": map[string]any{"a": map[string]any{
			"command": []string{"x"}, "env": map[string]string{"A": "${" + test.value + "}"},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		for name, src := range map[string]string{
			"c.hcl":      "service \"a\" {\n command = [\"x\"]\n env = { A = " + test.value + " }\n}",
			"d.hcl":      "service \"a\" {\n command = [\"x\"]\n env = merge({ A = " + test.value + " }, {})\n}",
			"c.hcl.json": string(text),
		} {
			_, ds := load(t, files{"w.hcl": world, name: src})
			var got []string
			for _, d := range ds {
				if strings.Contains(d.Error(), "swordfish") {
					t.Errorf("%s: a secret in %s", test.name, d.Error())
				}
				if d.Code == CodeLiteralURL {
					got = append(got, d.Error())
				}
			}
			if test.want == "" && len(got) > 0 || test.want != "" && (len(got) != 1 || !strings.Contains(got[0], test.want)) {
				t.Errorf("%s in %s: %q, want %q", test.name, name, got, test.want)
			}
		}
	}
}

// TestLiteralAddressesThatWait need no warning: the order is there, or is
// said not to be wanted.
func TestLiteralAddressesThatWait(t *testing.T) {
	for _, order := range []string{"depends_on", "after", "no_wait", ""} {
		line, list := "", map[string]any{"command": []string{"x"}, "env": map[string]string{"A": "http://localhost:80"}}
		if order != "" {
			line, list[order] = order+" = [service.other]\n", []string{"service.other"}
		}
		text, err := json.Marshal(map[string]any{"service": map[string]any{
			"a": list, "other": map[string]any{"command": []string{"x"}, "port": 80},
		}})
		if err != nil {
			t.Fatal(err)
		}
		for name, src := range map[string]string{
			"c.hcl": "service \"other\" {\n command = [\"x\"]\n port = 80\n}\nservice \"a\" {\n command = [\"x\"]\n" + line +
				"env = { A = \"http://localhost:80\" }\n}",
			"c.hcl.json": string(text),
		} {
			_, ds := load(t, files{name: src})
			if (len(ds) == 0) != (order != "") || ds.HasErrors() {
				t.Errorf("%s with %q: %v", name, order, ds)
			}
		}
	}
}

// A command that points at another block's port is told of it as well: for the
// shell, by way of env.
func TestAddressesInCommands(t *testing.T) {
	for _, test := range []struct{ command, words string }{
		{`["x", "http://localhost:80/x"]`, "Write service.other.url instead"},
		{`["x", "--to=127.0.0.1:80"]`, "Use service.other.url in it instead"},
		{`["x", "--to=http://0.0.0.0:80"]`, "Use service.other.url in it instead"},
		{`["x", local.there]`, "Use service.other.url in it instead"},
		{`concat(["x"], ["http://[::1]:80"])`, "Use service.other.url in it instead"},
		{`"curl http://127.0.0.1:80"`, "Write env = { VALUE = service.other.url } and $VALUE in the command instead"},
		{`["x", "--listen=127.0.0.1:82"]`, "none"},
		{`["x", service.other.url, "http://localhost:80"]`, "none"},
	} {
		t.Run(test.command, func(t *testing.T) {
			_, ds := load(t, files{"c.hcl": "locals {\n there = \"http://localhost:80\"\n}\nservice \"other\" {\n command = [\"x\"]\n port = 80\n}\n" +
				"service \"a\" {\n command = " + test.command + "\n port = 82\n}"})
			if test.words == "none" {
				if len(ds) > 0 {
					t.Errorf("got %v", ds)
				}
				return
			}
			if len(ds) != 1 || ds[0].Code != CodeLiteralURL || ds[0].Subject.Start.Line != 9 || !strings.Contains(ds[0].Detail, test.words) {
				t.Errorf("want %q, got %v", test.words, ds)
			}
		})
	}
}
