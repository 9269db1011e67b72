package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

// locked is a service that finds out whether another copy of it runs.
const locked = `
service "%[1]s" {
  command = "exec 9> lock-%[1]s; flock -n 9 || echo %[1]s >> double; echo %[1]s%[2]d; exec sleep 1000"
  depends_on = [%[3]s]

  ready {
    log = "%[1]s.*"
  }
}
`

// A kill of the engine at any moment, while it starts, runs or changes what
// runs, leaves nothing that the next one does not end first: no service ever
// runs twice. What has completed in this life is not done again, and what a
// person has stopped stays so.
func TestTheEngineMayBeKilledAtAnyMoment(t *testing.T) {
	p := newProject(t, "")
	version := 0
	edit := func() {
		version++
		p.write("main.hcl", `
syndicate {
  name = "s"
}

task "once" {
  run     = "up"
  command = "echo once >> completed"
}
`+fmt.Sprintf(locked, "db", version/3, "task.once")+fmt.Sprintf(locked, "api", version, "service.db")+
			fmt.Sprintf(locked, "web", version/2, "service.api")+fmt.Sprintf(locked, "held", 0, ""))
	}
	edit()
	p.up()
	p.until("it is ready", func() bool { return strings.Contains(p.said(), "Ready in") })
	p.run(exitDone, "stop", "held")
	for range 12 {
		if rand.IntN(2) == 0 {
			p.until("it starts", func() bool { return strings.Contains(p.said(), "starting") })
			edit()
			change := p.command("up") // its end, whatever it is, comes with the engine's
			if err := change.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = change.Wait() }()
			p.until("the change begins", func() bool { return strings.Contains(p.said(), "up by ") })
		}
		<-time.After(rand.N(150 * time.Millisecond))
		if err := p.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-p.ended
		edit()
		p.up()
	}
	p.until("it is settled", func() bool { return strings.Contains(p.said(), "Degraded after") })
	if got := p.run(exitDone, "plan", "--detailed-exitcode"); !strings.Contains(got, "No changes") {
		t.Errorf("after all that plan says:\n%s", got)
	}
	if got := p.run(exitDone, "status"); !strings.Contains(got, "service.held is stopped: by") {
		t.Errorf("what was stopped is forgotten:\n%s", got)
	}
	if got := p.text("completed"); got != "once\n" {
		t.Errorf("the task ran %d times in one life", strings.Count(got, "\n"))
	}
	if got, err := os.ReadFile(p.path("double")); err == nil {
		t.Errorf("two copies ran of: %s", got)
	}
	p.run(exitDone, "down")
	p.end(exitDone)
}
