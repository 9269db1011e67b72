package process

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Where the kernel refuses a cgroup, the process starts without one, and no
// later start tries again.
func TestRefusedCgroup(t *testing.T) {
	base := t.TempDir()
	shared := filepath.Join(base, cellPrefix+"x", sharedCell)
	if err := os.MkdirAll(shared, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(shared, "cgroup.procs"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, own := range map[string]int{"shared": -1, "own": 10} {
		t.Run(name, func(t *testing.T) {
			h := open(t, Config{Cgroup: CgroupOff})
			fake, err := makeCells(base, "x", own)
			if err != nil {
				t.Fatal(err)
			}
			h.cells = fake
			s, pids := launch(t, h, "tree", 3)
			if fake.usable() || h.Facts().Cgroup != "" {
				t.Error("the cgroup is still used")
			}
			if _, err := s.Stop(syscall.SIGTERM, long); err != nil {
				t.Error(err)
			}
			allDead(t, pids)
			fake.shared.Close()
			h.cells = nil
		})
	}
}

func TestCgroupsNeedAWritableDirectory(t *testing.T) {
	base := t.TempDir()
	if _, err := makeCells(filepath.Join(base, "missing"), "x", 1); err == nil {
		t.Error("made below a directory that is missing")
	}
	if _, err := makeCells(base, "x", 1); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("made in a directory that is no cgroup: %v", err)
	}
	left, err := os.ReadDir(base)
	if err != nil || len(left) > 0 {
		t.Errorf("left in the directory: %v, %v", left, err)
	}
}

func TestEscapeUnit(t *testing.T) {
	for unit, want := range map[string]string{
		"service.api":        "service.api",
		`service.w["a/b"]`:   "service.w%5b%22a%2fb%22%5d",
		"":                   "",
		"\x00\n":             "%00%0a",
		"service.größe":      "service.gr%c3%b6%c3%9fe",
		"../../etc":          "..%2f..%2fetc",
		"task.percent%2f":    "task.percent%252f",
		"database.main.more": "database.main.more",
	} {
		if got := escapeUnit(unit); got != want {
			t.Errorf("%q is escaped as %q, want %q", unit, got, want)
		}
	}
	if got := escapeUnit(strings.Repeat("/", 1000)); len(got) > 200 {
		t.Errorf("a long unit has %d bytes", len(got))
	}
}

func TestInCellOf(t *testing.T) {
	tests := []struct {
		path, below string
		ok          bool
	}{
		{"/user/syndicate-abc/12.service.api", "12.service.api", true},
		{"/syndicate-abc/shared", "shared", true},
		{"/syndicate-abc/shared/syndicate-def/1.x", "shared", true},
		{"/syndicate-abc", "", true},
		{"/syndicate-abcd/1.x", "", false},
		{"/x-syndicate-abc/1.x", "", false},
	}
	for _, test := range tests {
		if below, ok := inCellOf(test.path, "abc"); below != test.below || ok != test.ok {
			t.Errorf("%s: %q, %v", test.path, below, ok)
		}
	}
}
