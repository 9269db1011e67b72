package process

import (
	"slices"
	"strings"
	"time"
)

// Usage is what the whole tree of one unit takes: the leader and all that
// descends from it.
type Usage struct {
	Unit      string
	Processes int
	// CPU is the time that the tree has had so far, user and system; it
	// never falls during one run. Resident is the memory that it has in
	// RAM, in bytes, where pages that processes share count in each.
	CPU      time.Duration
	Resident int64
}

// Usage measures the trees of all units that run, in order of their names.
// Short commands such as probes are left out. It reads the process table or
// the cgroups at each call; ok is false where this system tells neither CPU
// time nor memory of others.
func (h *Host) Usage() (list []Usage, ok bool) {
	if !measurable {
		return nil, false
	}
	trees, members := h.lastingTrees()
	units := map[string]int{} // places in list: a unit's last tree may outlive its leader
	for _, t := range trees {
		u, alive := t.measure(members[t])
		if !alive {
			continue
		}
		at, seen := units[u.Unit]
		if !seen {
			at = len(list)
			units[u.Unit] = at
			list = append(list, Usage{Unit: u.Unit})
		}
		sum := &list[at]
		sum.Processes += u.Processes
		sum.CPU += u.CPU
		sum.Resident += u.Resident
	}
	slices.SortFunc(list, func(a, b Usage) int { return strings.Compare(a.Unit, b.Unit) })
	return list, true
}

// lastingTrees lists the trees of units in the order of their starts, and the
// processes of those that have no cgroup of their own, without the leaders.
func (h *Host) lastingTrees() (trees []*tree, members map[*tree][]int) {
	h.mu.Lock()
	shared := false
	for _, t := range h.trees {
		if t.lasting {
			trees = append(trees, t)
			shared = shared || t.cell == nil
		}
	}
	h.mu.Unlock()
	if shared && !h.onlyLeaders(trees) {
		members = h.outsideCells(trees)
	}
	return trees, members
}

// onlyLeaders reports whether the shared cgroup has in it the leaders of all
// trees without one of their own, and nobody else. The cgroup's list is one
// file, where the process table has one for each process.
func (h *Host) onlyLeaders(trees []*tree) bool {
	if !h.cells.usable() {
		return false
	}
	pids, err := h.cells.sharedPIDs()
	if err != nil {
		return false
	}
	inside := make(map[int]bool, len(pids))
	for _, pid := range pids {
		inside[pid] = true
	}
	leaders := 0
	for _, t := range trees {
		if t.cell != nil {
			continue
		}
		if leaders++; !inside[t.p.pid] {
			return false
		}
	}
	return leaders == len(inside)
}

// outsideCells finds the descendants of trees that have no cgroup of their
// own. What the keeper has learnt is its own, so only what the processes
// show now counts here.
func (h *Host) outsideCells(trees []*tree) map[*tree][]int {
	census, err := h.census()
	if err != nil {
		return nil
	}
	of := make(map[*tree]*tree, len(trees))
	bare := make([]*tree, len(trees))
	for i, t := range trees {
		bare[i] = &tree{p: t.p}
		of[bare[i]] = t
	}
	byTree, _ := newAttribution(h.self, census, bare, h.markOf).members(census)
	members := make(map[*tree][]int, len(byTree))
	for b, entries := range byTree {
		for _, e := range entries {
			members[of[b]] = append(members[of[b]], e.pid)
		}
	}
	return members
}

// pids lists the processes of a tree; descendants are those without a cgroup
// of its own.
func (t *tree) pids(descendants []int) []int {
	if t.cell != nil {
		pids, _ := t.cell.pids()
		return pids
	}
	if t.p.ended() {
		return descendants
	}
	return append([]int{t.p.pid}, descendants...)
}

// measure sums up a tree; descendants are those without a cgroup of its own.
// It reports false where nothing of it runs.
func (t *tree) measure(descendants []int) (Usage, bool) {
	u := Usage{Unit: t.p.unit}
	for _, pid := range t.pids(descendants) {
		cpu, resident, ok := consumed(pid)
		if !ok {
			continue
		}
		u.Processes++
		u.CPU += cpu
		u.Resident += resident
	}
	if t.cell != nil {
		if cpu, ok := t.cell.cpu(); ok {
			u.CPU = cpu
		}
	}
	u.CPU = t.most(u.CPU)
	return u, u.Processes > 0
}

// most keeps the CPU time of a tree from falling when one of its processes
// ends that nobody of the tree waits for.
func (t *tree) most(cpu time.Duration) time.Duration {
	for {
		seen := t.spent.Load()
		if int64(cpu) <= seen {
			return time.Duration(seen)
		}
		if t.spent.CompareAndSwap(seen, int64(cpu)) {
			return cpu
		}
	}
}
