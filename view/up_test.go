package view

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"github.com/syndicate/syndicate/api"
)

// stage plays an Up in a bubble: the clock stands still between its steps.
type stage struct{ up *Up }

// become shows that a unit changed, so long after the change before.
func (s stage) become(unit, from, to string, after time.Duration, more api.Event) {
	time.Sleep(after) // of the bubble's clock
	more.Time, more.Unit, more.From, more.To = time.Now(), unit, from, to
	if to == "backoff" {
		more.Next = more.Time.Add(500 * time.Millisecond)
	}
	s.up.Event(more)
}

// upScenes are lives of a system.
var upScenes = map[string]func(s stage){
	// A system comes up, one unit crashes and comes back, another one falls
	// ill and recovers, and a second Ctrl-C would hurry.
	"ready": func(s stage) {
		s.become("database.main", "pending", "starting", 0, api.Event{Attempt: 1})
		s.become("database.main", "starting", "ready", 734*time.Millisecond, api.Event{Took: 0.734})
		s.up.Waiting([]string{"database.main.migrations (starting 100ms)", "service.api (starting 1.2s)", "2 more"})
		s.become("database.main.migrations", "starting", "completed", 60*time.Millisecond, api.Event{Took: 0.06})
		s.become("service.api", "pending", "starting", 0, api.Event{Attempt: 1})
		s.become("service.api", "starting", "ready", 3*time.Second, api.Event{Took: 3})
		s.become("service.worker", "starting", "ready", time.Minute, api.Event{Took: 63})
		s.up.Settled("ready", "", "1 database, 2 services")
		s.become("service.api", "ready", "pending", time.Hour, api.Event{Cause: "signal: killed"})
		s.become("service.api", "pending", "starting", 0, api.Event{Attempt: 1})
		s.become("service.api", "starting", "ready", 14*time.Millisecond, api.Event{Took: 0.014})
		s.become("service.worker", "ready", "unhealthy", time.Second, api.Event{Cause: "GET http://127.0.0.1:1/: refused\nagain\x1b[2J"})
		s.become("service.worker", "unhealthy", "ready", time.Second, api.Event{Took: 65})
		s.up.Stopping("Ctrl-C", true)
		for _, unit := range []string{"service.worker", "service.api", "database.main"} {
			s.become(unit, "ready", "stopping", 0, api.Event{})
			s.up.Waiting([]string{unit + " (stopping 0s)"})
			s.become(unit, "stopping", "stopped", 20*time.Millisecond, api.Event{})
		}
		s.up.Stopped(nil)
	},
	// What is not critical fails and blocks another.
	"degraded": func(s stage) {
		s.become("service.cache", "pending", "starting", 0, api.Event{Attempt: 1})
		s.become("service.cache", "starting", "backoff", time.Millisecond, api.Event{Cause: "exit status 3", Took: 0.001})
		s.become("service.cache", "backoff", "pending", 0, api.Event{Cause: "exit status 3"})
		s.become("service.cache", "pending", "starting", 500*time.Millisecond, api.Event{Attempt: 2})
		s.become("service.cache", "starting", "failed", time.Millisecond, api.Event{Cause: "exit status 3 (attempt 2 of 2)"})
		s.become("service.silent", "starting", "failed", 0, api.Event{Cause: "start no-such-program: not found", UnitKind: "service"})
		s.become("service.reader", "pending", "blocked", 0, api.Event{Cause: "service.cache failed"})
		s.become("service.api", "starting", "ready", time.Millisecond, api.Event{Took: 0.002})
		s.up.Settled("degraded", "service.cache failed: exit status 3 (attempt 2 of 2)", "4 services")
		s.up.Stopping("down", false)
		s.become("service.api", "stopping", "stopped", time.Second, api.Event{})
		s.up.Stopped([]string{"service.cache failed: exit status 3 (attempt 2 of 2)"})
	},
	// A critical failure ends the start.
	"failed": func(s stage) {
		s.become("service.db", "starting", "ready", 5*time.Millisecond, api.Event{Took: 0.005})
		s.become("service.fatal", "starting", "failed", time.Millisecond, api.Event{Cause: "exit status 1 (attempt 1 of 1)"})
		s.become("service.db", "stopping", "stopped", time.Millisecond, api.Event{})
		s.up.Fail("service.fatal", "service.fatal failed: exit status 1 (attempt 1 of 1)", "syndicate logs service.fatal", []string{"NODE_ENV"})
	},
	// What is missing on this machine is told in whole, once, at the end.
	"missing": func(s stage) {
		const story = "find it: it is not installed\nlooked at:\n  /usr/bin: not there\ninstall it with:\n  apt-get install it\x1b[2J"
		s.become("database.main", "pending", "starting", 0, api.Event{Attempt: 1})
		s.become("database.main", "starting", "failed", time.Millisecond, api.Event{Cause: story})
		s.become("service.api", "pending", "blocked", 0, api.Event{Cause: "database.main failed: " + story})
		s.up.Stopping("database.main failed: "+story, false)
		s.up.Fail("database.main", "database.main failed: "+story, "syndicate doctor", nil)
	},
}

// playUp returns what a scene shows.
func playUp(t *testing.T, play func(stage), columns int, c UpConfig) []byte {
	var out bytes.Buffer
	synctest.Test(t, func(*testing.T) {
		var width func() int
		if columns > 0 {
			width = func() int { return columns }
		}
		c.Screen = NewScreen(&out, width)
		c.Units = []string{"database.main", "database.main.migrations", "service.api"}
		c.Tail = func(unit string) []string {
			if unit == "service.silent" {
				return nil
			}
			return []string{"cannot connect", "giving up\x1b[31m now"}
		}
		c.Fatal = func(unit string) bool { return unit == "service.fatal" || unit == "database.main" }
		up := NewUp(c)
		play(stage{up})
		up.Flush()
	})
	return out.Bytes()
}

func TestUp(t *testing.T) {
	for name, play := range upScenes {
		t.Run(name, func(t *testing.T) {
			for suffix, c := range map[string]UpConfig{"": {}, "-quiet": {Quiet: true}} {
				golden(t, "up-"+name+suffix+".txt", playUp(t, play, 0, c))
			}
			// On a terminal: every byte counts, so that they are readable.
			shown := playUp(t, play, 60, UpConfig{Colour: true})
			golden(t, "up-"+name+"-terminal.txt", []byte(strings.NewReplacer("\x1b", "␛", "\r", "␍").Replace(string(shown))))
		})
	}
}

func TestUpColoursOnlyWhenTold(t *testing.T) {
	for name, play := range upScenes {
		plain, coloured := playUp(t, play, 0, UpConfig{}), playUp(t, play, 0, UpConfig{Colour: true})
		if bytes.Contains(plain, []byte("\x1b")) {
			t.Errorf("%s: an escape sequence without being told", name)
		}
		if diff := cmp.Diff(string(plain), ansi.Strip(string(coloured))); diff != "" || len(plain) == len(coloured) {
			t.Errorf("%s: the text differs with colours:\n%s", name, diff)
		}
	}
}
