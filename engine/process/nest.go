package process

import (
	"os"
	"slices"
	"syscall"
)

// A fork copies the table of descriptors of the thread that forks, and the
// exec that follows closes the copy again: with a thousand services that is
// most of the cost of a start, and it grows with every further one. A nest
// is a table of the forking thread's own that stays small: what a child
// needs of the engine's descriptors is handed over for each start. Where a
// nest cannot be had (other systems, a filter of system calls) its spawner
// forks from the common table.

// lent lists the descriptors that have to be handed over for a request, each
// once: the child's streams, and the cgroup's directory where there is one,
// without those that the nest keeps.
func (r *spawnRequest) lent(kept []int) []int {
	list := make([]int, 0, len(r.attr.Files)+1)
	add := func(fd int) {
		if !slices.Contains(kept, fd) && !slices.Contains(list, fd) {
			list = append(list, fd)
		}
	}
	for _, fd := range r.attr.Files {
		add(int(fd))
	}
	if r.cgroup != nil {
		add(int(r.cgroup.Fd()))
	}
	return list
}

// adopt completes a request on the forking thread, in whose table what was
// lent has the numbers got.
func (r *spawnRequest) adopt(lent, got []int) {
	number := func(fd int) int {
		if i := slices.Index(lent, fd); i >= 0 {
			return got[i]
		}
		return fd
	}
	files := make([]uintptr, len(r.attr.Files))
	for i, fd := range r.attr.Files {
		files[i] = uintptr(number(int(fd)))
	}
	r.attr.Files = files
	if r.cgroup != nil {
		r.attr.Sys = intoCgroup(r.attr.Sys, number(int(r.cgroup.Fd())))
	}
}

// spawnRequest is one start. The attributes are the spawner's own copy.
type spawnRequest struct {
	path   string
	argv   []string
	attr   syscall.ProcAttr
	cgroup *os.File // nil without one
}
