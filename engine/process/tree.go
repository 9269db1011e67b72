package process

import (
	"sync/atomic"
	"syscall"
)

// entry is one process of a census.
type entry struct {
	pid, ppid, pgid, sid int
	start                uint64 // when it started, in the system's own unit; with the pid its identity
	dead                 bool   // a zombie: nothing of it runs
}

// tree is what the keeper knows of one Process and its descendants. Only
// the keeper's goroutine touches learnt, groups, told, toldOf,
// reached and quiet; the other fields are guarded by the Host's mutex.
type tree struct {
	p    *Process
	cell *cell // its own cgroup, nil where it shares one

	lasting bool         // a unit's own tree, and not that of a short command
	spent   atomic.Int64 // the most CPU time that Usage has seen, in ns

	active  bool           // the keeper has work with it
	signal  syscall.Signal // to send, 0 while nobody asked for a stop
	kill    bool           // send SIGKILL to all of it
	left    []entry        // what the last round found alive, for the error of a stop that hangs
	gone    chan struct{}  // closed when nothing is left
	isGone  bool
	sent    bool           // signal reached the leader's group
	learnt  map[int]uint64 // pid to start of the descendants seen
	groups  map[int]bool   // process groups and sessions of theirs
	told    map[int]uint64 // descendants outside the leader's group that got toldOf
	toldOf  syscall.Signal
	reached syscall.Signal // the last one that the leader's group got from the keeper
	quiet   int            // looks in a row that found nothing while orphans were dying
}

// learn remembers a descendant, so that it is recognised when its ancestors
// are dead and it has become a child of the engine.
func (t *tree) learn(e entry, self self) {
	if t.learnt == nil {
		t.learnt = map[int]uint64{}
		t.groups = map[int]bool{}
	}
	t.learnt[e.pid] = e.start
	for _, id := range [2]int{e.pgid, e.sid} {
		if id > 1 && id != self.pgid && id != self.sid {
			t.groups[id] = true
		}
	}
}

// lingers reports whether a descendant seen earlier is still in the process
// table: a process leaves its cgroup some moments before it is dead, and is
// dead some moments before it is reaped.
func (t *tree) lingers() bool {
	for pid, start := range t.learnt {
		if e, ok := lookAt(pid); ok && e.start == start {
			return true
		}
		delete(t.learnt, pid)
	}
	return false
}

// self is how the engine itself stands among the processes.
type self struct {
	pid, pgid, sid int
	reaper         int // who inherits orphans: the engine itself where it can be a subreaper
}

// attribution assigns the processes of one census to trees.
type attribution struct {
	self    self
	table   map[int]entry
	leaders map[int]*tree // by pid, those that are not reaped yet
	groups  map[int]*tree // by number, of leaders dead or alive and of what was learnt
	learnt  map[int]*tree
	byRun   map[uint64]*tree
	marks   func(pid int) (run uint64, ok bool) // reads the environment
	owners  map[int]*tree
}

// newAttribution prepares the look-ups. trees come in the order in which
// they were started, so that a number used again means the newest.
func newAttribution(me self, census []entry, trees []*tree, marks func(int) (uint64, bool)) *attribution {
	a := &attribution{
		self: me, marks: marks,
		table:   make(map[int]entry, len(census)),
		leaders: make(map[int]*tree, len(trees)),
		groups:  make(map[int]*tree, len(trees)),
		learnt:  map[int]*tree{},
		byRun:   make(map[uint64]*tree, len(trees)),
		owners:  make(map[int]*tree, len(census)),
	}
	for _, e := range census {
		a.table[e.pid] = e
	}
	for _, t := range trees {
		a.byRun[t.p.run] = t
		for group := range t.groups {
			a.groups[group] = t
		}
		a.groups[t.p.pid] = t
		for pid, start := range t.learnt {
			if e, ok := a.table[pid]; ok && e.start == start {
				a.learnt[pid] = t
			}
		}
		if !t.p.ended() {
			a.leaders[t.p.pid] = t
		}
	}
	return a
}

// owner returns the tree that a process belongs to, nil where it is none of
// ours or nothing tells. Parents go before all other signs.
func (a *attribution) owner(e entry) *tree {
	if t, ok := a.owners[e.pid]; ok {
		return t
	}
	a.owners[e.pid] = nil // ends a circle in an inconsistent census
	t := a.find(e)
	a.owners[e.pid] = t
	return t
}

func (a *attribution) find(e entry) *tree {
	if t := a.leaders[e.pid]; t != nil {
		return t
	}
	if t := a.leaders[e.ppid]; t != nil {
		return t
	}
	if t := a.learnt[e.pid]; t != nil {
		return t
	}
	if e.ppid != a.self.reaper {
		if parent, ok := a.table[e.ppid]; ok {
			return a.owner(parent)
		}
		return nil
	}
	return a.findStray(e)
}

// findStray attributes a child of the engine that the engine never started:
// its parent died and left it.
func (a *attribution) findStray(e entry) *tree {
	if e.pgid == a.self.pgid {
		return nil
	}
	if t := a.groups[e.pgid]; t != nil {
		return t
	}
	if t := a.groups[e.sid]; t != nil && e.sid != a.self.sid {
		return t
	}
	if e.dead {
		return nil
	}
	if run, ok := a.marks(e.pid); ok {
		return a.byRun[run]
	}
	return nil
}

// members sorts a census into the trees. Processes without an owner that
// are children of the engine, or descend from such, are strays: remains of
// some tree, nobody knows which.
func (a *attribution) members(census []entry) (byTree map[*tree][]entry, strays []entry) {
	byTree = map[*tree][]entry{}
	for _, e := range census {
		if t := a.owner(e); t != nil {
			if a.leaders[e.pid] != t {
				byTree[t] = append(byTree[t], e)
			}
		} else if a.stray(e, len(a.table)) {
			strays = append(strays, e)
		}
	}
	return byTree, strays
}

func (a *attribution) stray(e entry, depth int) bool {
	for ; depth >= 0; depth-- {
		if e.ppid == a.self.pid {
			return e.pgid != a.self.pgid
		}
		parent, ok := a.table[e.ppid]
		if !ok {
			return false
		}
		e = parent
	}
	return false
}
