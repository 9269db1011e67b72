package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/syndicate/syndicate/spec"
)

// healthyAgain is how long a unit must have been ready for its backoff to
// begin anew.
const healthyAgain = 2 * time.Minute

// policy is what the machine needs to know of a unit.
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
	needs            []need
}

// need is one condition of another unit that must hold at every start.
type need struct {
	unit      int
	condition string // started, ready, completed
	soft      bool
}

// unit is the state of one unit. The loop owns it.
type unit struct {
	policy
	dependents []int

	state   State
	since   time.Time
	cause   string
	run     int  // number of the current or last run
	live    bool // the run has not ended
	started time.Time
	pid     int
	// executing is whether the current run has begun its process.
	executing bool
	readyAt   time.Time     // of the current run, zero before
	readyIn   time.Duration // from the start to the readiness of the last run
	everReady bool          // in this life
	attempt   int           // in the current series, from 1
	streak    int           // new attempts since the backoff last began anew
	restarts  int           // since the life began
	window    []time.Time   // restarts that still count against the limit
	intended  string        // why the engine ended the run to start another
	lastExit  string
	timer     int // sequence number of the timer that counts
	next      time.Time
	queued    bool // in machine.queue
	gone      bool // stopped for good, and so is all that depends on it
}

// machine decides what happens to the units. It is pure: no clock, no I/O,
// no goroutine. Each event gives the effects that the loop has to carry out.
type machine struct {
	units []*unit

	parallelism  int  // 0: unlimited
	failDegraded bool // degraded = "fail"
	stopOnFail   bool // on_failure = "stop"
	random       func() float64

	phase   phase
	failure string // why the system failed
	cause   string // why it stops
	settled bool   // everything was started, or failed, once
	active  int    // units in Starting
	alive   int    // units with a live run
	count   map[State]int
	queue   []int // units whose needs may have changed
	effects []effect
	now     time.Time
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
	// evEnded says that a run has ended and that nothing of it is left.
	evEnded struct {
		unit, run int
		outcome   Outcome
	}
	// evTimer says that a timer has fired.
	evTimer struct{ unit, seq int }
	// evStop stops everything.
	evStop struct{ cause string }
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
	// changed says that a unit's state has changed.
	changed struct {
		unit     int
		from, to State
	}
	// upSettled says that everything was started, or failed, once.
	upSettled struct{}
	// allStopped says that no run is left.
	allStopped struct{}
)

// newMachine returns a machine for units in topological order: a unit's
// needs stand before it.
func newMachine(policies []policy, random func() float64) *machine {
	m := &machine{random: random, count: map[State]int{Pending: len(policies)}}
	for _, p := range policies {
		m.units = append(m.units, &unit{policy: p, state: Pending})
	}
	for i, u := range m.units {
		for _, n := range u.needs {
			d := m.units[n.unit]
			if len(d.dependents) == 0 || d.dependents[len(d.dependents)-1] != i {
				d.dependents = append(d.dependents, i)
			}
		}
	}
	return m
}

// handle takes one event and returns what has to be done.
func (m *machine) handle(now time.Time, ev any) []effect {
	m.now, m.effects = now, nil
	switch ev := ev.(type) {
	case evBegin:
		for i, u := range m.units {
			u.since = now
			m.enqueue(i)
		}
	case evStarted:
		if u := m.current(ev.unit, ev.run); u != nil {
			u.pid, u.executing = ev.pid, true
			m.touch(ev.unit)
		}
	case evReady:
		m.ready(ev)
	case evHealth:
		m.health(ev)
	case evEnded:
		m.ended(ev)
	case evTimer:
		u := m.units[ev.unit]
		if u.timer == ev.seq && (u.state == Backoff || u.state == Failed) && m.phase < phaseStopping {
			m.set(ev.unit, Pending, u.cause)
			m.enqueue(ev.unit)
		}
	case evStop:
		m.stop(ev.cause)
	}
	m.schedule()
	m.settle()
	return m.effects
}

