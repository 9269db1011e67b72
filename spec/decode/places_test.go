package decode

import (
	"testing"

	"github.com/syndicate/syndicate/spec"
)

// Where syndicate itself listens is decided before anything starts, so the
// plan has it; a URL is known later, since it holds a password.
func TestPlacesOfDatabases(t *testing.T) {
	for _, test := range []struct{ block, value, want string }{
		{"managed {\n  port = 5440\n }", `"${database.m.host}:${database.m.port}"`, "127.0.0.1:5440"},
		{"", `"${database.m.host}:${database.m.port}"`, "127.0.0.1:5441"},
		{"", `database.m.url`, ""},
		{"managed {\n  port = 5440\n }\n gateway {\n  listen = \"0.0.0.0:6432\"\n }", `"${database.m.host}:${database.m.port}"`, "127.0.0.1:6432"},
		{"gateway {\n  listen = \"[::1]:6432\"\n }", `database.m.host`, "::1"},
		{"gateway {}", `database.m.host`, "127.0.0.1"},
		{"gateway {}", `database.m.port`, ""},
		{"gateway {}", `database.m.direct_url`, ""},
	} {
		t.Run(test.block+test.value, func(t *testing.T) {
			s := good(t, files{"c.hcl": "database \"m\" {\n " + test.block + "\n}\nservice \"a\" {\n command = [\"x\"]\n env = { A = " + test.value + " }\n}"},
				func(o *Options) { o.Ports = map[string]int{"database.m": 5441} })
			v, known := envOf(t, s.Services[0], "A").Value.Value()
			if known != (test.want != "") || v.Reveal() != test.want {
				t.Errorf("%q, known %v", v.Reveal(), known)
			}
			if len(s.Edges) != 1 || s.Edges[0].To != (spec.Addr{Kind: spec.KindDatabase, Name: "m"}) {
				t.Errorf("edges %v", s.Edges)
			}
		})
	}
	s := good(t, files{"c.hcl": "database \"m\" {}\nservice \"a\" {\n command = [\"x\"]\n env = { A = database.m.port }\n}"})
	if _, known := envOf(t, s.Services[0], "A").Value.Value(); known {
		t.Error("a port that nobody has chosen yet is known")
	}
}
