package process

import (
	"fmt"
	"os"
	"path/filepath"
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
		memory, ok := h.Memory()
		if m := memory["service.test"]; !ok || len(memory) != 1 || m.Bytes < 100<<10 || m.Bytes >= first.Resident || m.Cgroup {
			t.Errorf("the memory is %+v, %v, and the resident one with what is shared in each %d", memory, ok, first.Resident)
		}
		for _, s := range []*service{p, other} {
			if _, err := s.Stop(syscall.SIGTERM, 10*time.Second); err != nil {
				t.Error(err)
			}
		}
		if list, _ := h.Usage(); len(list) > 0 {
			t.Errorf("after the end: %+v", list)
		}
		if memory, _ := h.Memory(); len(memory) > 0 {
			t.Errorf("after the end: %+v", memory)
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

func TestParseResident(t *testing.T) {
	page := int64(os.Getpagesize())
	for _, test := range []struct {
		line            string
		private, shared int64
		ok              bool
	}{
		{"1000 77 70 20 0 30 0\n", 7 * page, 70 * page, true},
		{"0 0 0 0 0 0 0\n", 0, 0, true}, // a kernel thread, or one that has ended
		{"1000 7 9 20 0 30 0\n", 0, 7 * page, true},
		{"1000 77", 0, 0, false},
		{"1000 x 9", 0, 0, false},
		{"", 0, 0, false},
	} {
		private, shared, ok := parseResident([]byte(test.line))
		if private != test.private || shared != test.shared || ok != test.ok {
			t.Errorf("%q: %d, %d, %v", test.line, private, shared, ok)
		}
	}
}

// A cgroup that the kernel accounts memory to is believed.
func TestMemoryOfACgroup(t *testing.T) {
	c := &cell{path: t.TempDir()}
	if got, ok := c.memory(); ok {
		t.Errorf("without the controller: %d", got)
	}
	for name, text := range map[string]string{
		"memory.current": "5000000\n", "memory.stat": "anon 3000000\ninactive_file 1500000\nactive_file 500000\n",
	} {
		if err := os.WriteFile(filepath.Join(c.path, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tr := &tree{cell: c}
	if got, want := tr.memory(nil), (Memory{Bytes: 3500000, Cgroup: true}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