// current returns the unit if run is its live run.
func (m *machine) current(i, run int) *unit {
	if u := m.units[i]; u.live && u.run == run {
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
	u.state, u.since = to, m.now
	if to != Backoff && to != Failed {
		u.timer++ // whatever timer there was counts no more
		u.next = time.Time{}
	}
	m.effects = append(m.effects, changed{i, from, to})
	m.touch(i)
}

// touch has the dependents of a unit looked at.
func (m *machine) touch(i int) {
	for _, d := range m.units[i].dependents {
		m.enqueue(d)
	}
}

func (m *machine) enqueue(i int) {
	if u := m.units[i]; !u.queued {
		u.queued = true
		m.queue = append(m.queue, i)
	}
}

// schedule starts, blocks or frees every unit whose needs have changed.
func (m *machine) schedule() {
	var wait []int
	for len(m.queue) > 0 {
		i := m.queue[0]
		m.queue = m.queue[1:]
		u := m.units[i]
		u.queued = false
		if m.phase >= phaseStopping {
			m.stopInTurn(i)
			continue
		}
		if u.state != Pending && u.state != Blocked {
			continue
		}
		switch why, verdict := m.verdict(u); verdict {
		case blockedNow:
			m.set(i, Blocked, why)
		case waiting:
			m.set(i, Pending, why)
		case startable:
			if m.parallelism > 0 && m.active >= m.parallelism {
				m.set(i, Pending, "")
				wait = append(wait, i)
				continue
			}
			m.start(i)
		}
	}
	// They are looked at again when the next event may have freed a place.
	for _, i := range wait {
		m.enqueue(i)
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
	v := startable
	for _, n := range u.needs {
		d := m.units[n.unit]
		dead := d.state == Failed || d.state == Blocked || d.state == Stopped
		switch {
		case m.holds(n):
		case dead && n.soft:
		case dead:
			return fmt.Sprintf("needs %s, which %s", d.id, deadWord(d.state)), blockedNow
		default:
			v = waiting
		}
	}
	if u.state == Blocked {
		return "", v // what blocked it is over
	}
	return u.cause, v
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

// holds reports whether a condition holds now.
func (m *machine) holds(n need) bool {
	d := m.units[n.unit]
	switch n.condition {
	case "started":
		return d.live && d.executing && d.state != Stopping
	case "completed":
		return d.state == Completed
	default:
		return d.state == Ready
	}
}

// waitingFor lists the conditions that keep a unit from starting.
func (m *machine) waitingFor(u *unit) []string {
	if u.state != Pending && u.state != Blocked {
		return nil
	}
	var list []string
	for _, n := range u.needs {
		if !m.holds(n) {
			list = append(list, m.units[n.unit].id+" "+n.condition)
		}
	}
	return list
}

func (m *machine) start(i int) {
	u := m.units[i]
	u.run++
	u.attempt++
	u.live, u.executing, u.pid = true, false, 0
	u.started, u.readyAt = m.now, time.Time{}
	m.alive++
	m.set(i, Starting, "")
	m.effects = append(m.effects, startRun{i, u.run})
}

func (m *machine) ready(ev evReady) {
	u := m.current(ev.unit, ev.run)
	if u == nil || u.state != Starting {
		return
	}
	again := u.everReady
	u.everReady, u.readyAt, u.readyIn, u.attempt = true, m.now, m.now.Sub(u.started), 0
	m.set(ev.unit, Ready, "")
	if !again {
		return
	}
	for _, d := range u.dependents {
		m.restartFor(d, u.id+" came back")
	}
}

// restartFor restarts a running unit that wants it when what it needs came
// back.
func (m *machine) restartFor(i int, why string) {
	u := m.units[i]
	if !u.restartWithNeeds || !u.live || u.intended != "" || u.state == Stopping {
		return
	}
	u.intended = why
	m.end(i, why)
}

// end asks for the end of a live run, once for each run.
func (m *machine) end(i int, cause string) {
	u := m.units[i]
	m.set(i, Stopping, cause)
	m.effects = append(m.effects, stopRun{i, u.run, cause})
}

func (m *machine) health(ev evHealth) {
	u := m.current(ev.unit, ev.run)
	switch {
	case u == nil || m.phase >= phaseStopping:
	case ev.problem == "" && u.state == Unhealthy:
		m.set(ev.unit, Ready, "")
	case ev.problem != "" && u.state == Ready:
		m.set(ev.unit, Unhealthy, ev.problem)
		if u.restartUnhealthy && u.restart.On != "never" {
			m.end(ev.unit, ev.problem)
		}
	}
}

// ended decides what follows the end of a run.
func (m *machine) ended(ev evEnded) {
	u := m.current(ev.unit, ev.run)
	if u == nil {
		return
	}
	unhealthy := u.state == Stopping && m.phase < phaseStopping && u.intended == ""
	u.live, u.executing, u.pid = false, false, 0
	m.alive--
	if ev.outcome.Exit != "" {
		u.lastExit = ev.outcome.Exit
	}
	switch {
	case u.oneShot && ev.outcome.Err == nil && u.state != Stopping:
		u.everReady = true
		m.set(ev.unit, Completed, "")
	case m.phase >= phaseStopping:
		m.set(ev.unit, Stopped, u.cause)
	case u.intended != "":
		u.restarts++
		m.set(ev.unit, Pending, u.intended)
		u.intended = ""
	case unhealthy:
		m.again(ev.unit, Outcome{Err: errors.New(u.cause), Exit: ev.outcome.Exit})
	default:
		m.again(ev.unit, ev.outcome)
	}
	m.enqueue(ev.unit)
}

// stop begins the shutdown.
func (m *machine) stop(cause string) {
	if m.phase >= phaseStopping {
		return
	}
	m.phase, m.cause = phaseStopping, cause
	for i, u := range m.units {
		if !u.live && u.state != Completed && u.state != Failed {
			m.set(i, Stopped, u.cause)
		}
		m.enqueue(i)
	}
}

// stopInTurn stops a unit once all that depends on it, directly or through
// others, is gone. A unit that does not run is gone at once then.
func (m *machine) stopInTurn(i int) {
	u := m.units[i]
	if u.gone || u.state == Stopping {
		return
	}
	for _, d := range u.dependents {
		if !m.units[d].gone {
			return
		}
	}
	if u.live {
		m.end(i, m.cause)
		return
	}
	u.gone = true
	for _, n := range u.needs {
		m.enqueue(n.unit)
	}
}

// fail marks a unit as failed and decides what that means for the system.
func (m *machine) fail(i int, cause string) {
	u := m.units[i]
	m.set(i, Failed, cause)
	if !u.critical && !(m.failDegraded && m.phase == phaseUp) {
		return
	}
	if m.failure == "" {
		m.failure = fmt.Sprintf("%s failed: %s", u.id, cause)
	}
	if m.phase == phaseUp || m.stopOnFail {
		m.stop(m.failure)
	}
}

// settle notices the end of the first start and of the shutdown.
func (m *machine) settle() {
	if m.phase == phaseUp && m.count[Pending]+m.count[Starting]+m.count[Backoff]+m.count[Stopping] == 0 {
		for _, u := range m.units {
			if u.critical && u.state == Blocked && m.failure == "" {
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
	if m.phase == phaseStopping && m.alive == 0 {
		m.phase = phaseDone
		m.effects = append(m.effects, allStopped{})
	}
}

// systemState is the state of the system as a whole, and why.
func (m *machine) systemState() (Health, string) {
	switch m.phase {
	case phaseUp:
		return SystemStarting, ""
	case phaseStopping:
		return SystemStopping, m.cause
	case phaseDone:
		return SystemStopped, m.cause
	}
	degraded := ""
	for _, u := range m.units {
		switch u.state {
		case Failed:
			if u.critical {
				return SystemFailed, fmt.Sprintf("%s failed: %s", u.id, u.cause)
			}
		case Ready, Completed:
			continue
		}
		if degraded == "" {
			degraded = u.id + " is " + string(u.state)
			if u.cause != "" {
				degraded += ": " + u.cause
			}
		}
	}
	if degraded != "" {
		return SystemDegraded, degraded
	}
	return SystemReady, ""
}
