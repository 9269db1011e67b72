package engine

import (
	"cmp"
	"fmt"
	"slices"
)

// holds reports whether a condition holds now. One of a unit that is about
// to be replaced does not: it is the new definition that is needed. Nor does one
// of a unit that is about to restart: what starts now would be too early.
func (m *machine) holds(n need) bool {
	d := m.units[n.unit]
	if d.next != nil || m.due(d) {
		return false
	}
	switch n.condition {
	case "started":
		return d.live && d.executing && d.state != Stopping
	case "completed":
		if d.standsOnNeeds && slices.ContainsFunc(d.needs, func(n need) bool { return !n.soft && !m.holds(n) }) {
			return false
		}
		return d.state == Completed
	default:
		return d.state == Ready
	}
}

// due reports whether a unit that runs is about to restart with something that
// it needs, directly or through others that do.
func (m *machine) due(u *unit) bool {
	if m.phase != phaseRunning || !u.restartWithNeeds || !u.live {
		return false
	}
	if u.owed != "" {
		return true
	}
	seen := map[*unit]bool{u: true}
	for todo := []*unit{u}; len(todo) > 0; todo = todo[1:] {
		for _, n := range todo[0].needs {
			d := m.units[n.unit]
			switch {
			case d == nil || d.down && !d.returns || d.oneShot || seen[d]:
			case d.before && (d.owed != "" || d.comesBack(todo[0])):
				return true
			case d.restartWithNeeds && d.live:
				seen[d] = true
				todo = append(todo, d)
			}
		}
	}
	return false
}

// comesBack reports whether a unit that was ready is to be so by a run that is
// younger than that of another one.
func (u *unit) comesBack(other *unit) bool {
	switch u.state {
	case Starting:
		return u.next != nil || u.run > other.run
	case Pending, Backoff, Stopping:
		return true
	}
	return u.next != nil
}

// waitingFor lists the conditions that keep a unit from starting or, where it
// is to stop, from that.
func (m *machine) waitingFor(u *unit) []string {
	def := u.member
	if u.next != nil {
		def = u.next
	} else if u.down && u.live && u.state != Stopping {
		return m.endsAhead(m.byID[u.id])
	} else if u.owed == "" && u.state != Pending && u.state != Blocked {
		return nil
	}
	var list []string
	for _, n := range def.needs {
		// What is about to stop still holds, and is of no use any more.
		if !m.holds(n) || m.units[n.unit].down && m.falls(n) {
			what := cmp.Or(n.what, m.units[n.unit].id+" "+n.condition)
			if d := m.units[n.unit]; d.next == nil && m.due(d) {
				what = d.id + " restarted"
			}
			list = append(list, what)
		}
	}
	if len(list) > 0 {
		return list
	}
	switch other := m.claimant(u); {
	case other != nil && u.next == nil:
		list = append(list, other.id+" stopped")
	case (u.state == Pending || u.next != nil || u.owed != "") && u.state != Stopping && !u.down && m.crowded():
		list = append(list, fmt.Sprintf("another start to end (parallelism = %d)", m.parallelism))
	}
	return list
}
