package process

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// engineSelf is the engine in tests of the attribution.
var engineSelf = self{pid: 10, pgid: 9, sid: 8, reaper: 10}

func treeOf(run uint64, pid int, ended bool) *tree {
	p := &Process{run: run, pid: pid, reaped: ended}
	p.tree = &tree{p: p}
	return p.tree
}

func TestAttribution(t *testing.T) {
	alive, dead := treeOf(1, 100, false), treeOf(2, 200, true)
	dead.learn(entry{pid: 210, start: 5, pgid: 211, sid: 211}, engineSelf)
	marks := map[int]uint64{300: 2, 301: 99}
	tests := []struct {
		name  string
		e     entry
		want  *tree
		stray bool
	}{
		{"child of a living leader", entry{pid: 101, ppid: 100, pgid: 100, sid: 8}, alive, false},
		{"its child in a session of its own", entry{pid: 102, ppid: 101, pgid: 102, sid: 102}, alive, false},
		{"orphan in the leader's group", entry{pid: 201, ppid: 10, pgid: 200, sid: 8}, dead, false},
		{"orphan seen before", entry{pid: 210, ppid: 10, pgid: 999, sid: 999, start: 5}, dead, false},
		{"another process with its pid", entry{pid: 210, ppid: 10, pgid: 999, sid: 999, start: 6}, nil, true},
		{"orphan of a group seen before", entry{pid: 212, ppid: 10, pgid: 211, sid: 211}, dead, false},
		{"orphan of a session seen before", entry{pid: 213, ppid: 10, pgid: 213, sid: 211}, dead, false},
		{"orphan with a mark", entry{pid: 300, ppid: 10, pgid: 300, sid: 300}, dead, false},
		{"orphan with the mark of a run that is over", entry{pid: 301, ppid: 10, pgid: 301, sid: 301}, nil, true},
		{"orphan without a sign", entry{pid: 302, ppid: 10, pgid: 302, sid: 302}, nil, true},
		{"child of os/exec", entry{pid: 303, ppid: 10, pgid: 9, sid: 8}, nil, false},
		{"somebody else's process", entry{pid: 400, ppid: 1, pgid: 400, sid: 400}, nil, false},
		{"the user's shell", entry{pid: 8, ppid: 1, pgid: 8, sid: 8}, nil, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			census := []entry{test.e}
			if test.e.ppid == 101 {
				census = append(census, entry{pid: 101, ppid: 100, pgid: 100, sid: 8})
			}
			a := newAttribution(engineSelf, census, []*tree{alive, dead}, func(pid int) (uint64, bool) {
				run, ok := marks[pid]
				return run, ok
			})
			byTree, strays := a.members(census)
			for _, owner := range []*tree{alive, dead} {
				if got := slices.Contains(byTree[owner], test.e); got != (owner == test.want) {
					t.Errorf("member of run %d: %v", owner.p.run, got)
				}
			}
			if got := slices.Contains(strays, test.e); got != test.stray {
				t.Errorf("stray: %v", got)
			}
		})
	}
}

// In any process table whatsoever, also one with circles, each process has
// one owner at most, every descendant of a living leader has that leader's
// tree unless it was inherited, and nothing outside the engine has one.
func TestAttributionOfAnyTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		trees := []*tree{treeOf(1, 20, false), treeOf(2, 21, true), treeOf(3, 22, false)}
		pids := rapid.SliceOfNDistinct(rapid.IntRange(23, 60), 0, 30, rapid.ID[int]).Draw(t, "pids")
		parents := append([]int{1, 10, 20, 22}, pids...)
		census := make([]entry, 0, len(pids))
		for _, pid := range pids {
			census = append(census, entry{
				pid: pid, ppid: rapid.SampledFrom(parents).Draw(t, "ppid"),
				pgid: rapid.SampledFrom([]int{9, 20, 21, 22, pid}).Draw(t, "pgid"),
				sid:  rapid.SampledFrom([]int{8, pid}).Draw(t, "sid"),
				dead: rapid.Bool().Draw(t, "dead"),
			})
		}
		byTree, strays := newAttribution(engineSelf, census, trees, func(int) (uint64, bool) { return 0, false }).members(census)
		table := map[int]entry{}
		for _, e := range census {
			table[e.pid] = e
		}
		times := map[int]int{}
		for _, members := range append(slices.Collect(maps.Values(byTree)), strays) {
			for _, e := range members {
				times[e.pid]++
			}
		}
		for _, e := range census {
			root, steps := e, 0
			for next, ok := table[root.ppid]; ok && steps <= len(census); next, ok = table[root.ppid] {
				root, steps = next, steps+1
			}
			owned := times[e.pid]
			switch {
			case owned > 1:
				t.Fatalf("process %+v counts %d times", e, owned)
			case steps > len(census) || root.ppid == 1:
				if owned != 0 {
					t.Fatalf("process %+v is not the engine's", e)
				}
			case root.ppid == 20 && !slices.Contains(byTree[trees[0]], e), root.ppid == 22 && !slices.Contains(byTree[trees[2]], e):
				t.Fatalf("process %+v descends from leader %d and is not in its tree", e, root.ppid)
			}
		}
	})
}
