package process

import (
	"errors"
	"slices"
	"syscall"
	"time"
)

// How often the keeper looks again while something does not die of SIGKILL
// or the process table cannot be read. Nothing is polled before that: each
// death in a tree comes to the reaper in the end, and it wakes the keeper.
const (
	retryFirst = 5 * time.Millisecond
	retryMost  = 100 * time.Millisecond
)

// mostQuiet is how often in a row nothing must be found of a tree before it
// counts as gone, as long as orphans are dying meanwhile: a process that
// forks and ends between two looks at the table is seen by neither.
const mostQuiet = 32

// leastQuiet is how often nothing must be found of a tree without a cgroup
// of its own in any case: its processes are found by their parents, and a
// parent may end in the middle of a look.
const leastQuiet = 2

// request tells the keeper what is wanted of a tree. h.mu is held.
func (h *Host) request(t *tree, sig syscall.Signal, kill bool) {
	if t.isGone {
		return
	}
	if !t.active {
		t.active = true
		h.active++
	}
	if sig != 0 && t.signal != sig {
		t.signal, t.sent = sig, false
	}
	t.kill = t.kill || kill
}

// leaderEnded is called once for each leader.
func (h *Host) leaderEnded(t *tree) {
	h.mu.Lock()
	active := t.active
	h.mu.Unlock()
	if active {
		poke(h.kick)
	}
}

// keeper works on all trees that are being stopped, in rounds. One look at
// the process table serves all of them.
func (h *Host) keeper() {
	retry := time.NewTimer(time.Hour)
	defer retry.Stop()
	wait := retryFirst
	for {
		select {
		case <-h.quit:
			return
		case <-h.kick:
		case <-retry.C:
		}
		if h.round() {
			retry.Reset(wait)
			wait = min(2*wait, retryMost)
		} else {
			retry.Stop()
			wait = retryFirst
		}
	}
}

// job is one tree's part in a round: what is wanted, read once.
type job struct {
	t       *tree
	signal  syscall.Signal
	kill    bool
	sent    bool
	ended   bool // the leader, before the census
	members []entry
	unknown bool // whether the tree has members could not be found out
	blind   bool // there is no process table: only the group is known
}

// round does what can be done now, and reports whether to look again soon.
func (h *Host) round() (again bool) {
	jobs, trees := h.jobs()
	if len(jobs) == 0 {
		return false
	}
	before := everyone.orphans()
	h.fillFromCells(jobs)
	strays := h.fillFromTable(jobs, trees)
	moved := strays == unsettled || everyone.orphans() != before
	for i := range jobs {
		if strays == executing && jobs[i].t.cell == nil {
			jobs[i].unknown = true
		}
		if h.step(&jobs[i], moved) {
			again = true
		}
	}
	if everyone.orphans() != before {
		poke(h.kick)
	}
	return again
}

// jobs lists the trees that something can be done with now, and all trees.
func (h *Host) jobs() ([]job, []*tree) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.active == 0 {
		return nil, nil
	}
	var jobs []job
	for _, t := range h.trees {
		if !t.active {
			continue
		}
		ended := t.p.ended()
		if !ended && t.sent && !t.kill {
			continue // the leader's end is the next thing to happen
		}
		jobs = append(jobs, job{t: t, signal: t.signal, kill: t.kill, sent: t.sent, ended: ended})
	}
	return jobs, slices.Clone(h.trees)
}

// fillFromCells finds the members of trees with a cgroup of their own.
// Before the leader has ended nobody asks for them.
func (h *Host) fillFromCells(jobs []job) {
	for i := range jobs {
		j := &jobs[i]
		if j.t.cell == nil || !j.ended {
			continue
		}
		populated, err := j.t.cell.populated()
		if err != nil {
			j.unknown = true
			h.log.Warn("cannot read the cgroup of a process", "unit", j.t.p.unit, "error", err)
			continue
		}
		if !populated {
			continue
		}
		pids, err := j.t.cell.pids()
		if err != nil {
			h.log.Warn("cannot read the cgroup of a process", "unit", j.t.p.unit, "error", err)
		}
		for _, pid := range pids {
			if e, ok := lookAt(pid); ok && !e.dead {
				j.t.learn(e, h.self)
				j.members = append(j.members, e)
			}
		}
		j.unknown = len(j.members) == 0
	}
}

// unclear is what is not known yet of the strays of a look.
type unclear int

const (
	nothing   unclear = iota // all is known
	unsettled                // one may have had no environment at that moment
	executing                // one has none now, and will have one
)

// fillFromTable finds the members of all other trees, and says what is
// unclear.
func (h *Host) fillFromTable(jobs []job, trees []*tree) (left unclear) {
	if !slices.ContainsFunc(jobs, func(j job) bool { return j.t.cell == nil }) {
		return nothing
	}
	census, err := h.census()
	if err != nil {
		h.log.Warn("cannot read the process table", "error", err)
	}
	var byTree map[*tree][]entry
	if err == nil {
		var strays []entry
		byTree, strays = newAttribution(h.self, census, trees, h.markOf).members(census)
		left = h.settle(strays)
	}
	for i := range jobs {
		j := &jobs[i]
		if j.t.cell != nil {
			continue
		}
		if err != nil {
			j.blind, j.unknown = true, groupAlive(j.t.p.pid)
			continue
		}
		for _, e := range byTree[j.t] {
			if e.dead {
				j.unknown = true // it waits to be reaped
				continue
			}
			j.t.learn(e, h.self)
			j.members = append(j.members, e)
		}
		if len(j.members) > 0 {
			j.t.quiet = 0
		}
	}
	return left
}

