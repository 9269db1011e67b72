package process

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"
)

func TestUsageCountsTheWholeTree(t *testing.T) {
	eachMode(t, func(t *testing.T, h *Host) {
		p, _ := launch(t, h, "tree", 3)
		// A second tree of the same unit counts with the first.
		other, _ := launch(t, h, "run", 1)
		list, ok := h.Usage()
		if !ok || len(list) != 1 {
			t.Fatalf("got %+v, %v", list, ok)
		}
		first := list[0]
		if first.Unit != "service.test" || first.Processes != 4 || first.Resident < 4*100<<10 || first.CPU <= 0 && h.cells.usable() && h.config.OwnCgroups > 2 {
			t.Errorf("got %+v", first)
		}
		if again, _ := h.Usage(); again[0].CPU < first.CPU {
			t.Errorf("the CPU time fell from %s to %s", first.CPU, again[0].CPU)
		}
		for _, s := range []*service{p, other} {
			if _, err := s.Stop(syscall.SIGTERM, 10*time.Second); err != nil {
				t.Error(err)
			}
		}
		if list, _ := h.Usage(); len(list) > 0 {
			t.Errorf("after the end: %+v", list)
		}
	})
}

func TestParseUsage(t *testing.T) {
	page := int64(os.Getpagesize())
	line := func(state string) string {
		return "42 (a) b) " + state + " 1 42 42 0 -1 4194304 100 0 0 0 10 20 30 40 20 0 1 0 12345 1000000 77 18446744073709551615"
	}
	for _, test := range []struct {
		line     string
		cpu      time.Duration
		resident int64
		ok       bool
	}{
		{line("S"), time.Second, 77 * page, true},
		{line("Z"), 0, 0, false},
		{"42 (a", 0, 0, false},
		{"", 0, 0, false},
	} {
		cpu, resident, ok := parseUsage([]byte(test.line))
		if got, want := fmt.Sprint(cpu, resident, ok), fmt.Sprint(test.cpu, test.resident, test.ok); got != want {
			t.Errorf("%q: %s, want %s", test.line, got, want)
		}
	}
}

func TestUsageOfATreeNeverFalls(t *testing.T) {
	tr := &tree{}
	for _, step := range [][2]time.Duration{{3, 3}, {2, 3}, {5, 5}} {
		if got := tr.most(step[0]); got != step[1] {
			t.Errorf("%d: got %d, want %d", step[0], got, step[1])
		}
	}
}
