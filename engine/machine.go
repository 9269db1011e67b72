package engine

import (
	"cmp"
	"fmt"
	"time"

	"github.com/syndicate/syndicate/spec"
)

// healthyAgain is how long a unit must have been ready for its backoff to
// begin anew.
const healthyAgain = 2 * time.Minute

// policy is what the machine needs to know of a unit's definition.
type policy struct {
	id       string
	critical bool
	// oneShot units complete: their run ends, and that is success.
	oneShot bool
	// first bounds the attempts until the first readiness, or until a
	// one-shot unit has completed.
	first   spec.Start
	restart spec.Restart
	// restartUnhealthy ends a run that has become unhealthy.
	restartUnhealthy bool
	// restartWithNeeds restarts the unit when something it needs came back.
	restartWithNeeds bool
	// standsOnNeeds makes "completed" hold only while what the unit itself
	// needs holds: a database is migrated as long as its server is ready.
	standsOnNeeds bool
	needs         []need
	// claims are what one run at a time can have: "port 127.0.0.1:8080".
	claims []string
	// digest names the definition, runDigest the part of it that a running
	// process depends on. Two definitions with one runDigest differ at most
	// in what can be changed in place.
	digest, runDigest string
	// numbers are the ports that a run has in its values without being
	// declared: those chosen for it and for what it needs.
	numbers string
	// aims are the chosen ports in what is put in force while it runs.
	aims string
	// inPlace says that the definition takes the place of one that does not
	// run without a run of its own, whatever the digests.
	inPlace bool
	// why is the reason of a changed definition, for people.
	why string
	// rerun has a unit start that has failed, or that has completed and has
	// more to do.
	rerun bool
}

// need is one condition of another unit that must hold at every start.
type need struct {
	unit      int
	condition string // started, ready, completed
	soft      bool
	// what is waited for, in the words of the language where these differ:
	// a database is migrated when its migrations have completed.
	what string
	// beyond is the ID of a unit that the change leaves alone, where it is
	// one of that: unit does not count then.
	beyond string
}

// unit is the state of one unit. The loop owns it.
type unit struct {
	*member         // the definition in force
	next    *member // the one that replaces it in its turn, or nil
	// dependents are the units that need this one, by the definition in
	// force or the next.
	dependents []int

	state   State
	since   time.Time
	cause   string
	run     int  // number of the current or last run; no two runs share one
	runs    int  // how many there were
	live    bool // the run has not ended
	started time.Time
	pid     int
	// executing is whether the current run has begun its process.
	executing bool
	readyAt   time.Time     // of the current run, zero before
	readyIn   time.Duration // from the start to the readiness of the last run
	everReady bool          // since the definition in force came
	before    bool          // whether it was ready before, by whatever definition
	attempt   int           // in the current series, from 1
	streak    int           // new attempts since the backoff last began anew
	restarts  int           // as api.Unit counts them
	window    []time.Time   // restarts that still count against the limit
	intended  string        // why the engine ended the run to start another
	owed      string        // why it restarts, once all that it needs is there; empty: it does not
	note      string        // what is wrong about the live run, though it is ready
	unwell    bool          // the run is ended since it has become unhealthy
	exit      string        // how the process of the run ended, empty while it runs and where none was
	lastExit  string        // of the last run that had a process
	timer     int           // sequence number of the timer that counts
	nextAt    time.Time
	queued    bool   // in machine.queue
	placed    bool   // it has a place among what starts: it ended for its next start
	done      string // runDigest of the definition that has completed last
	stood     bool   // whether it had completed when the last change began

	held    string // who stopped it until further notice, empty for nobody
	removal bool   // it is declared no longer
	yield   bool   // it must stop before its next definition can start
	down    bool   // it must not run now: see takeDown
	downBy  string // why
	returns bool   // down, and runs again by its next definition
	gone    bool   // down, and neither it nor what depends on it runs any more
}

