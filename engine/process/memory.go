package process

import (
	"runtime"
	"sync"
)

// Memory is what the whole tree of one unit has in RAM, in bytes.
type Memory struct {
	Bytes int64
	// Cgroup says that it is what the kernel accounts to the tree's own
	// cgroup, kernel memory included, without the part of the page cache that
	// is given up at no cost. Else it is added up over the processes: what
	// each has for itself, and once what they share.
	Cgroup bool
}

// Memory measures the trees of all units that run, by their names. It is
// Usage for who asks often: one small file for each process. ok is false where
// this system does not tell the memory of others.
func (h *Host) Memory() (byUnit map[string]Memory, ok bool) {
	if !measurable {
		return nil, false
	}
	trees, members := h.lastingTrees()
	found := make([]Memory, len(trees))
	// The kernel's part is nearly all of it, and runs in parallel.
	workers := min(runtime.GOMAXPROCS(0), 1+len(trees)/100)
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for i := w; i < len(trees); i += workers {
				found[i] = trees[i].memory(members[trees[i]])
			}
		})
	}
	wait.Wait()
	byUnit = make(map[string]Memory, len(trees))
	for i, t := range trees {
		if m := found[i]; m.Bytes > 0 {
			sum, several := byUnit[t.p.unit]
			byUnit[t.p.unit] = Memory{Bytes: sum.Bytes + m.Bytes, Cgroup: m.Cgroup && (sum.Cgroup || !several)}
		}
	}
	return byUnit, true
}

// memory measures a tree; descendants are those without a cgroup of its own.
func (t *tree) memory(descendants []int) Memory {
	if t.cell != nil {
		if bytes, ok := t.cell.memory(); ok {
			return Memory{Bytes: bytes, Cgroup: true}
		}
	}
	// What processes share is nearly all of one kind: the memory that a
	// database server's processes work in, or what they had before a fork.
	var own, shared int64
	for _, pid := range t.pids(descendants) {
		private, common, _ := resident(pid)
		own += private
		shared = max(shared, common)
	}
	return Memory{Bytes: own + shared}
}
