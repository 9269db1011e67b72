package view

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"github.com/syndicate/syndicate/api"
)

// statuses are systems in most of the states that there are.
func statuses() map[string]api.Status {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	system := api.Status{
		FormatVersion: api.FormatVersion, Name: "shop", Config: "/sys/shop.hcl", StateDir: "/sys/.syndicate/shop",
		Life: "abc", PID: 100, Since: ago(26 * time.Hour), Now: now, State: api.SystemReady, Units: []api.Unit{},
	}
	ready, starting, degraded, lost := system, system, system, system
	ready.Units = []api.Unit{
		{ID: "database.main", Kind: "database", State: "ready", Critical: true, Since: ago(26 * time.Hour), ReadyAfter: 0.734, PID: 101, Memory: 48_300_000, MemoryOf: api.MemoryOfProcesses, Port: 36877},
		{ID: "database.main.migrations", Kind: "migrations", State: "completed", Since: ago(26 * time.Hour)},
		{ID: `service.worker["north"]`, Kind: "service", State: "ready", Since: ago(90 * time.Second), ReadyAfter: 61, PID: 1234567, Memory: 1_234_000_000, MemoryOf: api.MemoryOfCgroup, Port: 8080, Restarts: 12, LastExit: "exit status 1"},
	}
	starting.State, starting.Since = api.SystemStarting, ago(2*time.Second)
	starting.Units = []api.Unit{
		{ID: "service.first", State: "starting", Since: ago(time.Second), PID: 102, Attempt: 1},
		{ID: "service.again", State: "starting", Since: ago(300 * time.Millisecond), PID: 103, Attempt: 3, Cause: "exit status 2"},
		{ID: "service.later", State: "pending", Since: ago(2 * time.Second), WaitingFor: []string{"service.first ready", "service.again ready"}},
	}
	degraded.State, degraded.Cause, degraded.Since = api.SystemDegraded, "service.cache failed: exit status 3", ago(90*time.Minute)
	degraded.Units = []api.Unit{
		{ID: "service.cache", State: "failed", Since: ago(time.Hour), Restarts: 5, Cause: "exit status 3 (attempt 3 of 3)"},
		{ID: "service.reader", State: "blocked", Since: ago(time.Hour), WaitingFor: []string{"service.cache ready"}, Cause: "needs service.cache, which failed"},
		{ID: "service.slow", State: "unhealthy", Since: ago(3 * time.Second), PID: 104, Port: 9000, ReadyAfter: 0.014, Cause: "GET http://127.0.0.1:9000/: status 503"},
		{ID: "service.crash", State: "backoff", Since: ago(time.Second), Restarts: 2, Next: now.Add(1500 * time.Millisecond), LastExit: "signal: killed"},
		{ID: "service.anew", State: "failed", Since: ago(time.Minute), Restarts: 5, Next: now.Add(8 * time.Minute), Cause: "exit status 1; gave up after 5 restarts within 1m"},
		{ID: "service.odd", State: "stopped", Since: ago(time.Second), LastExit: "exit\x1b[2J\nstatus 0"},
	}
	lost.State, lost.LastSign = api.SystemLost, time.Date(2026, 1, 31, 11, 59, 0, 0, time.Local)
	lost.Units = []api.Unit{{ID: "service.api", Kind: "service", State: "ready", Since: lost.LastSign.Add(-time.Hour), Restarts: 2}}
	lost.Leftovers = []api.Leftover{{PID: 105, Unit: "service.api"}, {PID: 1234568}}
	return map[string]api.Status{"ready": ready, "starting": starting, "degraded": degraded, "lost": lost, "nothing": system}
}

