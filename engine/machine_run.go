package engine

import (
	"errors"
	"fmt"
	"time"
)

// start begins a run.
func (m *machine) start(i int) {
	u := m.units[i]
	m.runs++
	u.run = m.runs
	u.runs++
	u.attempt++
	u.live, u.executing, u.unwell, u.pid, u.exit = true, false, false, 0, ""
	u.started, u.readyAt = m.now, time.Time{}
	m.alive++
	for _, c := range u.claims {
		m.claimed[c] = i
	}
	m.set(i, Starting, "")
	m.effects = append(m.effects, startRun{i, u.run})
}

func (m *machine) ready(ev evReady) {
	u := m.current(ev.unit, ev.run)
	if u == nil || u.state != Starting {
		return
	}
	again := u.before
	u.before, u.everReady, u.readyAt, u.readyIn, u.attempt = true, true, m.now, m.now.Sub(u.started), 0
	m.set(ev.unit, Ready, "")
	if !again {
		return
	}
	for _, d := range u.dependents {
		m.restartFor(d, ev.unit, u.id+" came back")
	}
}

// restartFor has a running unit restart that wants it when what it needs came
// back, unless its run is the younger one. One that is about to be replaced is
// so in its turn.
func (m *machine) restartFor(i, needed int, why string) {
	u := m.units[i]
	if !u.restartWithNeeds || !u.live || u.intended != "" || u.owed != "" || u.state == Stopping {
		return
	}
	if u.next != nil || u.run > m.units[needed].run {
		return
	}
	if m.op != nil && m.op.touched[needed] {
		m.op.touched[i] = true
	}
	u.owed = why
	m.enqueue(i)
	m.touch(i)
}

// follow ends the run of a unit that restarts with what it needs once all of
// that is there. One that could not start again, since something else that it
// needs is not there, is left alone. It reports whether nothing but the bound on
// parallel starts keeps it from that.
func (m *machine) follow(i int) bool {
	u := m.units[i]
	if !u.live || u.state == Stopping || u.next != nil {
		return false
	}
	switch _, v := m.conditions(u.needs); {
	case v == blockedNow, !u.restartWithNeeds:
		u.owed = ""
		m.touch(i)
	case v == waiting:
	case u.state != Starting && m.crowded():
		return true
	default:
		u.intended, u.owed = u.owed, ""
		m.end(i, u.intended)
		m.place(u, true)
	}
	return false
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
		if u.restartUnhealthy && u.policy.restart.On != "never" && !u.down {
			u.unwell = true
			m.end(ev.unit, ev.problem)
		}
	}
}

func (m *machine) timerFired(ev evTimer) {
	u := m.units[ev.unit]
	if u == nil || u.timer != ev.seq || u.state != Backoff && u.state != Failed || u.down {
		return
	}
	m.set(ev.unit, Pending, u.cause)
	m.enqueue(ev.unit)
}

// ended decides what follows the end of a run.
func (m *machine) ended(ev evEnded) {
	i, u := ev.unit, m.current(ev.unit, ev.run)
	if u == nil {
		return
	}
	m.remark(i, "")
	m.release(i)
	if u.exit = ev.outcome.Exit; u.exit != "" {
		u.lastExit = u.exit
	}
	if ev.outcome.Spoiled {
		u.done, u.stood = "", false
	}
	switch {
	case u.oneShot && ev.outcome.Err == nil && u.state != Stopping:
		u.everReady, u.done = true, u.runDigest
		m.set(i, Completed, "")
	case u.down:
		m.rest(i)
	case u.next != nil:
		m.set(i, Pending, u.next.why)
	case u.intended != "":
		u.restarts++
		m.set(i, Pending, u.intended)
	case u.unwell:
		m.again(i, Outcome{Err: errors.New(u.cause), Exit: ev.outcome.Exit})
	case u.state == Stopping: // for what was taken back meanwhile
		m.set(i, Pending, u.cause)
	default:
		m.again(i, ev.outcome)
	}
	u.intended, u.owed = "", ""
	m.enqueue(i)
}

// release ends a run and gives back what it had.
func (m *machine) release(i int) {
	u := m.units[i]
	u.live, u.executing, u.pid = false, false, 0
	m.alive--
	for _, c := range u.claims {
		delete(m.claimed, c)
	}
	if len(u.claims) == 0 {
		return
	}
	for j, other := range m.units {
		if other != nil && other.state == Pending && len(other.claims) > 0 {
			m.enqueue(j)
		}
	}
}

// fail marks a unit as failed and decides what that means for the system.
func (m *machine) fail(i int, cause string) {
	u := m.units[i]
	m.set(i, Failed, cause)
	if m.undoing {
		return // that, too, is taken back
	}
	if op := m.op; op != nil && op.touched[i] {
		grave := m.grave(i) && !op.stale[i]
		op.failed(u, fmt.Sprintf("%s failed: %s", u.id, cause), grave)
		if op.undo && grave {
			return // what follows is the business of who undoes it
		}
	}
	if !m.grave(i) {
		return
	}
	m.failure = fmt.Sprintf("%s failed: %s", u.id, cause)
	if m.phase == phaseUp || m.stopOnFail {
		m.stop(m.failure)
	}
}

// grave reports whether the failure of a unit is one of the system, or of the
// operation that is under way.
func (m *machine) grave(i int) bool {
	if m.units[i].critical {
		return true
	}
	return m.failDegraded && (m.phase == phaseUp || m.op != nil && m.op.touched[i])
}
