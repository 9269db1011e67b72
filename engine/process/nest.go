package process

import (
	"os"
	"syscall"
)

// A fork copies the table of descriptors of the thread that forks, and the
// exec that follows closes the copy again: with a thousand services that is
// most of the cost of a start, and it grows with every further one. A nest
// is a table of the forking thread's own that stays small: what a child
// needs of the engine's descriptors is handed over for each start. Where a
// nest cannot be had (other systems, a filter of system calls) its spawner
// forks from the common table.

// descriptors lists what has to be handed over for a request: the child's
// streams, and the cgroup's directory where there is one.
func (r *spawnRequest) descriptors() []int {
	var list []int
	for _, fd := range r.attr.Files {
		list = append(list, int(fd))
	}
	if r.cgroup != nil {
		list = append(list, int(r.cgroup.Fd()))
	}
	return list
}

// adopt makes the request use the descriptors as they are numbered in the
// forking thread's table.
func (r *spawnRequest) adopt(fds []int) {
	files := make([]uintptr, len(r.attr.Files))
	for i := range files {
		files[i] = uintptr(fds[i])
	}
	r.attr.Files = files
	if r.cgroup != nil {
		r.attr.Sys = intoCgroup(r.attr.Sys, fds[len(fds)-1])
	}
}

// spawnRequest is one start. The attributes are the spawner's own copy.
type spawnRequest struct {
	path   string
	argv   []string
	attr   syscall.ProcAttr
	cgroup *os.File // nil without one
}
