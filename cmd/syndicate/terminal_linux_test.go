package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// pair is two services that write down in which order they stop. The second
// one takes as long as the test wants. Both sleep in small pieces: a SIGTERM
// between a shell's fork and its exec is lost on the child, which then lives
// until it ends by itself.
const pair = `
service "db" {
  command = "trap 'echo db stopped >> order; exit' TERM; echo is here; while :; do sleep 0.1; done"
  ready {
    log = "is here"
  }
}

service "api" {
  command = <<-END
    trap 'echo api stops >> order; until [ -e gate ]; do sleep 0.01; done; echo api stopped >> order; exit' TERM
    echo is here
    while :; do sleep 0.1; done
  END
  depends_on = [service.db]
  ready {
    log = "is here"
  }
  stop {
    timeout = "1h"
  }
}
`

const pairOrder = "api stops\napi stopped\ndb stopped\n"

func TestAClosedTerminalStopsInOrder(t *testing.T) {
	p := newProject(t, pair)
	terminal := p.onTerminal()
	p.untilLog("service.api", "is here")
	if err := terminal.Close(); err != nil {
		t.Fatal(err)
	}
	p.untilFile("order", "api stops")
	// The kernel told the leader of the session. A shell that leads it dies
	// of that, and its jobs hear of it once more.
	p.signal(syscall.SIGHUP)
	if got := p.run(exitDone, "status"); !strings.Contains(got, "stopping") {
		t.Errorf("meanwhile status says:\n%s", got)
	}
	p.write("gate", "")
	p.end(exitDone)
	if got := p.text("order"); got != pairOrder {
		t.Errorf("they stopped in this order:\n%s", got)
	}
}

// loud writes some megabytes and then goes on to live.
const loud = `
service "loud" {
  command = "echo begin >&2; seq 500000; touch written; exec sleep 1000"
}
`

// wantLoud checks that the log of loud is complete.
func (p *project) wantLoud() {
	p.t.Helper()
	next := 1
	for line := range strings.Lines(p.log("service.loud")) {
		if line == "begin\n" {
			continue
		}
		if line != strconv.Itoa(next)+"\n" {
			p.t.Fatalf("the log has %q in the place of %d", line, next)
		}
		next++
	}
	if next != 500_001 {
		p.t.Errorf("the log ends before %d", next)
	}
}

// Nobody reads what up writes; the services do not notice.
func TestAStalledTerminalHoldsUpNobody(t *testing.T) {
	outputs := map[string]func(p *project) (interrupt func()){
		"terminal": func(p *project) func() {
			terminal := p.onTerminal()
			return func() {
				if _, err := terminal.WriteString("\x03"); err != nil {
					p.t.Fatal(err)
				}
			}
		},
		"pipe": func(p *project) func() {
			r, w, err := os.Pipe()
			if err != nil {
				p.t.Fatal(err)
			}
			p.t.Cleanup(func() { _ = r.Close() })
			defer func() { _ = w.Close() }()
			cmd := p.command("up")
			cmd.Stdout, cmd.Stderr = w, w
			p.start(cmd)
			return func() { p.signal(syscall.SIGINT) }
		},
	}
	for name, start := range outputs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t, loud)
			interrupt := start(p)
			p.until("everything is written", func() bool { return exists(p.path("written")) })
			if got := p.run(exitDone, "status"); !strings.Contains(got, "ready") {
				t.Errorf("status says:\n%s", got)
			}
			interrupt()
			p.end(exitInterrupted)
			p.wantLoud()
		})
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Whoever read what up writes is gone: up goes on and stops in order.
func TestAClosedPipeEndsTheOutputAlone(t *testing.T) {
	for _, both := range []bool{false, true} {
		t.Run("both="+strconv.FormatBool(both), func(t *testing.T) {
			t.Parallel()
			p := newProject(t, loud)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			_ = r.Close()
			defer func() { _ = w.Close() }()
			cmd := p.command("up")
			cmd.Stdout = w
			if both {
				cmd.Stderr = w
			}
			p.start(cmd)
			p.until("everything is written", func() bool { return exists(p.path("written")) })
			p.signal(syscall.SIGINT)
			p.end(exitInterrupted)
			p.wantLoud()
		})
	}
}
