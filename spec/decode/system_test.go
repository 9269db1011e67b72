package decode

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/spec"
)

// TestDefaults fills in what the language declares.
func TestDefaults(t *testing.T) {
	s := good(t, files{"c.hcl": "service \"a\" {\n command = [\"x\"]\n port = 80\n ready {\n  http = \"/h\"\n }\n live {\n  tcp = self.port\n }\n}\ntask \"t\" {\n command = \"x | y\"\n run = \"up\"\n}\ndatabase \"m\" {}\nthreshold \"th\" {\n watch = host.memory_used\n warning {\n  above = \"50%\"\n }\n}"})
	a, task, db, th := s.Services[0], s.Tasks[0], s.Databases[0], s.Thresholds[0]
	live, _ := a.Live.Target.Value()
	ready, _ := a.Ready.Target.Value()
	for name, pair := range map[string][2]any{
		"critical": {a.Critical, true}, "host": {a.Host, "127.0.0.1"}, "start": {a.Start.Attempts, 3},
		"backoff": {a.Start.Backoff, spec.DefaultBackoff}, "restart": {fmt.Sprint(a.Restart.On, a.Restart.Limit, a.Restart.Within), "always5 1m"},
		"stop": {fmt.Sprint(a.Stop.Signal, a.Stop.Timeout), "SIGTERM10s"}, "log": {fmt.Sprint(a.Log.MaxSize, a.Log.Keep), "50MB 5"},
		"ready":        {fmt.Sprint(a.Ready.Kind, a.Ready.Interval, a.Ready.Timeout, a.Ready.Deadline), "http1s 1s 1m"},
		"live":         {fmt.Sprint(a.Live.Kind, a.Live.Interval, a.Live.Failures), "tcp10s 3"},
		"ready target": {ready, "http://127.0.0.1:80/h"}, "live target": {live, "127.0.0.1:80"}, "dir": {a.Dir, "/c"},
		"task":      {fmt.Sprint(task.Priority, task.Timeout, task.Retry.Attempts, task.Missed, task.Timezone, task.Shell, task.Critical), "normal1h 1onceUTCtrue true"},
		"database":  {fmt.Sprint(db.Source, db.Managed.DataDir, db.Managed.Port.Auto, db.Retry.Attempts, db.Health), "managed/c/.syndicate/c/pg/mtrue 8 {10s 2s}"},
		"threshold": {fmt.Sprintf("%v %v %.2f", th.Interval, th.Warning.Hold, *th.Warning.Clear), "10s 30s 0.45"},
		"system":    {fmt.Sprint(s.Name, s.Degraded, s.OnFailure, s.Parallelism), "callowcontinue0"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %v, want %v", name, pair[0], pair[1])
		}
	}
}

// TestUnbuilt lists what up must refuse, and nothing that is at its default.
func TestUnbuilt(t *testing.T) {
	s, _ := load(t, files{"c.hcl": `
syndicate {
  http {
    listen = "127.0.0.1:1"
  }
}
service "a" {
  command  = ["x"]
  runtime  = "auto"
  log {}
  live {
    exec = ["x"]
    do   = [self.gc]
  }
}
service "b" {
  command = ["x"]
  runtime = "node"
}
database "m" {
  url = "postgres://h/x"
  gateway {
    enabled = false
  }
  pool {}
  migrations {
    path  = "."
    on_up = "skip"
  }
}
task "demand" {
  command = ["x"]
}
task "up" {
  command  = ["x"]
  run      = "up"
  schedule = "@daily"
}
queue "q" {}
notify "n" {
  webhook = "https://example.org/x"
}`})
	var got []string
	for _, f := range s.Unbuilt {
		got = append(got, fmt.Sprintf("%s:%d", f.Name, f.Range.Start.Line))
	}
	slices.Sort(got)
	want := []string{"do:13", "notify:40", "queue:39", "runtime:18", "schedule:37", `task without run = "up":31`}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestActions resolves lists of actions, instances and calls included.
func TestActions(t *testing.T) {
	s := good(t, files{"c.hcl": `
service "w" {
  command  = ["x"]
  for_each = { b = 1, a = 2 }
}
service "off" {
  command = ["x"]
  enabled = false
}
task "t" {
  command = ["x"]
}
database "m" {}
threshold "th" {
  watch = service.w["a"].memory
  critical {
    above = "1GB"
    do    = [service.w.gc, signal(service.w["a"], "SIGHUP"), task.t, run(task.t, ["x", "y"]), database.m, service.off.stop]
  }
}`})
	var got []string
	for _, a := range s.Thresholds[0].Critical.Do {
		got = append(got, fmt.Sprint(a.Addr, ".", a.Name, a.Args))
	}
	want := `service.w["a"].gc[] service.w["b"].gc[] service.w["a"].signal[SIGHUP] task.t.run[] task.t.run[x y] database.m.check[]`
	if strings.Join(got, " ") != want {
		t.Errorf("got %s", got)
	}
}

// TestCircleOfInstances ends, with a message.
func TestCircleOfInstances(t *testing.T) {
	for _, src := range []string{
		"service \"a\" {\n command = [\"x\"]\n for_each = service.a.ports\n}",
		"service \"a\" {\n command = [\"x\"]\n port = 1\n enabled = service.b.port == 2\n}\nservice \"b\" {\n command = [\"x\"]\n port = 2\n enabled = service.a.port == 1\n}",
		"database \"a\" {\n url = database.a.url\n}",
		"service \"a\" {\n command = [\"x\"]\n port = self.port\n}",
	} {
		if _, ds := load(t, files{"c.hcl": src}); !ds.HasErrors() {
			t.Errorf("no mistake in %s", src)
		}
	}
}
