package process

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func stat(pid int, name string, state byte, ppid, pgid, sid, threads int, start uint64) string {
	return fmt.Sprintf("%d (%s) %c %d %d %d 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 %d 0 %d 1 1\n", pid, name, state, ppid, pgid, sid, threads, start)
}

func TestParseStat(t *testing.T) {
	tests := []struct {
		name, line string
		want       entry
		fails      bool
	}{
		{"plain", stat(7, "node", 'S', 1, 7, 6, 1, 99), entry{pid: 7, ppid: 1, pgid: 7, sid: 6, start: 99}, false},
		{"brackets in the name", stat(7, ") Z 1 (", 'R', 2, 3, 4, 1, 5), entry{pid: 7, ppid: 2, pgid: 3, sid: 4, start: 5}, false},
		{"zombie", stat(7, "x", 'Z', 1, 7, 6, 1, 99), entry{pid: 7, ppid: 1, pgid: 7, sid: 6, start: 99, dead: true}, false},
		{"first thread ended, others run", stat(7, "x", 'Z', 1, 7, 6, 3, 99), entry{pid: 7, ppid: 1, pgid: 7, sid: 6, start: 99}, false},
		{"empty", "", entry{}, true},
		{"cut off", "7 (node) S 1 7", entry{}, true},
		{"no brackets", "7 node S 1 7 6 0", entry{}, true},
		{"no number", strings.Replace(stat(7, "x", 'S', 1, 7, 6, 1, 99), "7 6", "7 x", 1), entry{}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseStat([]byte(test.line))
			if (err != nil) != test.fails || err == nil && got != test.want {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte(stat(7, "node", 'S', 1, 7, 6, 1, 99)))
	f.Add([]byte("1 () "))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := parseStat(line)
		if err == nil && !strings.HasPrefix(strings.TrimLeft(string(line), "+0"), strings.TrimPrefix(strconv.Itoa(e.pid), "0")) {
			t.Errorf("pid %d out of %q", e.pid, line)
		}
	})
}

// A kernel that lists children is walked from list to list; others are not
// looked at.
func TestDescendantsByListsOfChildren(t *testing.T) {
	root := table(t.TempDir())
	add := func(pid, ppid int, byThread map[int]string) {
		for thread, children := range byThread {
			dir := root.path(pid, fmt.Sprintf("task/%d", thread))
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "children"), []byte(children), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(root.path(pid, "stat"), []byte(stat(pid, "x", 'S', ppid, pid, pid, 1, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	add(900001, 1, map[int]string{900001: "900002 900003 ", 900009: "900004 "})
	add(900002, 900001, map[int]string{900002: ""})
	add(900003, 900001, map[int]string{900003: "900005 900001 "}) // a circle does no harm
	add(900004, 900001, map[int]string{900004: "900077 "})        // ended meanwhile
	add(900005, 900003, map[int]string{900005: ""})
	add(900006, 1, map[int]string{900006: ""})
	if !root.hasChildren(900001) || root.hasChildren(900077) {
		t.Error("the lists are not recognised")
	}
	var pids []int
	for _, e := range root.descendants(900001) {
		pids = append(pids, e.pid)
	}
	slices.Sort(pids)
	if want := []int{900002, 900003, 900004, 900005}; !slices.Equal(pids, want) {
		t.Errorf("descendants %v, want %v", pids, want)
	}
	all, err := root.scan()
	if err != nil || len(all) != 6 {
		t.Errorf("scan: %v, %v", all, err)
	}
}

func TestUnifiedDir(t *testing.T) {
	const host = "24 1 0:22 / /proc rw - proc proc rw\n" +
		"30 1 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n" +
		"31 1 0:27 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"
	const container = "31 1 0:27 /docker/abc /sys/fs/cgroup\\040x ro - cgroup2 cgroup rw\n"
	tests := []struct {
		name, mounts, membership, want string
		found                          bool
	}{
		{"hybrid, root", host, "1:cpu:/\n0::/\n", "/sys/fs/cgroup/unified", true},
		{"scope", host, "0::/user.slice/a.scope\n", "/sys/fs/cgroup/unified/user.slice/a.scope", true},
		{"container", container, "0::/docker/abc/svc\n", "/sys/fs/cgroup x/svc", true},
		{"out of the mount's sight", container, "0::/docker/abcd\n", "", false},
		{"only old hierarchies", host, "1:cpu:/\n", "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path, ok := unifiedPath([]byte(test.membership))
			dir := ""
			if ok {
				dir, ok = unifiedDir([]byte(test.mounts), path)
			}
			if ok != test.found || dir != test.want {
				t.Errorf("%q, %v", dir, ok)
			}
		})
	}
}
