package process

import "syscall"

// reaper takes orphans out of the process table, one by one, by their pids.
// It never waits for just any child: that would take a leader's status.
func (h *Host) reaper() {
	for {
		select {
		case <-h.quit:
			return
		case <-h.children:
		case <-h.orphans:
		}
		h.reapOrphans()
	}
}

// fate is what became of a dead child.
type fate int

const (
	taken    fate = iota // it is out of the process table
	deferred             // a fork under way may be its maker; the reaper is woken when it ends
	foreign              // somebody else in this program started it and waits for it
)

// sighting is when a dead child was first seen, as the newest fork's ticket,
// and which process of that pid it was.
type sighting struct {
	ticket uint64
	start  uint64
}

// reapChild deals with one dead child.
func (h *Host) reapChild(pid int) fate {
	h.reaping.Lock()
	before, known := h.firstSeen[pid]
	if known {
		if e, ok := lookAt(pid); !ok || e.start != before.start {
			before = sighting{} // the pid was another's then
		}
	}
	leader, orphan, ticket := everyone.verdict(pid, before.ticket, func() { poke(h.orphans) })
	switch {
	case leader != nil || orphan:
		delete(h.firstSeen, pid)
	case before.ticket == 0:
		e, _ := lookAt(pid)
		h.firstSeen[pid] = sighting{ticket: ticket, start: e.start}
	}
	h.reaping.Unlock()
	switch {
	case leader != nil:
		if leader.reap() {
			return taken
		}
		return deferred
	case !orphan:
		return deferred
	}
	// A child that another part of this program started with os/exec is in
	// the engine's own process group; what descends from a service never is.
	// The first process of a container inherits from everybody and leaves
	// nothing lying.
	if group, err := syscall.Getpgid(pid); err == nil && group == syscall.Getpgrp() && h.self.pid != 1 {
		return foreign
	}
	everyone.orphanReaped()
	var status syscall.WaitStatus
	_, _ = wait4(pid, &status, nil)
	everyone.tellOrphanReaped()
	return taken
}

// reapLeaders asks after every leader: without descriptors, and where the
// kernel's list of dead children begins with one that is not ours.
func (h *Host) reapLeaders() {
	for _, p := range everyone.all() {
		p.reap()
	}
}
