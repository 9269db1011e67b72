package engine

import (
	"fmt"
	"slices"
)

// takeDown decides which units must not run now, and has each of them, and
// each that may run again, looked at. A unit is down when everything stops,
// when somebody holds it, when it is declared no longer, when its successor
// needs its place, or when what it needs is taken down: dependents stop
// first. What is down ends in reverse order of needs (stopInTurn).
func (m *machine) takeDown() {
	m.stale = false
	down := make([]string, len(m.units)) // why, empty: not down
	var spread []int                     // units that take dependents with them
	for i, u := range m.units {
		switch {
		case u == nil:
		case m.phase >= phaseStopping:
			down[i] = m.cause
		case u.removal:
			down[i] = "no longer declared"
			spread = append(spread, i)
		case u.held != "":
			down[i] = u.held
			spread = append(spread, i)
		case u.yield:
			down[i] = u.next.why
		}
	}
	for len(spread) > 0 {
		i := spread[0]
		spread = spread[1:]
		for _, d := range m.units[i].dependents {
			if down[d] == "" && m.fallsWith(d, i) {
				down[d] = fmt.Sprintf("needs %s, which is stopped", m.units[i].id)
				if m.units[i].standsOnNeeds {
					down[d] = down[i]
				}
				spread = append(spread, d)
			}
		}
	}
	for i, u := range m.units {
		if u == nil {
			continue
		}
		was := u.down
		u.down, u.downBy, u.gone = down[i] != "", down[i], false
		switch {
		case u.down:
			m.rest(i)
			m.enqueue(i)
		case was:
			if !u.live && (u.state == Stopped || u.state == Blocked) {
				m.renew(i, "")
			}
			m.enqueue(i)
		}
	}
}

// fallsWith reports whether unit d cannot run without unit i: a condition of
// i that d needs does not outlast i.
func (m *machine) fallsWith(d, i int) bool {
	return slices.ContainsFunc(m.units[d].needs, func(n need) bool {
		return n.unit == i && !n.soft && (n.condition != "completed" || m.units[i].standsOnNeeds)
	})
}

// rest gives a unit that is down and does not run the state that it stays in.
func (m *machine) rest(i int) {
	u := m.units[i]
	switch {
	case u.live:
	case u.yield && m.phase < phaseStopping:
		m.set(i, Pending, u.downBy)
	case u.state == Completed:
	case m.phase >= phaseStopping && u.state == Failed:
	case m.phase >= phaseStopping, u.removal, u.held != "":
		m.set(i, Stopped, u.downBy)
	default:
		m.set(i, Blocked, u.downBy)
	}
}

// renew makes a unit as if it had never been tried.
func (m *machine) renew(i int, cause string) {
	u := m.units[i]
	u.attempt, u.streak, u.window = 0, 0, nil
	m.set(i, Pending, cause)
	m.enqueue(i)
}

// stop begins the shutdown. An operation that is under way is over.
func (m *machine) stop(cause string) {
	if m.phase >= phaseStopping {
		return
	}
	m.phase, m.cause, m.stale = phaseStopping, cause, true
	if m.op != nil {
		m.op.cancelled = cause
		m.endOperation()
	}
	m.takeDown()
}

// stopInTurn stops a unit that is down once all that is down and depends on
// it, directly or through others, is gone. A unit that does not run is gone
// at once then.
func (m *machine) stopInTurn(i int) {
	u := m.units[i]
	if u.gone || u.state == Stopping {
		return
	}
	for _, d := range u.dependents {
		if dep := m.units[d]; dep.down && !dep.gone {
			return
		}
	}
	if u.live {
		m.end(i, u.downBy)
		return
	}
	u.gone = true
	for _, n := range u.needs {
		m.enqueue(n.unit)
	}
	switch {
	case m.phase >= phaseStopping:
	case u.removal:
		m.drop(i)
	case u.next != nil:
		m.adopt(i)
	}
}

// drop forgets a unit that is declared no longer.
func (m *machine) drop(i int) {
	u := m.units[i]
	m.effects = append(m.effects, dropped{u.member})
	m.gone[u.id] = u
	m.count[u.state]--
	m.units[i] = nil
	delete(m.byID, u.id)
	for _, other := range m.units {
		if other != nil { // only softly can anything still look at it
			other.needs = slices.DeleteFunc(other.needs, func(n need) bool { return n.unit == i })
		}
	}
	m.order = slices.DeleteFunc(m.order, func(j int) bool { return j == i })
	m.link()
	m.stale = true
}
