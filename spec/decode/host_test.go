package decode

import (
	"testing"

	"github.com/syndicate/syndicate/spec"
)

const memoryBlock = "service \"a\" {\n command = [\"x\"]\n memory {\n }\n}"

// TestMemoryDefaults caps the defaults, never declared values, at shares of
// what the machine or the control group has, in both syntaxes.
func TestMemoryDefaults(t *testing.T) {
	const meminfo = "MemTotal:        4000000 kB\nMemFree: 1 kB\n"
	tests := []struct {
		name              string
		world             files
		warning, critical spec.Size
	}{
		{"large machine", files{"../proc/meminfo": "MemTotal: 64000000 kB\n"}, 3e9, 5e9},
		{"small machine", files{"../proc/meminfo": meminfo}, 2457600000, 3481600000},
		{"cgroup v2", files{"../proc/meminfo": meminfo, "../proc/self/cgroup": "0::/a/b\n",
			"../sys/fs/cgroup/a/b/memory.max": "max\n", "../sys/fs/cgroup/a/memory.max": "1000000000\n"}, 600000000, 850000000},
		{"cgroup v2 in a container", files{"../proc/meminfo": meminfo, "../proc/self/cgroup": "0::/../outside\n",
			"../sys/fs/cgroup/memory.max": "1000000000\n"}, 600000000, 850000000},
		{"cgroup v2 above the machine", files{"../proc/meminfo": meminfo, "../proc/self/cgroup": "0::/\n",
			"../sys/fs/cgroup/memory.max": "100000000000\n"}, 2457600000, 3481600000},
		{"cgroup v1", files{"../proc/meminfo": meminfo, "../proc/self/cgroup": "5:cpu,memory:/a\n1:name=systemd:/a\n0::/\n",
			"../sys/fs/cgroup/memory/a/memory.limit_in_bytes": "2000000000\n", "../sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 1200000000, 1700000000},
		{"nothing known", files{}, 3e9, 5e9},
		{"nonsense", files{"../proc/meminfo": meminfo, "../proc/self/cgroup": "a:b\n0::/\n", "../sys/fs/cgroup/memory.max": "many"}, 2457600000, 3481600000},
	}
	for _, test := range tests {
		for name, text := range map[string]string{"c.hcl": memoryBlock, "c.hcl.json": `{"service":{"a":{"command":["x"],"memory":{}}}}`} {
			t.Run(test.name+"/"+name, func(t *testing.T) {
				f := files{name: text}
				for k, v := range test.world {
					f[k] = v
				}
				m := good(t, f, func(o *Options) { o.Host = nil }).Services[0].Memory
				if m.Warning != test.warning || m.Critical != test.critical || m.Declared {
					t.Errorf("warning %s, critical %s, declared %v", m.Warning, m.Critical, m.Declared)
				}
			})
		}
	}
	s := good(t, files{"c.hcl": "service \"a\" {\n command = [\"x\"]\n memory {\n warning = \"6GB\"\n critical = \"7GB\"\n }\n}",
		"../proc/meminfo": meminfo}, func(o *Options) { o.Host = nil })
	if m := s.Services[0].Memory; m.Warning != 6e9 || m.Critical != 7e9 {
		t.Errorf("declared values became %s and %s", m.Warning, m.Critical)
	}
}

// TestHostMemory gives the machine's memory as a value, whatever the limit.
func TestHostMemory(t *testing.T) {
	s := good(t, files{"c.hcl": "service \"a\" {\n command = [\"x\", host.memory_total, host.cpus, host.hostname, system.name]\n}"},
		func(o *Options) { o.Host = &Host{CPUs: 3, Memory: 8e9, Limit: 1e9, Hostname: "box"} })
	want := []string{"x", "8000000000", "3", "box", "c"}
	for i, arg := range s.Services[0].Argv {
		if got, _ := arg.Value(); got != want[i] {
			t.Errorf("command[%d] = %q, want %q", i, got, want[i])
		}
	}
}

// TestLiveActions keeps what live does instead of a restart.
func TestLiveActions(t *testing.T) {
	for name, text := range map[string]string{
		"c.hcl":      "service \"a\" {\n command = [\"x\"]\n port = 80\n live {\n tcp = self.port\n do = [self.gc, signal(service.a, \"SIGHUP\")]\n }\n}",
		"c.hcl.json": `{"service":{"a":{"command":["x"],"port":80,"live":{"tcp":"${self.port}","do":["self.gc","signal(service.a, \"SIGHUP\")"]}}}}`,
	} {
		s := good(t, files{name: text})
		do := s.Services[0].Live.Do
		if len(do) != 2 || do[0].Name != "gc" || do[0].Addr.String() != "service.a" || do[1].Name != "signal" || do[1].Args[0] != "SIGHUP" {
			t.Errorf("%s: do %+v", name, do)
		}
		if len(s.Unbuilt) != 1 || s.Unbuilt[0].Name != "do" {
			t.Errorf("%s: unbuilt %+v", name, s.Unbuilt)
		}
	}
}
