package process

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Leftover is a process of an earlier life that still runs.
type Leftover struct {
	PID   int
	Start uint64 // when it started, in the system's unit: with the pid its identity
	Unit  string // empty where nothing tells

	// own is the signal that ends it, for a leader with a DeathSignal.
	// Such a one and its descendants are spared: SIGKILL would cost data.
	own    syscall.Signal
	spared bool
}

// FindByLife lists what still runs of a life whose engine is dead: by the
// mark in the environment, by the cgroup, by the brand, and whatever descends
// from such or shares a group with it. They come in the order of their pids.
func FindByLife(life string) ([]Leftover, error) {
	return findByLife(life, func(Leftover) {})
}

// mostSweeps bounds how often one look goes over processes that are new.
const mostSweeps = 32

// findByLife looks at every process, then at those that began meanwhile, and
// so on until there are none: a process that forks and ends all the time is
// seen in the end. Those that began meanwhile are handed to young at once.
func findByLife(life string, young func(Leftover)) ([]Leftover, error) {
	if err := checkLife(life); err != nil {
		return nil, err
	}
	s := &search{life: life, me: ownPID(), seen: map[int]bool{}, found: map[int]*Leftover{}, groups: map[int]string{}}
	for sweep := 0; sweep < mostSweeps; sweep++ {
		fresh, err := processesBut(s.seen)
		if err != nil {
			return nil, fmt.Errorf("find the processes of life %s: %w", life, err)
		}
		if len(fresh) == 0 {
			break
		}
		s.add(fresh)
		for _, e := range fresh {
			if l := s.found[e.pid]; l != nil && !l.spared && sweep > 0 {
				young(*l)
			}
		}
	}
	leftovers := make([]Leftover, 0, len(s.found))
	for _, l := range s.found {
		leftovers = append(leftovers, *l)
	}
	slices.SortFunc(leftovers, func(a, b Leftover) int { return a.PID - b.PID })
	return leftovers, nil
}

// search is a look for the processes of a life under way.
type search struct {
	life   string
	me     int
	seen   map[int]bool // by pid
	census []entry      // those seen that live, but for this one and guardians
	found  map[int]*Leftover
	groups map[int]string // of found ones, with their units
}

// add looks at more processes, and then adds the descendants of what was
// found, and those in its groups.
func (s *search) add(fresh []entry) {
	for _, e := range fresh {
		s.seen[e.pid] = true
		if e.dead || e.pid == s.me {
			continue
		}
		env, err := environOf(e.pid)
		if err == nil && guards(env, s.life) {
			continue
		}
		s.census = append(s.census, e)
		l, group := recognise(e, env, s.life)
		if l == nil {
			continue
		}
		s.found[e.pid] = l
		if group > 1 {
			s.groups[group] = l.Unit
		}
	}
	for grown := true; grown; {
		grown = false
		for _, e := range s.census {
			if s.spread(e) {
				grown = true
			}
		}
	}
}

// spread adds a process that belongs to what was found, and spares it where
// its parent is spared. It reports whether something is new.
func (s *search) spread(e entry) (grown bool) {
	l, parent := s.found[e.pid], s.found[e.ppid]
	if l == nil {
		unit, grouped := s.groups[e.pgid]
		if parent == nil && !grouped {
			return false
		}
		if parent != nil {
			unit = parent.Unit
		}
		l = &Leftover{PID: e.pid, Start: e.start, Unit: unit}
		s.found[e.pid], grown = l, true
	}
	if parent != nil && parent.spared && !l.spared {
		l.spared, grown = true, true
	}
	return grown
}

// recognise returns what a process shows of a life by itself, nil where that
// is nothing, and its group where others in it must belong to that life too.
// That is so only where it shows the mark, which comes with the exec: a child
// that an engine is forking has the cgroup and the brand already, and is in
// the engine's own group still, beside whatever the shell runs there.
func recognise(e entry, env []byte, life string) (l *Leftover, group int) {
	switch mark(env, LifeVariable) {
	case life:
		l = &Leftover{PID: e.pid, Start: e.start, Unit: mark(env, UnitVariable)}
		// e was read before the environment, so maybe before the exec.
		if now, ok := lookAt(e.pid); ok && now.start == e.start {
			group, l.own = now.pgid, deathSignal(now, env)
		}
		l.spared = l.own != 0
		return l, group
	case "":
	default:
		return nil, 0 // another life's, which may be inside this one
	}
	if unit, ok := unitOfCell(e.pid, life); ok {
		return &Leftover{PID: e.pid, Start: e.start, Unit: unit}, 0
	}
	if branded(e.pid, brandOf(life)) {
		return &Leftover{PID: e.pid, Start: e.start}, 0
	}
	return nil, 0
}

// deathSignal is the one that a leader was started with, 0 for SIGKILL and
// for its descendants, which inherit the mark: those that stayed in its group
// do not lead it, and those that left it lead a session, as no leader does.
func deathSignal(e entry, env []byte) syscall.Signal {
	if e.pid != e.pgid || e.pid == e.sid {
		return 0
	}
	number, err := strconv.Atoi(mark(env, DeathVariable))
	if err != nil || number <= 0 || number > 64 {
		return 0
	}
	return syscall.Signal(number)
}

// unitOfLife reports whether a process belongs to a life, and for what unit.
func unitOfLife(pid int, life string) (unit string, ok bool) {
	if env, err := environOf(pid); err == nil && mark(env, LifeVariable) == life {
		return mark(env, UnitVariable), true
	}
	return unitOfCell(pid, life)
}

