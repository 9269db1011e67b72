package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Services as they should not be, all in one system.
func TestHostileServices(t *testing.T) {
	p := newProject(t, `
service "mute" {
  command = "exec >&- 2>&-; touch muted; exec sleep 1000"
}

service "endless" {
  command = "head -c 100000 /dev/zero | tr '\\0' x; touch written; exec sleep 1000"
}

service "stubborn" {
  command = "trap '' TERM; echo here; while :; do sleep 1000; done"
  stop {
    timeout = "100ms"
  }
}

service "wordy" {
  command = "exec 2> /dev/null; trap 'seq 10000; exit' TERM; echo here; while :; do sleep 0.1; done"
}

service "parent" {
  command = <<-END
    sleep 1000 & echo $! >> children
    echo $$ >> parents
    wait $!
    echo the child ended with $?
    sleep 1000 & echo $! >> children
    echo again
    wait $!
  END
  restart {
    delay = "0s"
  }
}
`)
	p.up()
	for _, file := range []string{"muted", "written"} {
		p.until(file, func() bool { return exists(p.path(file)) })
	}
	for _, unit := range []string{"service.stubborn", "service.wordy"} {
		p.untilLog(unit, "here")
	}

	// kill -9 of a child is the service's own business.
	p.kill("children", 1)
	p.untilLog("service.parent", "the child ended with 137")
	p.untilLog("service.parent", "again")
	// That of the service takes the child along, and it is started again.
	p.kill("parents", 1)
	p.until("the service is started again", func() bool { return len(p.pids("parents")) == 2 })
	child := p.pids("children")[1]
	p.until("its child is gone, too", func() bool { return syscall.Kill(child, 0) != nil })

	status := p.run(exitDone, "status")
	for unit, restarts := range map[string]int{"mute": 0, "endless": 0, "stubborn": 0, "wordy": 0, "parent": 1} {
		line := lineWith(status, "service."+unit+" ")
		if fields := strings.Fields(line); len(fields) < 5 || fields[1] != "ready" || fields[4] != strconv.Itoa(restarts) {
			t.Errorf("%s is not ready after %d restarts:\n%s", unit, restarts, status)
		}
	}
	p.signal(syscall.SIGTERM)
	p.end(exitDone)

	if got := p.log("service.endless"); got != strings.Repeat("x", 100_000) {
		t.Errorf("of the line without end %d bytes are logged", len(got))
	}
	var words strings.Builder
	words.WriteString("here\n")
	for i := range 10_000 {
		fmt.Fprintln(&words, i+1)
	}
	if got := p.log("service.wordy"); got != words.String() {
		t.Errorf("of what it wrote at its end %d bytes are logged, want %d", len(got), words.Len())
	}
}

// pids returns the numbers that a file of the project holds.
func (p *project) pids(name string) []int {
	var all []int
	for field := range strings.FieldsSeq(p.text(name)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			p.t.Fatal(err)
		}
		all = append(all, pid)
	}
	return all
}

// kill sends SIGKILL to the nth process that a file names.
func (p *project) kill(name string, n int) {
	p.t.Helper()
	p.until(name+" names it", func() bool { return len(p.pids(name)) >= n })
	process, err := os.FindProcess(p.pids(name)[n-1])
	if err == nil {
		err = process.Kill()
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return line
		}
	}
	return ""
}