// machine decides what happens to the units. It is pure: no clock, no I/O,
// no goroutine. Each event gives the effects that the loop has to carry out.
type machine struct {
	units []*unit        // nil where one was removed
	byID  map[string]int // their places
	order []int          // of units, as they are declared
	// kept are the holds of addresses that are no unit now: a hold belongs to the
	// address, and counts again when that is declared again.
	kept map[string]string

	parallelism  int  // 0: unlimited
	failDegraded bool // degraded = "fail"
	stopOnFail   bool // on_failure = "stop"
	random       func() float64

	by      string // who began this life or, once it stops, who stopped it
	phase   phase
	op      *operation // under way, or nil
	undoing bool       // one has failed, and is about to be taken back
	failure string     // why the system failed
	cause   string     // why it stops
	settled bool       // everything was started, or failed, once
	runs    int        // begun so far
	timers  int        // set so far
	active  int        // units that start, or that have ended or are to end for that
	alive   int        // units with a live run
	count   map[State]int
	queue   []int          // units whose needs may have changed
	claimed map[string]int // what live runs have, by whom
	stale   bool           // who is down has to be decided anew
	leaving int            // units that are down and not gone
	effects []effect
	now     time.Time
	noted   int    // units with a note
	seen    health // when healthMayDiffer was asked last
}

// phase is where the system as a whole is.
type phase int

const (
	phaseUp phase = iota // the first start is under way
	phaseRunning
	phaseStopping
	phaseDone
)

// The events.
type (
	// evBegin starts everything.
	evBegin struct{}
	// evStarted says that a run executes.
	evStarted struct{ unit, run, pid int }
	// evReady says that a run is ready.
	evReady struct{ unit, run int }
	// evHealth says that a ready run has become unhealthy, or is well again.
	evHealth struct {
		unit, run int
		problem   string // empty: well again
	}
	// evNote says what is wrong about a run that is ready nevertheless.
	evNote struct {
		unit, run int
		text      string // empty: nothing any more
	}
	// evEnded says that a run has ended and that nothing of it is left.
	evEnded struct {
		unit, run int
		outcome   Outcome
	}
	// evTimer says that a timer has fired.
	evTimer struct{ unit, seq int }
	// evStop stops everything.
	evStop struct{ cause, by string }
	// evApply changes what is declared: see apply.
	evApply struct {
		op       *operation
		members  []*member // all of them; needs count among these
		settings settings
	}
	// evCommand tells some units to start, stop or restart.
	evCommand struct {
		op    *operation
		verb  string
		units []string
		why   string // in words, with who asks
	}
)

// Outcome is how a run ended.
type Outcome struct {
	// Err is why it ended, nil where it ended well: a task with exit status
	// 0, or a service that was told to stop.
	Err error
	// Exit is the exit status in words, empty where nothing was executed.
	Exit string
	// Clean is whether the process exited with status 0.
	Clean bool
	// Permanent says that another attempt would end the same way.
	Permanent bool
	// Outside says that it ended for want of what others have to give, such as
	// room on a disk: it is tried again, ever later, until that is there.
	Outside bool
	// Spoiled says that what an earlier run has completed holds no longer.
	Spoiled bool
}

// The effects.
type (
	effect any
	// startRun begins run number run of a unit.
	startRun struct{ unit, run int }
	// stopRun ends a run in good order.
	stopRun struct {
		unit, run int
		cause     string
	}
	// setTimer asks for an evTimer at a time.
	setTimer struct {
		unit, seq int
		at        time.Time
	}
	// changed says that a unit's state has changed, and why.
	changed struct {
		unit     *unit
		from, to State
		cause    string
		exit     string // how the run ended, where this is its end
		actor    string // on whose behalf
	}
	// dropped says that a unit is no more, and what hold on it remains.
	dropped struct {
		member *member
		held   string
	}
	// heldChanged says that a person's hold on a unit began or ended.
	heldChanged struct{ id, by string }
	// opEnded says that an operation is over.
	opEnded struct{ op *operation }
	// upSettled says that everything was started, or failed, once.
	upSettled struct{}
	// allStopped says that no run is left.
	allStopped struct{}
)

