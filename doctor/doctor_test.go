package doctor

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/spec"
)

// machine is a file system with the given files.
func machine(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func service(name string, port int, argv ...string) *spec.Service {
	s := &spec.Service{Block: spec.Block{Addr: spec.Addr{Kind: spec.KindService, Name: name}}}
	if port != 0 {
		s.Port = &spec.Port{Number: port}
	}
	for _, a := range argv {
		s.Argv = append(s.Argv, spec.Known(a))
	}
	return s
}

func managed(name string) *spec.Database {
	return &spec.Database{Block: spec.Block{Addr: spec.Addr{Kind: spec.KindDatabase, Name: name}}, Source: "managed",
		Managed: &spec.Managed{Port: spec.Port{Auto: true}}}
}

const listening = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0 100 0 0 10 0
   1: 0100007F:1F91 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 0 100 0 0 10 0
broken line
`

func TestRun(t *testing.T) {
	tests := []struct {
		name   string
		files  map[string]string
		change func(*Config)
		topic  string
		level  Level
		want   string // in the summary or a detail
	}{
		{"a kernel of today", map[string]string{"proc/sys/kernel/osrelease": "6.1.0-9-amd64\n"}, nil, "kernel", OK, "6.1.0"},
		{"an old kernel", map[string]string{"proc/sys/kernel/osrelease": "5.4.0\n"}, nil, "kernel", Warning, "older than 5.10"},
		{"no /proc", nil, nil, "kernel", Warning, "cannot be read"},
		{"macOS", nil, func(c *Config) { c.OS = "darwin" }, "kernel", Warning, "macOS"},
		{"cgroups", map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cgroup.procs": ""}, nil, "cgroups", OK, "/sys/fs/cgroup/a"},
		{"cgroups of a container", map[string]string{"proc/self/cgroup": "0::/far/away\n", "sys/fs/cgroup/cgroup.procs": ""}, nil, "cgroups", OK, "below /sys/fs/cgroup"},
		{"cgroups of version 1", map[string]string{"proc/self/cgroup": "4:memory:/a\n"}, nil, "cgroups", Note, "no cgroup v2"},
		{"enough descriptors", nil, nil, "descriptors", OK, "20000"},
		{"too few descriptors", nil, func(c *Config) {
			c.Limits = &Limits{FilesSoft: 64, FilesHard: 70}
			c.System.Services = []*spec.Service{service("a", 0, "sh"), service("b", 0, "sh")}
		}, "descriptors", Problem, "needs about 74"},
		{"small pipes", map[string]string{"proc/sys/fs/pipe-user-pages-soft": "16\n"}, nil, "pipes", Warning, "need 32 pages"},
		{"PostgreSQL is not needed", nil, func(c *Config) { c.Postgres = noPostgres }, "PostgreSQL", Note, "only a managed database"},
		{"PostgreSQL is missed", nil, func(c *Config) {
			c.Postgres, c.System.Databases = noPostgres, []*spec.Database{managed("main")}
		}, "PostgreSQL", Problem, "database.main"},
		{"PostgreSQL is there", nil, func(c *Config) {
			c.System.Databases = []*spec.Database{managed("main")}
			c.Postgres = func(context.Context, *spec.Database) Postgres { return Postgres{Found: "15.18 in /bin"} }
		}, "PostgreSQL", OK, "15.18"},
		{"a port in use", map[string]string{"proc/net/tcp": listening, "proc/77/comm": "nginx\n", "proc/77/fd/3": ""},
			func(c *Config) { link(c.Root) }, "ports", Problem, "process 77 (nginx)"},
		{"a port in use by a stranger", map[string]string{"proc/net/tcp6": listening}, nil, "ports", Problem, "port 8080 of service.api is in use"},
		{"only connected", map[string]string{"proc/net/tcp": strings.ReplaceAll(listening, " 0A ", " 01 ")}, nil, "ports", OK, "are free"},
		{"the system runs", map[string]string{"proc/net/tcp": listening},
			func(c *Config) { c.State = state(State{Exists: true, Held: true, PID: 5}, nil) }, "state", OK, "process 5"},
		{"an engine died", nil, func(c *Config) {
			c.State = state(State{Exists: true, PID: 5, Life: "x"}, nil)
			c.Leftovers = func(life string) int { return len(life) * 3 }
		}, "state", Warning, "3 of their processes"},
		{"another configuration's state", nil, func(c *Config) {
			c.State = state(State{Exists: true, Config: "/other"}, nil)
		}, "state", Problem, "/other"},
		{"a state that cannot be read", nil, func(c *Config) { c.State = state(State{}, fs.ErrPermission) }, "state", Problem, "cannot be read"},
		{"a program that is missing", nil, func(c *Config) {
			c.System.Services = []*spec.Service{service("b", 0, "no-such"), service("c", 0, "./no-such"), service("d", 0, "sh")}
		}, "programs", Problem, "no-such"},
		{"a variable is given in env", nil, func(c *Config) {
			c.Environ = []string{"PATH=/bin", "AWS_KEY=swordfish", "FROM_FILE=x", "OTHER=x"}
			s := service("b", 0, "sh")
			s.Env = []spec.EnvVar{{Name: "AWS_KEY", Value: spec.Known(spec.Sensitive("swordfish"))}}
			s.EnvFiles = []spec.EnvFile{{Vars: []spec.EnvVar{{Name: "FROM_FILE"}}}}
			c.System.Services = []*spec.Service{s}
		}, "environment", Note, "1 variable of this environment reaches"},
		{"only some get one", nil, func(c *Config) {
			c.Environ = []string{"PATH=/bin", "AWS_KEY=swordfish", "OTHER=x", "PWD=/", "SYNDICATE_FILE=x"}
			some := service("b", 0, "sh")
			some.Inherited = []string{"AWS_KEY=swordfish"}
			c.System.Services = append(c.System.Services, some)
		}, "environment", Note, "1 variable of this environment reaches no serviceOTHER\nOnly some get: AWS_KEY"},
		{"a variable is withheld", nil, func(c *Config) { c.Environ = []string{"PATH=/bin", "AWS_KEY=swordfish"} }, "environment", Note, "AWS_KEY"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := Config{
				System: &spec.System{StateDir: filepath.Join(t.TempDir(), "state"), Environ: []string{"PATH=" + os.Getenv("PATH")},
					Services: []*spec.Service{service("api", 8080, "sh")}},
				ConfigPath: "/conf", OS: "linux", Root: machine(t, tt.files), Environ: []string{"PATH=/bin"},
				Limits: &Limits{FilesSoft: 1024, FilesHard: 20000},
				State:  state(State{}, fs.ErrNotExist),
			}
			if tt.change != nil {
				tt.change(&c)
			}
			report := Run(t.Context(), c)
			i := slices.IndexFunc(report.Findings, func(f Finding) bool { return f.Topic == tt.topic && f.Level == tt.level })
			if i < 0 {
				t.Fatalf("no %s about %s: %+v", tt.level, tt.topic, report.Findings)
			}
			f := report.Findings[i]
			if !strings.Contains(f.Summary+strings.Join(f.Details, "\n"), tt.want) {
				t.Errorf("%+v does not say %q", f, tt.want)
			}
			if f.Level == Problem && len(f.Mend) == 0 {
				t.Errorf("a problem without a way out: %+v", f)
			}
			if report.Works != !slices.ContainsFunc(report.Findings, func(f Finding) bool { return f.Level == Problem }) {
				t.Errorf("works is %v: %+v", report.Works, report.Findings)
			}
			for _, f := range report.Findings {
				if strings.Contains(f.Summary+strings.Join(f.Details, ""), "swordfish") {
					t.Errorf("a value is shown: %+v", f)
				}
			}
		})
	}
}

func noPostgres(context.Context, *spec.Database) Postgres {
	return Postgres{Looked: []string{"/usr/bin: nothing"}, Install: []string{"apt-get install postgresql"}}
}

func state(s State, err error) func(string) (State, error) {
	return func(string) (State, error) { return s, err }
}

// link gives process 77 the socket 4242.
func link(root string) {
	path := filepath.Join(root, "proc/77/fd/3")
	if err := errors.Join(os.Remove(path), os.Symlink("socket:[4242]", path)); err != nil {
		panic(err)
	}
}

// On the real machine a port that this very process listens on is found.
func TestRealPort(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	report := Run(t.Context(), Config{System: &spec.System{Services: []*spec.Service{service("api", port)}}})
	i := slices.IndexFunc(report.Findings, func(f Finding) bool { return f.Topic == "ports" })
	if i < 0 || report.Findings[i].Level != Problem || report.Works {
		t.Errorf("port %d is not found in use: %+v", port, report.Findings)
	}
}

func TestRunWithoutConfiguration(t *testing.T) {
	if report := Run(t.Context(), Config{Root: t.TempDir()}); !report.Works || report.Findings == nil {
		t.Errorf("%+v", report)
	}
}
