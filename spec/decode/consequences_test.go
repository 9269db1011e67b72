package decode

import (
	"fmt"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/spec"
)

// Where a file can be read in part only, nothing is said that may be due to
// that, everything else is, and once that there may be more.
func TestConsequencesOfSyntaxErrors(t *testing.T) {
	const other = "service \"other\" {\n command = [\"x\"]\n port = \"x\"\n env = { A = service.lost.url, B = var.lost, C = local.lost }\n}\n"
	tests := []struct {
		name, text string
		want       []string // code and line
	}{
		{"nothing broken", "service \"a\" {\n command = [\"x\"]\n}\n", []string{"S010:3", "S030:4", "S030:4", "S030:4"}},
		{"block without an end", "service \"a\" {\n command = [\"x\"]\n port = \"y\"\n\nservice \"lost\" {\n command = [\"x\"]\n port = 1\n}\n", []string{"S001:1", "S010:3"}},
		{"argument without a value", "service \"a\" {\n command = [\"x\"]\n ready {\n  http = \n }\n}\n\nservice \"lost\" {\n command = [\"x\"]\n port = 1\n}\n", []string{"S001:4", "S010:3"}},
		{"list without an end", "service \"a\" {\n command = [\"x\"\n}\n\nservice \"lost\" {\n command = [\"x\"]\n port = 1\n}\n", []string{"S001:3", "S010:3"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, ds := load(t, files{"a.hcl": tt.text, "b.hcl": other})
			var got []string
			more := 0
			for _, d := range ds {
				got = append(got, fmt.Sprintf("%s:%d", d.Code, d.Subject.Start.Line))
				more += strings.Count(d.Detail, "Once this is mended, the rest is looked at in full.")
			}
			if strings.Join(got, " ") != strings.Join(tt.want, " ") {
				t.Errorf("got %v, want %v", got, tt.want)
				for _, d := range ds {
					t.Log(d.Code, d.Context, spec.Diagnostic.Error(d))
				}
			}
			if broken := tt.name != "nothing broken"; (more == 1) != broken {
				t.Errorf("said %d times that there may be more", more)
			}
		})
	}
	_, ds := load(t, files{"a.hcl.json": `{"service": {"lost": }`, "b.hcl": other})
	if len(ds) != 3 || ds[0].Code != CodeSyntax || ds[1].Code != CodeSyntax || ds[2].Code != CodeType {
		t.Errorf("JSON: %v", ds)
	}
}

// A breaker whose only use is misspelt is not called unused, too.
func TestAWrongUseIsNoDisuse(t *testing.T) {
	_, ds := load(t, files{"a.hcl": `
breaker "up" { target = "http://localhost:1" }
service "a" {
  command = ["x"]
  env     = { U = breaker.up.urls }
}`})
	if len(ds) != 1 || !ds.HasErrors() {
		t.Errorf("got %v", ds)
	}
}

// What a file that can be read in part only names nowhere, or in references
// alone, is declared nowhere: that is said at once.
func TestAbsenceBesideSyntaxErrors(t *testing.T) {
	const other = "service \"other\" {\n command = [\"x\"]\n env = { A = service.nowhere.url, B = var.nowhere, C = local.nowhere, D = service.brokn.url }\n depends_on = [service.nowhere]\n}\n"
	tests := []struct {
		name, file, text, want string
	}{
		{"not named", "a.hcl", "service \"broken\" {\n command = \n}\n", "S001:2 S030:3 S030:3 S030:3 S030:3 S030:4"},
		{"named in a reference", "a.hcl", "service \"broken\" {\n command = \n env = { A = service.nowhere.url }\n}\n", "S001:2 S030:3 S030:3 S030:3 S030:3 S030:4"},
		{"perhaps declared", "a.hcl", "service \"broken\" {\n command = [\n}\n  nowhere = \"", "S001:3 S030:3"},
		{"letters as numbers", "a.hcl.json", `{"service": {"nowher\u0065": }`, "S001:1 S001:1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, ds := load(t, files{tt.file: tt.text, "b.hcl": other})
			var got []string
			for _, d := range ds {
				got = append(got, fmt.Sprintf("%s:%d", d.Code, d.Subject.Start.Line))
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
				for _, d := range ds {
					t.Log(d.Code, d.Context, spec.Diagnostic.Error(d))
				}
			}
		})
	}
}