// newMachine returns a machine for units whose needs count among them.
func newMachine(members []*member, random func() float64) *machine {
	m := &machine{
		random: random, byID: map[string]int{}, kept: map[string]string{}, count: map[State]int{}, claimed: map[string]int{},
	}
	for _, d := range members {
		m.add(d)
	}
	m.link()
	return m
}

// handle takes one event and returns what has to be done.
func (m *machine) handle(now time.Time, ev any) []effect {
	m.now, m.effects = now, nil
	switch ev := ev.(type) {
	case evBegin:
		m.begin()
	case evStarted:
		if u := m.current(ev.unit, ev.run); u != nil {
			u.pid, u.executing = ev.pid, true
			m.touch(ev.unit)
		}
	case evReady:
		m.ready(ev)
	case evHealth:
		m.health(ev)
	case evNote:
		if m.current(ev.unit, ev.run) != nil {
			m.remark(ev.unit, ev.text)
		}
	case evEnded:
		m.ended(ev)
	case evTimer:
		m.timerFired(ev)
	case evStop:
		m.by = cmp.Or(ev.by, byItself)
		m.stop(ev.cause)
	case evApply:
		if m.begins(ev.op) {
			m.apply(ev)
		}
	case evCommand:
		if m.begins(ev.op) {
			m.command(ev)
		}
	}
	m.schedule()
	m.settle()
	return m.effects
}

// begin starts everything that nobody holds.
func (m *machine) begin() {
	m.stale = true
	for i, u := range m.units {
		u.since = m.now
		m.enqueue(i)
	}
}

// current returns the unit if run is its live run.
func (m *machine) current(i, run int) *unit {
	if u := m.units[i]; u != nil && u.live && u.run == run {
		return u
	}
	return nil
}

// set changes the state of a unit and has its dependents looked at.
func (m *machine) set(i int, to State, cause string) {
	u := m.units[i]
	from := u.state
	u.cause = cause
	if from == to {
		return
	}
	m.count[from]--
	m.count[to]++
	if from == Starting {
		m.active--
	}
	if to == Starting {
		m.active++
	}
	if to != Stopping && to != Pending {
		m.place(u, false)
	}
	u.state, u.since = to, m.now
	if to != Backoff && to != Failed {
		u.timer = 0 // whatever timer there was counts no more
		u.nextAt = time.Time{}
	}
	exit := ""
	if !u.live && (from == Starting || from == Ready || from == Unhealthy || from == Stopping) {
		exit = u.exit
	}
	m.effects = append(m.effects, changed{u, from, to, cause, exit, m.actor(i)})
	m.touch(i)
}

// touch has the dependents of a unit looked at.
func (m *machine) touch(i int) {
	var through map[int]bool
	for todo := []int{i}; len(todo) > 0; todo = todo[1:] {
		for _, d := range m.units[todo[0]].dependents {
			m.enqueue(d)
			// What depends on one of these may be concerned by it, too.
			if u := m.units[d]; (u.standsOnNeeds || u.restartWithNeeds) && !through[d] {
				if through == nil {
					through = map[int]bool{}
				}
				through[d] = true
				todo = append(todo, d)
			}
		}
	}
}

func (m *machine) enqueue(i int) {
	if u := m.units[i]; u != nil && !u.queued {
		u.queued = true
		m.queue = append(m.queue, i)
	}
}

// schedule starts, blocks, frees, replaces or stops every unit whose needs
// have changed.
func (m *machine) schedule() {
	for {
		crowdedOut := m.drain()
		for _, i := range crowdedOut {
			m.enqueue(i)
		}
		// Where there is room they are looked at now: one that had kept its
		// place may have given it back behind them. Else that is done when the
		// next event may have freed a place.
		if len(crowdedOut) == 0 || m.crowded() {
			return
		}
	}
}

