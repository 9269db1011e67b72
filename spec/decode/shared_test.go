package decode

import (
	"slices"
	"testing"

	"github.com/syndicate/syndicate/spec"
)

// A database in the server of another one, in both syntaxes.
func TestSharedServer(t *testing.T) {
	for name, config := range map[string]files{
		"HCL":  {"c.hcl": "database \"main\" {}\ndatabase \"other\" {\n managed {\n server = database.main\n extensions = [\"hstore\"]\n }\n}"},
		"JSON": {"c.hcl.json": `{"database": {"main": {}, "other": {"managed": {"server": "database.main", "extensions": ["hstore"]}}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := good(t, config)
			main, other := s.Databases[0], s.Databases[1]
			if other.Source != "shared" || other.Managed != nil || other.Shared == nil || other.Shared.Server != main.Addr ||
				!slices.Equal(other.Shared.Extensions, []string{"hstore"}) {
				t.Errorf("%+v", other)
			}
			if s.Server(other) != main || s.Server(main) != main {
				t.Error("its server is another one")
			}
			if !slices.ContainsFunc(s.Edges, func(e spec.Edge) bool {
				return e.From == other.Addr && e.To == main.Addr && e.Condition == "ready" && !e.Soft
			}) {
				t.Errorf("edges %+v", s.Edges)
			}
		})
	}
	s := good(t, files{"c.hcl": "database \"main\" {}\ndatabase \"other\" {\n managed {\n server = null\n }\n}"})
	if s.Databases[1].Source != "managed" {
		t.Errorf("with null it is %s", s.Databases[1].Source)
	}
}