// unitOfCell does so by its cgroup.
func unitOfCell(pid int, life string) (unit string, ok bool) {
	below, ok := cellOf(pid, life)
	if !ok {
		return "", false
	}
	if _, name, own := strings.Cut(below, "."); own {
		if plain, err := url.PathUnescape(name); err == nil {
			return plain, true
		}
	}
	return "", true
}

// inCellOf finds a life's directory in the path of a cgroup, and returns the
// name below it.
func inCellOf(path, life string) (below string, ok bool) {
	_, after, ok := strings.Cut(path+"/", "/"+cellPrefix+life+"/")
	below, _, _ = strings.Cut(after, "/")
	return below, ok
}

// EndLife ends whatever still runs of a life whose engine is dead: sig
// first, SIGKILL when timeout is over, and goes on for as long as that ends
// any, up to a minute: a busy machine takes its time for thousands. It gives
// up on those of which none has ended for five seconds. A leader with a
// DeathSignal gets that instead, never SIGKILL, and half a minute for it; its
// descendants are left to it as long as it lives. EndLife removes that life's
// cgroups and returns what it had found.
func EndLife(life string, sig syscall.Signal, timeout time.Duration) ([]Leftover, error) {
	return endLife(life, sig, timeout, 5*time.Second)
}

// How long leaders with a DeathSignal may take for their end, and how long
// the end of all others may go on.
const (
	sparedWait = 30 * time.Second
	stormWait  = time.Minute
)

func endLife(life string, sig syscall.Signal, timeout, killWait time.Duration) ([]Leftover, error) {
	e := ending{life: life, signal: sig, told: map[int]uint64{}}
	begin := time.Now()
	p := patience{killed: begin.Add(timeout), killWait: killWait}
	var first []Leftover
	pause := time.NewTimer(0)
	defer pause.Stop()
	looks := 0 // in a row that found nothing; the second is for good measure
	for wait := 2 * time.Millisecond; ; wait = min(2*wait, retryMost) {
		<-pause.C
		kill := sig == syscall.SIGKILL || time.Since(begin) >= timeout
		left, err := findByLife(life, func(l Leftover) { e.end(l, kill) })
		if err != nil {
			return first, err
		}
		if first == nil {
			first = left
		}
		now := time.Now()
		if len(left) > 0 {
			looks = 0
		} else if looks++; looks == 2 {
			removeLife(life)
			return first, nil
		}
		spared := slices.ContainsFunc(left, func(l Leftover) bool { return l.own != 0 })
		if spared {
			p.killed = now
		}
		if waited := now.Sub(begin); spared && waited > sparedWait {
			return first, stillThere(life, left, waited)
		}
		if waited, over := p.over(left, now); over {
			return first, stillThere(life, left, waited)
		}
		e.round(left, kill)
		pause.Reset(wait)
	}
}

// patience says when to wait no longer for processes that are being killed.
type patience struct {
	killed   time.Time // since when they are; may be in the future
	killWait time.Duration
	before   []Leftover // what was left at the last look, by pid
	moved    time.Time  // when one of them had ended since the look before
}

// over reports whether there is nothing to wait for any more, and for how
// long there was nothing.
func (p *patience) over(left []Leftover, now time.Time) (waited time.Duration, over bool) {
	ended := slices.ContainsFunc(p.before, func(was Leftover) bool {
		i, there := slices.BinarySearchFunc(left, was.PID, func(l Leftover, pid int) int { return l.PID - pid })
		return !there || left[i].Start != was.Start
	})
	if ended {
		p.moved = now
	}
	p.before = left
	since := p.killed
	if p.moved.After(since) {
		since = p.moved
	}
	waited = now.Sub(since)
	return waited, len(left) > 0 && (waited > p.killWait || now.Sub(p.killed) > stormWait)
}

func stillThere(life string, left []Leftover, after time.Duration) error {
	stuck := &StuckError{Unit: "life " + life, Wait: after.Round(time.Second)}
	for _, l := range left {
		stuck.PIDs = append(stuck.PIDs, l.PID)
	}
	return stuck
}

// ending is the end of a life's leftovers under way.
type ending struct {
	life   string
	signal syscall.Signal
	told   map[int]uint64 // pid to start of those that got a signal other than SIGKILL
}

// round ends what is left.
func (e *ending) round(left []Leftover, kill bool) {
	if kill && len(left) > 0 {
		killCells(e.life, left)
	}
	for _, l := range left {
		e.end(l, kill)
	}
}

// end signals one process.
func (e *ending) end(l Leftover, kill bool) {
	switch {
	case l.own != 0:
		e.tell(l, l.own)
	case l.spared:
	case kill:
		_ = signalExactly(entry{pid: l.PID, start: l.Start}, syscall.SIGKILL)
	default:
		e.tell(l, e.signal)
	}
}

// tell sends a signal once, and continues the process: a stopped one does
// not hear of it otherwise.
func (e *ending) tell(l Leftover, sig syscall.Signal) {
	if start, ok := e.told[l.PID]; ok && start == l.Start {
		return
	}
	e.told[l.PID] = l.Start
	seen := entry{pid: l.PID, start: l.Start}
	if signalExactly(seen, sig) == nil {
		_ = signalExactly(seen, syscall.SIGCONT)
	}
}
