package decode

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/spec"
)

// drawn writes the edges of a system, one line each.
func drawn(s *spec.System) []string {
	var out []string
	for _, e := range s.Edges {
		arrow := "->"
		if e.Soft {
			arrow = "~>"
		}
		var why []string
		for _, r := range e.Reasons {
			why = append(why, r.Text)
		}
		out = append(out, fmt.Sprintf("%s %s %s.%s (%s)", e.From, arrow, e.To, e.Condition, strings.Join(why, ", ")))
	}
	return out
}

const db = "database \"m\" {\n migrations {\n  path = \".\"\n }\n}\n"
const dbJSON = `"database":{"m":{"migrations":{"path":"."}}}`

func TestEdges(t *testing.T) {
	tests := []struct {
		name, native, json string
		want               []string
	}{
		{"a value waits for the default condition",
			db + "service \"a\" {\n command = [\"x\"]\n env = { U = database.m.url }\n}",
			`{` + dbJSON + `,"service":{"a":{"command":["x"],"env":{"U":"${database.m.url}"}}}}`,
			[]string{"service.a -> database.m.migrated (env.U)"}},
		{"an address that stands twice is one reason",
			"service \"a\" {\n command = [\"x\"]\n depends_on = [service.b, service.b]\n}\nservice \"b\" {\n command = [\"x\"]\n}",
			`{"service":{"a":{"command":["x"],"depends_on":["service.b","service.b"]},"b":{"command":["x"]}}}`,
			[]string{"service.a -> service.b.ready (depends_on)"}},
		{"a named condition replaces it",
			db + "service \"a\" {\n command = [\"x\"]\n env = { U = database.m.url }\n depends_on = [database.m.ready]\n}",
			`{` + dbJSON + `,"service":{"a":{"command":["x"],"env":{"U":"${database.m.url}"},"depends_on":["database.m.ready"]}}}`,
			[]string{"service.a -> database.m.ready (env.U, depends_on)"}},
		{"after makes values soft",
			db + "service \"a\" {\n command = [\"x\"]\n env = { U = database.m.url }\n after = [database.m]\n}",
			`{` + dbJSON + `,"service":{"a":{"command":["x"],"env":{"U":"${database.m.url}"},"after":["database.m"]}}}`,
			[]string{"service.a ~> database.m.migrated (env.U, after)"}},
		{"no_wait takes values without order",
			db + "service \"a\" {\n command = [\"x\"]\n env = { U = database.m.url }\n no_wait = [database.m]\n}",
			`{` + dbJSON + `,"service":{"a":{"command":["x"],"env":{"U":"${database.m.url}"},"no_wait":["database.m"]}}}`, nil},
		{"through a local",
			db + "locals {\n u = \"${database.m.url}?x\"\n}\nservice \"a\" {\n command = [\"x\"]\n env = { U = local.u }\n}",
			`{` + dbJSON + `,"locals":{"u":"${database.m.url}?x"},"service":{"a":{"command":["x"],"env":{"U":"${local.u}"}}}}`,
			[]string{"service.a -> database.m.migrated (env.U)"}},
		{"through merge",
			db + "service \"a\" {\n command = [\"x\"]\n env = merge({ A = 1 }, { U = database.m.url })\n}",
			`{` + dbJSON + `,"service":{"a":{"command":["x"],"env":"${merge({ A = 1 }, { U = database.m.url })}"}}}`,
			[]string{"service.a -> database.m.migrated (env)"}},
		{"queue, store and share wait for ready",
			db + "queue \"q\" {\n store = database.m\n}\ntask \"t\" {\n command = [\"x\"]\n queue = queue.q\n}",
			`{` + dbJSON + `,"queue":{"q":{"store":"database.m"}},"task":{"t":{"command":["x"],"queue":"queue.q"}}}`,
			[]string{"queue.q -> database.m.ready (store)", "task.t -> queue.q.ready (queue)"}},
		{"targets and http make none",
			"service \"s\" {\n command = [\"x\"]\n port = 80\n}\nbreaker \"b\" {\n target = service.s.url\n}\ntask \"t\" {\n http = \"POST ${breaker.b.url}/x\"\n}",
			`{"service":{"s":{"command":["x"],"port":80}},"breaker":{"b":{"target":"${service.s.url}"}},"task":{"t":{"http":"POST ${breaker.b.url}/x"}}}`, nil},
		{"self makes none",
			"service \"s\" {\n command = [\"x\", self.url]\n port = \"auto\"\n ready {\n  http = \"/h\"\n }\n}",
			`{"service":{"s":{"command":["x","${self.url}"],"port":"auto","ready":{"http":"/h"}}}}`, nil},
		{"a disabled block vanishes",
			"service \"s\" {\n command = [\"x\"]\n enabled = false\n}\nservice \"a\" {\n command = [\"x\"]\n depends_on = [service.s]\n}",
			`{"service":{"s":{"command":["x"],"enabled":false},"a":{"command":["x"],"depends_on":["service.s"]}}}`, nil},
		{"a disabled breaker is transparent",
			"breaker \"b\" {\n target = \"http://e:1\"\n enabled = false\n}\nservice \"a\" {\n command = [\"x\", breaker.b.url]\n}",
			`{"breaker":{"b":{"target":"http://e:1","enabled":false}},"service":{"a":{"command":["x","${breaker.b.url}"]}}}`, nil},
		{"all instances, one of them, and the matching one",
			"service \"w\" {\n command = [\"x\"]\n for_each = { a = 1, b = 2 }\n port = 80 + each.value\n}\n" +
				"service \"all\" {\n command = [\"x\"]\n depends_on = [service.w]\n}\n" +
				"service \"one\" {\n command = [\"x\", service.w[\"b\"].url]\n}\n" +
				"service \"z\" {\n command = [\"x\", service.w[each.key].url]\n for_each = [\"a\"]\n depends_on = [service.w[each.key].started]\n}\n" +
				"service \"map\" {\n command = [for s in service.w : s.url]\n}",
			`{"service":{"w":{"command":["x"],"for_each":{"a":1,"b":2},"port":"${80 + each.value}"},
			"all":{"command":["x"],"depends_on":["service.w"]},
			"one":{"command":["x","${service.w[\"b\"].url}"]},
			"z":{"command":["x","${service.w[each.key].url}"],"for_each":["a"],"depends_on":["service.w[each.key].started"]},
			"map":{"command":"${[for s in service.w : s.url]}"}}}`,
			[]string{
				`service.all -> service.w["a"].ready (depends_on)`, `service.all -> service.w["b"].ready (depends_on)`,
				`service.map -> service.w["a"].ready (command)`, `service.map -> service.w["b"].ready (command)`,
				`service.one -> service.w["b"].ready (command)`,
				`service.z["a"] -> service.w["a"].started (command, depends_on)`,
			}},
	}
	for _, test := range tests {
		for name, text := range map[string]string{"c.hcl": test.native, "c.hcl.json": test.json} {
			t.Run(test.name+"/"+name, func(t *testing.T) {
				s, ds := load(t, files{name: text})
				if ds.HasErrors() {
					t.Fatal(ds)
				}
				got := drawn(s)
				// The order of attributes in a block is that of the text.
				for i := range got {
					got[i] = sortReasons(got[i])
				}
				var want []string
				for _, w := range test.want {
					want = append(want, sortReasons(w))
				}
				if !slices.Equal(got, want) {
					t.Errorf("got  %q\nwant %q", got, want)
				}
			})
		}
	}
}

func sortReasons(line string) string {
	head, why, _ := strings.Cut(line, " (")
	list := strings.Split(strings.TrimSuffix(why, ")"), ", ")
	slices.Sort(list)
	return head + " (" + strings.Join(list, ", ") + ")"
}

// TestEdgeRange cites the place where the value is taken.
func TestEdgeRange(t *testing.T) {
	s := good(t, files{"api.hcl": db + "service \"a\" {\n command = [\"x\"]\n env = {\n  U = database.m.url\n }\n}"})
	if got := s.Edges[0].Reasons[0].Range.String(); got != "api.hcl:9" {
		t.Errorf("at %s", got)
	}
}
