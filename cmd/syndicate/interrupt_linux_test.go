package main

import (
	"strings"
	"syscall"
	"testing"
)

// begun waits until a unit of the configuration says that it has begun.
func begun(p *project) {
	p.until("it has begun", func() bool { return exists(p.path("begun")) })
}

// A stop in the middle of the start is as orderly as any other.
func TestAStopDuringTheStart(t *testing.T) {
	const later = `
service "later" {
  command    = "touch later; exec sleep 1000"
  depends_on = [%]
}
`
	for name, c := range map[string]struct {
		config string
		begun  func(*project)
	}{
		"a service that is not ready": {`
service "slow" {
  command = "touch begun; exec sleep 1000"
  ready {
    log = "never"
  }
}
` + strings.Replace(later, "%", "service.slow", 1), begun},
		"a service that fails to start": {`
service "slow" {
  command = "touch begun; exit 1"
  ready {
    log = "never"
  }
  start {
    delay = "1h"
  }
}
` + strings.Replace(later, "%", "service.slow", 1), begun},
		"a task that runs": {`
task "long" {
  command = "touch begun; exec sleep 1000"
  run     = "up"
}
` + strings.Replace(later, "%", "task.long", 1), begun},
		"a database that is initialised": {
			managed + strings.Replace(later, "%", "database.main", 1),
			func(p *project) {
				p.until("initdb runs", func() bool {
					return strings.Contains(strings.Join(p.processes(), "\n"), "initdb")
				})
			},
		},
	} {
		for sig, code := range map[syscall.Signal]int{syscall.SIGINT: exitInterrupted, syscall.SIGTERM: exitDone} {
			t.Run(name+", "+sig.String(), func(t *testing.T) {
				t.Parallel()
				p := newProject(t, c.config)
				p.up()
				c.begun(p)
				p.signal(sig)
				p.end(code)
				if exists(p.path("later")) {
					t.Errorf("what depends on it was started:\n%s", p.said())
				}
				if !strings.Contains(p.said(), "Stopped in ") {
					t.Errorf("up does not say that it stopped:\n%s", p.said())
				}
				if !strings.Contains(c.config, "managed") {
					return
				}
				// The half-made directory stands in nobody's way.
				p.up()
				p.until("up is ready", func() bool { return strings.Contains(p.said(), "Ready in ") })
				p.signal(syscall.SIGTERM)
				p.end(exitDone)
			})
		}
	}
}

func TestASecondCtrlCHurries(t *testing.T) {
	p := newProject(t, `
service "stubborn" {
  command = "trap '' TERM; touch begun; while :; do sleep 1000; done"
  ready {
    log = "never"
  }
  stop {
    timeout = "1h"
  }
}
`)
	p.up()
	begun(p)
	p.signal(syscall.SIGINT)
	p.until("it stops", func() bool { return strings.Contains(p.said(), "Ctrl-C again kills") })
	p.until("it hurries", func() bool { // a test presses faster than counts as twice
		_ = p.cmd.Process.Signal(syscall.SIGINT)
		return strings.Contains(p.said(), "Killing what has not stopped.")
	})
	p.end(exitInterrupted)
	if events := p.run(exitDone, "events"); !strings.Contains(events, "down       by Ctrl-C at ") {
		t.Errorf("the journal does not say who asked for the end:\n%s", events)
	}
}
