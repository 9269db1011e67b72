package engine

import (
	"cmp"
	"fmt"
	"slices"
)

// takeDown decides which units must not run now, and has each of them, and
// each that may run again, looked at. A unit is down when everything stops,
// when somebody holds it, when it is declared no longer, when its successor
// needs its place, or when what it needs is taken down: dependents stop
// first. What a person holds lasts, so what will need that by its next
// definition stops for it, too. What is down ends in reverse order of needs
// (stopInTurn).
func (m *machine) takeDown() {
	m.stale, m.leaving = false, 0
	f := m.falling()
	for i, u := range m.units {
		if u == nil {
			continue
		}
		was := u.down
		u.down, u.downBy, u.gone = f.why[i] != "", f.why[i], false
		u.returns = u.down && u.next != nil && !f.lasts[i] && m.phase < phaseStopping
		switch {
		case u.down:
			if m.op != nil && u.live {
				m.op.touched[i] = true
			}
			m.leaving++
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

// falling is what must not run now, by the places of the units.
type falling struct {
	why   []string // empty: it may
	lasts []bool   // it is down of a hold, beyond any change
}

// falling finds what must not run now. What lasts is found first: one that is
// down of both a hold and what a change does must not be taken for one that
// comes back once the change is through.
func (m *machine) falling() falling {
	f := falling{make([]string, len(m.units)), make([]bool, len(m.units))}
	var held, spread []int // units that take dependents with them
	for i, u := range m.units {
		switch {
		case u == nil:
		case m.phase >= phaseStopping:
			f.why[i] = m.cause
		case u.removal:
			f.why[i] = "no longer declared"
			spread = append(spread, i)
		case u.held != "":
			f.why[i], f.lasts[i] = u.held, true
			held = append(held, i)
		case u.yield:
			f.why[i] = u.next.why
		}
	}
	for ; len(held) > 0; held = held[1:] {
		i := held[0]
		spread = append(spread, i)
		for _, d := range m.units[i].dependents {
			if !f.lasts[d] && !m.units[d].removal && m.fallsBy(m.units[d].latest(), i) {
				f.why[d], f.lasts[d] = m.without(i, f.why[i]), true
				held = append(held, d)
			}
		}
	}
	for ; len(spread) > 0; spread = spread[1:] {
		i := spread[0]
		for _, d := range m.units[i].dependents {
			if f.why[d] != "" || !m.fallsBy(m.units[d].member, i) {
				continue
			}
			f.why[d] = m.without(i, f.why[i])
			// One that comes back by another definition leaves its
			// dependents alone, as any that is replaced.
			if m.units[d].next == nil {
				spread = append(spread, d)
			}
		}
	}
	return f
}

// without is why a unit is down that needs unit i, which is so for a reason.
func (m *machine) without(i int, why string) string {
	if m.units[i].standsOnNeeds {
		return why
	}
	return fmt.Sprintf("needs %s, which is stopped", m.units[i].id)
}

// fallsBy reports whether a unit cannot run by a definition without unit i: a
// condition of i that it needs does not outlast i.
func (m *machine) fallsBy(d *member, i int) bool {
	return slices.ContainsFunc(d.needs, func(n need) bool { return n.unit == i && m.falls(n) })
}

// latest is the definition that counts once a change is through.
func (u *unit) latest() *member {
	if u.next != nil {
		return u.next
	}
	return u.member
}

// falls reports whether a need is of a condition that does not outlast the
// unit that it is of.
func (m *machine) falls(n need) bool {
	return !n.soft && (n.condition != "completed" || m.units[n.unit].standsOnNeeds)
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
// it by the definition in force, directly or through others, is gone. A unit
// that does not run is gone at once then.
func (m *machine) stopInTurn(i int) {
	u := m.units[i]
	if u.gone || u.state == Stopping {
		return
	}
	if !slices.ContainsFunc(u.dependents, func(d int) bool { return m.goesAhead(d, i) }) {
		m.leave(i)
	}
}

// goesAhead reports whether unit d is down, too, and has to be gone before
// unit i stops.
func (m *machine) goesAhead(d, i int) bool {
	dep := m.units[d]
	return dep.down && !dep.gone && dep.needsUnit(i)
}

// endsAhead lists the ends that a unit which is to stop waits for.
func (m *machine) endsAhead(i int) []string {
	var list []string
	for _, d := range m.units[i].dependents {
		if m.goesAhead(d, i) {
			list = append(list, m.units[d].id+" stopped")
		}
	}
	return list
}

// leave ends the run of a unit that is down. Without one it is gone.
func (m *machine) leave(i int) {
	u := m.units[i]
	if u.live {
		m.end(i, u.downBy)
		return
	}
	u.gone = true
	m.leaving--
	for _, n := range u.needs {
		m.enqueue(n.unit)
	}
	if u.next != nil && m.phase < phaseStopping {
		m.adopt(i)
	}
}

// untie has one go first of units that are down and wait for one another.
// That there are such is possible amid a change alone, where one goes by the
// definition of before and another by that of after. It reports whether there
// were any.
func (m *machine) untie() bool {
	if m.leaving == 0 || m.count[Stopping] > 0 {
		return false
	}
	stays := func(i int) bool { u := m.units[i]; return u != nil && u.down && !u.gone }
	at := slices.IndexFunc(m.order, stays)
	if at < 0 {
		return false
	}
	i := m.order[at]
	var path []int // each needed by the next
	for !slices.Contains(path, i) {
		path = append(path, i)
		next := slices.IndexFunc(m.units[i].dependents, func(d int) bool { return stays(d) && m.units[d].needsUnit(i) })
		if next < 0 {
			break
		}
		i = m.units[i].dependents[next]
	}
	ring := path[slices.Index(path, i):]
	first := slices.MinFunc(ring, func(a, b int) int { return cmp.Compare(m.units[a].ties(), m.units[b].ties()) })
	m.leave(first)
	return true
}

// ties ranks units that wait for one another by how much their needs count:
// least where what they are of is to be replaced, and does not even run.
func (u *unit) ties() int {
	switch {
	case u.next != nil && !u.live:
		return 0
	case u.next != nil:
		return 1
	}
	return 2
}

// needsUnit reports whether the definition in force needs another unit.
func (u *unit) needsUnit(i int) bool {
	return slices.ContainsFunc(u.needs, func(n need) bool { return n.unit == i })
}

// forget drops the units that are declared no longer, once the change that
// removed them cannot be taken back.
func (m *machine) forget() {
	lost := func(i int) bool { return m.units[i] == nil }
	before := len(m.byID)
	for i, u := range m.units {
		if u == nil || !u.removal || !u.gone {
			continue
		}
		if u.held != "" {
			m.kept[u.id] = u.held
		}
		m.effects = append(m.effects, dropped{u.member, u.held})
		m.count[u.state]--
		m.units[i] = nil
		delete(m.byID, u.id)
	}
	if len(m.byID) == before {
		return
	}
	for _, u := range m.units {
		if u != nil { // only softly can anything still look at them
			u.needs = slices.DeleteFunc(u.needs, func(n need) bool { return lost(n.unit) })
		}
	}
	m.order = slices.DeleteFunc(m.order, lost)
	m.link()
}
