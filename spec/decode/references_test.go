package decode

import (
	"strings"
	"testing"
)

// referenceWorld declares one block of each kind; @ is where the mistake
// goes.
const referenceWorld = `
service "api" {
  command = ["x"]
  port    = 80
}
task "seed" {
  command = ["x"]
  run     = "up"
}
database "main" {
  migrations {
    path = "m"
  }
}
breaker "ollama" {
  target = "http://localhost:1"
}
queue "default" {}
threshold "memory" {
  watch = host.memory_used
  warning {
    above = "80%"
  }
}
notify "ops" {
  command = ["x"]
}
boundary "edge" {}
`

// TestReferences puts references to what does not exist, or to something of
// another kind, in every attribute that takes one: each is an error that says
// what would be right, in both syntaxes.
func TestReferences(t *testing.T) {
	tests := []struct{ block, body, json, code, want string }{
		{"service", "command = [\"x\"]\ndepends_on = [@]", `{"command":["x"],"depends_on":["@"]}`, "", ""},
		{"service", "command = [\"x\"]\nafter = [@]", `{"command":["x"],"after":["@"]}`, "", ""},
	}
	waits := []struct{ ref, code, want string }{
		{"service.apy", CodeReference, `"service.api"`},
		{"servise.api", CodeReference, `"service"`},
		{"database.main.migratd", CodeMember, `"database.main.migrated"`},
		{"service.api.url", CodeKind, "an attribute"},
		{"service.api.memory", CodeKind, "a metric"},
		{"service.api.restart", CodeKind, "an action"},
		{"threshold.memory", CodeKind, "waited for"},
		{"notify.ops", CodeKind, "waited for"},
		{"host", CodeKind, "waited for"},
		{"self", CodeSelf, "itself"},
	}
	type one struct{ name, block, body, json, code, want string }
	var all []one
	for _, test := range tests {
		for _, w := range waits {
			r := func(s string) string { return strings.ReplaceAll(s, "@", w.ref) }
			all = append(all, one{r(test.body), test.block, r(test.body), r(test.json), w.code, w.want})
		}
	}
	more := []struct{ block, body, json, code, want string }{
		{"service", "command = [\"x\"]\nno_wait = [service.api.ready]", `{"command":["x"],"no_wait":["service.api.ready"]}`, CodeKind, "write service.api"},
		{"service", "command = [\"x\"]\nmay_enqueue = [service.api]", `{"command":["x"],"may_enqueue":["service.api"]}`, CodeKind, "a queue is needed"},
		{"service", "command = [\"x\"]\nmay_enqueue = [queue.defalt]", `{"command":["x"],"may_enqueue":["queue.defalt"]}`, CodeReference, `"queue.default"`},
		{"service", "command = [\"x\"]\nenv = { A = service.api.prot }", `{"command":["x"],"env":{"A":"${service.api.prot}"}}`, CodeMember, `"port"`},
		{"service", "command = [\"x\"]\nenv = { A = service.api.memory }", `{"command":["x"],"env":{"A":"${service.api.memory}"}}`, CodeKind, "watch"},
		{"service", "command = [\"x\"]\nenv = { A = service.api.stop }", `{"command":["x"],"env":{"A":"${service.api.stop}"}}`, CodeKind, "do"},
		{"service", "command = [\"x\"]\nenv = { A = task.seed }", `{"command":["x"],"env":{"A":"${task.seed}"}}`, CodeMember, "no attributes"},
		{"service", "command = [\"x\"]\nenv = { A = host.cpu }", `{"command":["x"],"env":{"A":"${host.cpu}"}}`, CodeKind, "cpus"},
		{"service", "command = [\"x\"]\nmemory {\ncleanup = [task.sed]\n}", `{"command":["x"],"memory":{"cleanup":["task.sed"]}}`, CodeReference, `"task.seed"`},
		{"service", "command = [\"x\"]\nport = 81\nlive {\ntcp = self.port\ndo = [self.url]\n}", `{"command":["x"],"port":81,"live":{"tcp":"${self.port}","do":["self.url"]}}`, CodeKind, "an attribute"},
		{"task", "command = [\"x\"]\nqueue = queue.defalt", `{"command":["x"],"queue":"queue.defalt"}`, CodeReference, `"queue.default"`},
		{"task", "command = [\"x\"]\nqueue = service.api", `{"command":["x"],"queue":"service.api"}`, CodeKind, "service.api"},
		{"task", "command = [\"x\"]\nneeds = [service.api]", `{"command":["x"],"needs":["service.api"]}`, CodeKind, "service.api"},
		{"queue", "store = queue.default", `{"store":"queue.default"}`, CodeKind, "queue.default"},
		{"queue", "suspend_on = [service.api]", `{"suspend_on":["service.api"]}`, CodeKind, "threshold"},
		{"breaker", "target = \"http://localhost:2\"\nprobe {\n expect = \"x\"\n}", `{"target":"http://localhost:2","probe":{"expect":"x"}}`, CodeCombine, "leave probe out"},
		{"breaker", "target = \"tcp://localhost:2\"\nprobe {\n expect = \"\"\n}", `{"target":"tcp://localhost:2","probe":{"expect":""}}`, CodeCombine, "Any answer holds an empty text"},
		{"breaker", "target = \"http://localhost:2\"\non_open = \"refuse\"", `{"target":"http://localhost:2","on_open":"refuse"}`, CodeCombine, "leave on_open out"},
		{"breaker", "target = \"http://localhost:2\"\nshare = service.api", `{"target":"http://localhost:2","share":"service.api"}`, CodeKind, "database"},
		{"threshold", "watch = service.api.memry", `{"watch":"service.api.memry"}`, CodeMember, `"service.api.memory"`},
		{"threshold", "watch = service.api", `{"watch":"service.api"}`, CodeKind, "memory"},
		{"threshold", "watch = host.cpus", `{"watch":"host.cpus"}`, CodeKind, "an attribute"},
		{"threshold", "watch = database.main.ready", `{"watch":"database.main.ready"}`, CodeKind, "a condition"},
		{"threshold", "watch = host.cpu\nwarning {\nabove = \"5%\"\ndo = [service.api.restrt]\n}", `{"watch":"host.cpu","warning":{"above":"5%","do":["service.api.restrt"]}}`, CodeMember, `"service.api.restart"`},
		{"threshold", "watch = host.cpu\nwarning {\nabove = \"5%\"\ndo = [queue.default.depth]\n}", `{"watch":"host.cpu","warning":{"above":"5%","do":["queue.default.depth"]}}`, CodeKind, "a metric"},
		{"threshold", "watch = host.cpu\nwarning {\nabove = \"5%\"\non_clear = [service.api.ready]\n}", `{"watch":"host.cpu","warning":{"above":"5%","on_clear":["service.api.ready"]}}`, CodeKind, "a condition"},
		{"boundary", "units = [database.main]", `{"units":["database.main"]}`, CodeKind, "database.main"},
		{"boundary", "units = []", `{"units":[]}`, CodeEmpty, "units names nothing. Where all is meant, leave it out"},
		{"boundary", "match {\nlog = []\n}", `{"match":{"log":[]}}`, CodeEmpty, "log names nothing"},
		{"boundary", "match {\nbreaker = []\n}", `{"match":{"breaker":[]}}`, CodeEmpty, "breaker names nothing"},
		{"boundary", "match {\nbreaker = [service.api]\n}", `{"match":{"breaker":["service.api"]}}`, CodeKind, "breaker"},
		{"boundary", "recover {\ndo = [database.main.chek]\n}", `{"recover":{"do":["database.main.chek"]}}`, CodeMember, `"database.main.check"`},
		{"boundary", "give_up {\ndo = [threshold.memory]\n}", `{"give_up":{"do":["threshold.memory"]}}`, CodeKind, "no action"},
	}
	for _, m := range more {
		all = append(all, one{m.block + " " + m.body, m.block, m.body, m.json, m.code, m.want})
	}
	for _, test := range all {
		for name, src := range map[string]string{
			"c.hcl":      test.block + " \"x\" {\n" + test.body + "\n}\n",
			"c.hcl.json": `{"` + test.block + `":{"x":` + test.json + `}}`,
		} {
			t.Run(test.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				_, ds := load(t, files{"w.hcl": referenceWorld, name: src, "m/1_a.up.sql": ""})
				for _, d := range ds {
					if d.Code == test.code && found(d, []string{test.want}) && d.Subject.Filename == name {
						return
					}
				}
				t.Errorf("want %s with %q, got %v", test.code, test.want, ds)
			})
		}
	}
}
