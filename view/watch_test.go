package view

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/syndicate/syndicate/api"
)

// many is a system of 60 services, of which a few are not as they should be.
func many() api.Status {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	st := api.Status{Name: "shop", State: api.SystemDegraded, PID: 1, Since: now.Add(-time.Hour), Now: now, Cause: "service.n07 failed"}
	for n := range 60 {
		u := api.Unit{ID: fmt.Sprintf("service.n%02d", n), Kind: "service", State: "ready", Since: now.Add(-time.Hour), ReadyAfter: 0.012, PID: 1000 + n}
		switch n {
		case 7:
			u.State, u.Cause = "failed", "exit status 1 (attempt 5 of 5); its log has\nmore\x1b[2J than fits into a line of eighty columns"
		case 41:
			u.State, u.WaitingFor = "pending", []string{"service.n07 ready"}
		case 50:
			u.State, u.Held = "stopped", "ann, since 11:00"
		case 55:
			u.Since = now.Add(-time.Second)
		}
		st.Units = append(st.Units, u)
	}
	return st
}

// Whatever the terminal's size, a frame has at most so many rows and columns,
// and what asks for attention is in it.
func TestAWatchedTableFits(t *testing.T) {
	for _, size := range [][2]int{{80, 12}, {80, 62}, {80, 100}, {20, 9}, {1, 1}, {200, 3}, {80, 2}} {
		var out bytes.Buffer
		w := NewWatch(WatchConfig{Out: &out, Colour: true, Size: func() (int, int) { return size[0], size[1] }})
		if err := w.Draw(many(), "Waiting."); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(strings.TrimPrefix(out.String(), takeScreen+toTop), clearBelow), "\r\n")
		if len(lines) > size[1] {
			t.Errorf("%v: %d rows", size, len(lines))
		}
		for _, line := range lines {
			if n := ansi.StringWidth(line); n > size[0] {
				t.Errorf("%v: %d columns: %q", size, n, line)
			}
		}
	}
}

func TestAWatchedTableKeepsWhatAsksForAttention(t *testing.T) {
	w := NewWatch(WatchConfig{Size: func() (int, int) { return 80, 12 }})
	got := strings.Join(w.frame(many(), "", 80, 12), "\n")
	for _, want := range []string{"n07", "n41", "n50", "n55", "and 55 more, all ready", "Not well: 1 failed, of 60 units."} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	got = strings.Join(w.frame(many(), "", 80, 8), "\n")
	if !strings.Contains(got, "n07") || !strings.Contains(got, "and 59 more: 57 ready, 1 pending, 1 stopped") {
		t.Errorf("in 8 rows:\n%s", got)
	}
}

func TestATerminalIsGivenBack(t *testing.T) {
	var out bytes.Buffer
	w := NewWatch(WatchConfig{Out: &out, Size: func() (int, int) { return 0, 0 }})
	if err := w.Leave(); err != nil || out.Len() > 0 {
		t.Errorf("nothing was taken, and Leave wrote %q (%v)", &out, err)
	}
	for range 2 {
		if err := w.Draw(api.Status{Name: "shop", State: api.SystemStopped}, "Waiting."); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Leave(); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Count(got, takeScreen) != 1 || !strings.HasSuffix(got, giveScreen+"shop: stopped\n\nWaiting.\n") {
		t.Errorf("it wrote %q", got)
	}
}
