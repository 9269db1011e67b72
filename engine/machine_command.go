package engine

import (
	"cmp"
	"fmt"
)

// operation is something that a person asked for and that takes a while. It
// is over once no unit that it touches is on its way to anything.
type operation struct {
	// undo ends it at the first grave failure: whoever asked for it takes
	// it back then. Until that begins nothing that fails is of consequence,
	// and what it removes is not forgotten.
	undo bool
	// by is who asked for it.
	by string
	// back is the operation that it takes back.
	back *operation
	// partial says that units which are not declared stay as they are.
	partial bool
	// touched are the units whose fate it decides, named those that have to
	// run at its end whatever holds them back.
	touched, named map[int]bool
	// stale are those that it does not change and that had failed, or were
	// blocked, before: taking it back would not help them.
	stale map[int]bool

	holds     bool     // a hold began or ended
	lifted    []string // holds that it ended by the way, in words
	failures  []string // of units that it touches
	culprit   string   // the first of them that failed gravely, or at all
	why       string   // in words: what the culprit failed of
	grave     bool
	cancelled string // why it ended before its end
}

func newOperation() *operation {
	return &operation{touched: map[int]bool{}, named: map[int]bool{}, stale: map[int]bool{}}
}

// failed notes the failure of a unit.
func (o *operation) failed(u *unit, why string, grave bool) {
	o.failures = append(o.failures, why)
	if o.culprit == "" || grave && !o.grave {
		o.culprit, o.why, o.grave = u.id, why, grave
	}
}

// begins reports whether an operation can begin. While everything stops none
// does.
func (m *machine) begins(op *operation) bool {
	m.op, m.undoing = op, false
	if m.phase >= phaseStopping {
		op.cancelled = m.cause
		m.endOperation()
		return false
	}
	return true
}

// The verbs of evCommand.
const (
	verbStart   = "start"
	verbStop    = "stop"
	verbRestart = "restart"
	verbAgain   = "again" // of a one-shot unit
)

// command carries out what a person tells some units.
func (m *machine) command(ev evCommand) {
	for _, id := range ev.units {
		i, ok := m.byID[id]
		if by := m.kept[id]; !ok && by != "" && ev.verb == verbStart {
			m.op.lifted = append(m.op.lifted, id+" was "+by+", and is not declared now")
			delete(m.kept, id)
			m.op.holds = true
			m.effects = append(m.effects, heldChanged{id, ""})
		}
		if !ok {
			continue
		}
		u := m.units[i]
		m.op.touched[i], m.op.named[i] = true, ev.verb != verbStop
		switch ev.verb {
		case verbStop:
			m.hold(i, ev.why)
		case verbStart:
			m.hold(i, "")
			if !u.live && u.state != Completed {
				m.renew(i, "")
			}
		case verbAgain:
			if !u.live {
				m.renew(i, ev.why)
			}
		case verbRestart:
			if u.held != "" {
				m.op.lifted = append(m.op.lifted, u.id+" was "+u.held)
			}
			m.hold(i, "")
			m.restartNow(i, ev.why)
		}
	}
	m.takeDown()
}

// hold begins or, with an empty reason, ends a person's hold on a unit.
func (m *machine) hold(i int, by string) {
	u := m.units[i]
	if u.held == by {
		return
	}
	if by == "" {
		// What stands still for want of this unit comes back with it.
		m.touchDependents(i)
	}
	u.held, m.stale, m.op.holds = by, true, true
	m.effects = append(m.effects, heldChanged{u.id, by})
}

func (m *machine) touchDependents(i int) {
	for _, d := range m.units[i].dependents {
		if u := m.units[d]; u.down && u.held == "" && !m.op.touched[d] {
			m.op.touched[d] = true
			m.touchDependents(d)
		}
	}
}

// restartNow restarts a unit that runs, and starts one that does not.
func (m *machine) restartNow(i int, why string) {
	u := m.units[i]
	switch {
	case !u.live && u.state != Completed:
		m.renew(i, why)
	case u.live && u.state != Stopping:
		u.intended = why
		u.attempt, u.streak, u.window = 0, 0, nil
		m.end(i, why)
	}
}

// byItself is the actor of what nobody asked for: a crash, a restart by policy.
const byItself = "the engine"

// actor is on whose behalf something happens to a unit now.
func (m *machine) actor(i int) string {
	switch {
	case m.phase == phaseUp || m.phase >= phaseStopping:
		return cmp.Or(m.by, byItself)
	case m.op != nil && m.op.touched[i]:
		return cmp.Or(m.op.by, byItself)
	}
	return byItself
}

// settleOperation ends the operation when it is over.
func (m *machine) settleOperation() {
	if m.op == nil {
		return
	}
	if !(m.op.undo && m.op.grave) {
		for i := range m.op.touched {
			if m.busy(i) {
				return
			}
		}
		m.blockedInOperation()
	}
	m.endOperation()
}

// blockedInOperation notes the units that cannot start as failures.
func (m *machine) blockedInOperation() {
	for _, i := range m.order {
		if u := m.units[i]; m.op.touched[i] && u.state == Blocked && (!u.down || m.op.named[i]) {
			m.op.failed(u, fmt.Sprintf("%s is blocked: %s", u.id, u.cause), m.grave(i) && !m.op.stale[i])
		}
	}
}

func (m *machine) endOperation() {
	switch {
	case m.op.cancelled != "":
	case m.op.undo && m.op.grave:
		m.undoing = true
	default:
		m.forget()
	}
	m.effects = append(m.effects, opEnded{m.op})
	m.op = nil
}

// busy reports whether a unit is on its way to something.
func (m *machine) busy(i int) bool {
	u := m.units[i]
	switch {
	case u == nil:
		return false
	case u.next != nil || u.owed != "" || u.removal && !u.gone || u.down && u.live:
		return true
	}
	switch u.state {
	case Pending, Starting, Backoff, Stopping:
		return true
	}
	return false
}