// settle looks for strays without an environment, and so without a mark. One
// in the middle of an exec will have one: on a machine with more to do than it
// has processors that moment lasts tens of milliseconds, and as long as it
// lasts nothing counts as gone. Who else is found so twice has none.
func (h *Host) settle(strays []entry) unclear {
	left := nothing
	blank := map[int]uint64{}
	for _, e := range strays {
		if e.dead {
			continue
		}
		env, err := environOf(e.pid)
		if err != nil || len(env) > 0 {
			continue
		}
		if inExec(e.pid) {
			left = executing
			continue
		}
		blank[e.pid] = e.start
		if start, again := h.blank[e.pid]; !again || start != e.start {
			left = max(left, unsettled)
		}
	}
	h.blank = blank
	return left
}

// step carries one tree further.
func (h *Host) step(j *job, moved bool) (again bool) {
	t := j.t
	switch {
	case j.ended && len(j.members) == 0 && !j.unknown:
		if t.lingers() {
			return true
		}
		switch {
		case t.cell == nil && t.quiet < leastQuiet:
			poke(h.kick) // the next look is as good at once as later
			fallthrough
		case moved && t.quiet < mostQuiet:
			t.quiet++
			return true
		}
		h.finish(t)
		return false
	case j.kill:
		h.killTree(j)
		again = true
	case j.signal != 0 && !j.sent:
		h.signalLeader(j)
	}
	if j.ended && j.signal != 0 && !j.kill {
		tellRest(t, j.signal, j.members)
	}
	h.mu.Lock()
	t.left = j.members
	h.mu.Unlock()
	return again || j.unknown
}

// signalLeader sends the stop signal to the leader's group, and then
// continues it: a stopped process does not hear of it otherwise.
func (h *Host) signalLeader(j *job) {
	if err := j.t.p.Signal(j.signal); err == nil {
		_ = j.t.p.Signal(syscall.SIGCONT)
		j.t.reached = j.signal
	}
	h.mu.Lock()
	if j.t.signal == j.signal {
		j.t.sent = true
	}
	h.mu.Unlock()
}

// tellRest sends the stop signal, once, to those who did not get it with
// the leader's group: since they left it, or since the leader had ended when
// the stop began.
func tellRest(t *tree, sig syscall.Signal, members []entry) {
	if t.toldOf != sig {
		t.toldOf, t.told = sig, nil
	}
	for _, e := range members {
		if start, told := t.told[e.pid]; e.pgid == t.p.pid && t.reached == sig || told && start == e.start {
			continue
		}
		if t.told == nil {
			t.told = map[int]uint64{}
		}
		t.told[e.pid] = e.start
		if signalExactly(e, sig) == nil {
			_ = signalExactly(e, syscall.SIGCONT)
		}
	}
}

// killTree sends SIGKILL to everything known. What is born meanwhile is
// found in the next round.
func (h *Host) killTree(j *job) {
	t := j.t
	if t.cell != nil {
		if err := t.cell.kill(); err != nil {
			h.log.Warn("cannot kill a cgroup", "unit", t.p.unit, "error", err)
		}
	}
	_ = t.p.Signal(syscall.SIGKILL)
	if j.blind && j.unknown {
		_ = syscall.Kill(-t.p.pid, syscall.SIGKILL)
	}
	for _, e := range j.members {
		_ = signalExactly(e, syscall.SIGKILL)
	}
}

// finishFast ends a tree whose own cgroup is empty, in the caller's
// goroutine: the usual case after a crash.
func (h *Host) finishFast(t *tree) bool {
	if t.cell == nil {
		return false
	}
	if populated, err := t.cell.populated(); err != nil || populated {
		return false
	}
	h.finish(t)
	return true
}

// finish takes a tree off the books. It may be called twice.
func (h *Host) finish(t *tree) {
	h.mu.Lock()
	if t.isGone {
		h.mu.Unlock()
		return
	}
	t.isGone = true
	t.left = nil
	if t.active {
		h.active--
	}
	if i := slices.Index(h.trees, t); i >= 0 {
		h.trees = slices.Delete(h.trees, i, i+1)
	}
	h.mu.Unlock()
	h.cells.discard(t.cell)
	close(t.gone)
}

// endStrays kills what no tree owns, until nothing is left of this life.
func (h *Host) endStrays() error {
	deadline := time.Now().Add(h.config.KillWait)
	pause := time.NewTimer(0)
	defer pause.Stop()
	for wait := time.Millisecond; ; wait = min(2*wait, retryMost) {
		<-pause.C
		h.reapOrphans()
		before := everyone.orphans()
		left := h.killStrays()
		if len(left) == 0 && everyone.orphans() == before {
			return nil
		}
		if time.Now().After(deadline) && len(left) > 0 {
			stuck := &StuckError{Unit: "what services left behind", Wait: h.config.KillWait}
			for _, e := range left {
				stuck.PIDs = append(stuck.PIDs, e.pid)
			}
			return stuck
		}
		pause.Reset(wait)
	}
}

// killStrays sends SIGKILL to all that is left of this life.
func (h *Host) killStrays() []entry {
	left := h.cells.members()
	_ = h.cells.killAll()
	census, err := wholeTable(h.self)
	if err != nil {
		return left
	}
	alone := everyone.alone()
	_, strays := newAttribution(h.self, census, nil, h.markOf).members(census)
	for _, e := range strays {
		if e.dead || !alone && !h.marked(e.pid) {
			continue
		}
		_ = signalExactly(e, syscall.SIGKILL)
		left = append(left, e)
	}
	return left
}

// groupAlive reports whether a process group has any process.
func groupAlive(group int) bool {
	return !errors.Is(syscall.Kill(-group, 0), syscall.ESRCH)
}