// drain looks at everything in the queue, and returns what nothing but the
// bound on parallel starts keeps from starting.
func (m *machine) drain() (crowdedOut []int) {
	for {
		if m.stale {
			m.takeDown()
		}
		if len(m.queue) == 0 && !m.untie() {
			return crowdedOut
		}
		if len(m.queue) == 0 {
			continue
		}
		i := m.queue[0]
		m.queue = m.queue[1:]
		u := m.units[i]
		if u == nil {
			continue
		}
		u.queued = false
		if u.down {
			m.stopInTurn(i)
			continue
		}
		if u.next != nil && m.replace(i) || u.owed != "" && m.follow(i) || m.look(i) {
			crowdedOut = append(crowdedOut, i)
		}
	}
}

// look starts, blocks or frees one unit. It reports whether nothing but the
// bound on parallel starts keeps it from starting.
func (m *machine) look(i int) bool {
	u := m.units[i]
	if u.next != nil || u.state != Pending && u.state != Blocked {
		return false
	}
	placed := u.placed
	m.place(u, false)
	switch why, verdict := m.verdict(u); verdict {
	case blockedNow:
		m.set(i, Blocked, why)
	case waiting:
		m.set(i, Pending, why)
	case startable:
		if !placed && m.crowded() {
			m.set(i, Pending, "")
			return true
		}
		m.start(i)
	}
	return false
}

// crowded reports whether as many units start as may at a time.
func (m *machine) crowded() bool { return m.parallelism > 0 && m.active >= m.parallelism }

// place gives a unit a place among what starts before it does, or takes it.
func (m *machine) place(u *unit, has bool) {
	if u.placed == has {
		return
	}
	u.placed = has
	if has {
		m.active++
	} else {
		m.active--
	}
}

type verdict int

const (
	waiting verdict = iota
	startable
	blockedNow
)

// verdict says whether a unit may start now, and if not why.
func (m *machine) verdict(u *unit) (string, verdict) {
	why, v := m.conditions(u.needs)
	if v == blockedNow {
		return why, v
	}
	if v == startable && m.claimant(u) != nil {
		v = waiting
	}
	if u.state == Blocked {
		return "", v // what blocked it is over
	}
	return u.cause, v
}

// conditions says whether all needs are met, and if they cannot be, why.
func (m *machine) conditions(needs []need) (string, verdict) {
	v := startable
	for _, n := range needs {
		d := m.units[n.unit]
		dead := d.next == nil && (d.state == Failed || d.state == Blocked || d.state == Stopped)
		switch {
		case m.holds(n):
		case dead && n.soft:
		case dead:
			return fmt.Sprintf("needs %s, which %s", d.id, deadWord(d.state)), blockedNow
		default:
			v = waiting
		}
	}
	return "", v
}

// claimant returns another unit whose run has what u claims, or nil.
func (m *machine) claimant(u *unit) *unit {
	for _, c := range u.claims {
		if j, ok := m.claimed[c]; ok && m.units[j] != u {
			return m.units[j]
		}
	}
	return nil
}

func deadWord(s State) string {
	switch s {
	case Failed:
		return "failed"
	case Blocked:
		return "is blocked"
	}
	return "is stopped"
}

// settle notices the end of the first start, of an operation and of the
// shutdown.
func (m *machine) settle() {
	if m.phase == phaseUp && m.count[Pending]+m.count[Starting]+m.count[Backoff]+m.count[Stopping] == 0 {
		for _, u := range m.units {
			if u.critical && u.state == Blocked && !u.down && m.failure == "" {
				m.failure = fmt.Sprintf("%s is blocked: %s", u.id, u.cause)
			}
		}
		if m.failure != "" {
			m.stop(m.failure)
			m.schedule()
		} else {
			m.phase, m.settled = phaseRunning, true
			m.effects = append(m.effects, upSettled{})
		}
	}
	m.settleOperation()
	if m.phase == phaseStopping && m.alive == 0 {
		m.phase = phaseDone
		m.effects = append(m.effects, allStopped{})
	}
}