func TestStatusText(t *testing.T) {
	for name, st := range statuses() {
		t.Run(name, func(t *testing.T) {
			var plain, coloured bytes.Buffer
			if err := StatusText(&plain, st, StatusOptions{}); err != nil {
				t.Fatal(err)
			}
			golden(t, "status-"+name+".txt", plain.Bytes())
			for line := range strings.Lines(plain.String()) {
				if text := strings.TrimSuffix(line, "\n"); text != strings.TrimRight(text, " ") {
					t.Errorf("blanks end the line %q", text)
				}
			}
			if err := StatusText(&coloured, st, StatusOptions{Colour: true}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(plain.String(), ansi.Strip(coloured.String())); diff != "" || plain.Len() == coloured.Len() {
				t.Errorf("the text differs with colours:\n%s", diff)
			}
		})
	}
}

// On a narrow terminal the table loses columns, and notes stand below.
func TestStatusOnANarrowTerminal(t *testing.T) {
	for _, name := range []string{"ready", "starting", "degraded"} {
		var b bytes.Buffer
		if err := StatusText(&b, statuses()[name], StatusOptions{Width: 60}); err != nil {
			t.Fatal(err)
		}
		golden(t, "status-"+name+"-narrow.txt", b.Bytes())
	}
}

func TestStatusFitsTheTerminal(t *testing.T) {
	st := statuses()["degraded"]
	st.Units = append(st.Units, api.Unit{ID: "service.worker[\"" + strings.Repeat("long", 20) + "\"]", State: "unhealthy", Restarts: 1234, Port: 65535, PID: 4194304, Cause: "find it: it is not there\nlooked at:\n  here"})
	for width := 40; width < 200; width++ {
		var b bytes.Buffer
		if err := StatusText(&b, st, StatusOptions{Colour: true, Width: width}); err != nil {
			t.Fatal(err)
		}
		_, table, _ := strings.Cut(ansi.Strip(b.String()), "UNIT")
		table, _, _ = strings.Cut("UNIT"+table, "\n\n")
		for line := range strings.Lines(table) {
			if line = strings.TrimSuffix(line, "\n"); ansi.StringWidth(line) > width {
				t.Errorf("with %d columns a line has %d: %s", width, ansi.StringWidth(line), line)
			}
		}
		wanted := []string{"service.reader", "unhealthy", "503", "it is not there", `g"]`}
		if width >= 80 { // a very long name takes no column away
			wanted = append(wanted, "RESTARTS", "1234")
		}
		for _, want := range wanted {
			if !strings.Contains(table, want) {
				t.Errorf("with %d columns %q is missing:\n%s", width, want, table)
			}
		}
		if strings.Contains(table, "looked at") {
			t.Errorf("more than the first line of a cause:\n%s", table)
		}
	}
}

func TestStatusJSON(t *testing.T) {
	for name, st := range statuses() {
		var b bytes.Buffer
		if err := StatusJSON(&b, st); err != nil {
			t.Fatal(err)
		}
		golden(t, "status-"+name+".json", b.Bytes())
	}
}

func TestStatusTextReportsAFailedWrite(t *testing.T) {
	full := writerFunc(func([]byte) (int, error) { return 0, fmt.Errorf("no space left") })
	if err := StatusText(full, statuses()["ready"], StatusOptions{}); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("error %v, want that of the writer", err)
	}
}

// stops are what an engine tells of its stop, line by line.
var stops = map[string][]api.DownProgress{
	"order": {
		{Stopping: []string{"service.web"}, Waiting: []string{"database.main", "service.api"}},
		{Stopped: []string{"service.web"}, Stopping: []string{"service.api"}, Waiting: []string{"database.main"}, Elapsed: 0.1},
		{Stopped: []string{"service.api", "database.main"}, Elapsed: 0.2, Done: true},
	},
	"slow": {
		{Stopping: []string{"service.a", "service.b", "service.c", "service.d", "service.e"}},
		{Stopping: []string{"service.a", "service.b", "service.c", "service.d", "service.e"}, Elapsed: 5},
		{Stopping: []string{"service.a", "service.b", "service.c", "service.d", "service.e"}, Elapsed: 10},
		{Stopping: []string{"service.a"}, Stopped: []string{"service.b", "service.c", "service.d", "service.e"}, Elapsed: 12},
		{Stopping: []string{"service.a"}, Elapsed: 21},
		{Stopping: []string{"service.a"}, Elapsed: 22},
		{Stopped: []string{"service.a"}, Elapsed: 23, Done: true},
	},
}

func TestDown(t *testing.T) {
	for name, lines := range stops {
		t.Run(name, func(t *testing.T) {
			for suffix, width := range map[string]func() int{"": nil, "-terminal": func() int { return 40 }} {
				var out bytes.Buffer
				show := NewDown(DownConfig{Screen: NewScreen(&out, width)})
				for _, p := range lines {
					show.Progress(p)
				}
				golden(t, "down-"+name+suffix+".txt", []byte(strings.NewReplacer("\x1b", "␛", "\r", "␍").Replace(out.String())))
			}
			var out bytes.Buffer
			show := NewDown(DownConfig{Screen: NewScreen(&out, nil), Quiet: true})
			for _, p := range lines {
				show.Progress(p)
			}
			if out.Len() > 0 {
				t.Errorf("quiet, and yet %q", out.String())
			}
		})
	}
}
