package engine

import "slices"

// apply changes what is declared. Units that are new start, those that are
// declared no longer stop after their last dependent, and those whose runs
// would differ are replaced in their turn: each once all that its new
// definition needs is there, so that nothing is stopped for a successor that
// cannot start. What differs in policy alone is changed in place.
func (m *machine) apply(ev evApply) {
	if !ev.op.partial {
		m.configure(ev.settings)
	}
	for _, u := range m.units {
		if u != nil && ev.op.back == nil {
			u.stood = u.state == Completed
		}
	}
	places := m.places(ev.members)
	declared := make(map[int]bool, len(ev.members))
	for i, d := range ev.members {
		for j := range d.needs {
			n := &d.needs[j]
			if n.beyond != "" {
				n.unit, n.beyond = m.byID[n.beyond], ""
			} else {
				n.unit = places[n.unit]
			}
		}
		declared[places[i]] = true
	}
	for i, d := range ev.members {
		m.declare(places[i], d)
	}
	for i, u := range m.units {
		if u != nil && !declared[i] && !ev.op.partial {
			u.removal, u.next, u.yield = true, nil, false
			m.op.touched[i] = true
		}
	}
	m.awaitAgain(ev.op.back)
	m.order = append(places, slices.DeleteFunc(m.order, func(i int) bool { return declared[i] })...)
	m.link()
	m.makeRoom()
	m.stale = true
	for i, u := range m.units {
		if u != nil {
			m.enqueue(i)
		}
	}
}

// awaitAgain has an operation wait for what the one that it takes back has set
// going, and did not find failed, also where both leave its definition as it is.
func (m *machine) awaitAgain(taken *operation) {
	if taken == nil {
		return
	}
	for i := range taken.touched {
		if !taken.stale[i] && m.busy(i) {
			m.op.touched[i] = true
		}
	}
}

// stands is why a task whose change is taken back counts as completed.
const stands = "what it had done stands"

// places finds the place of each member, a new one for what is new.
func (m *machine) places(members []*member) []int {
	places := make([]int, len(members))
	for i, d := range members {
		at, ok := m.byID[d.id]
		if !ok {
			at = m.add(d)
			m.op.touched[at] = true
			m.order = m.order[:len(m.order)-1] // apply puts it where it belongs
		}
		places[i] = at
	}
	return places
}

// add makes a unit of a new definition.
func (m *machine) add(d *member) int {
	i := slices.Index(m.units, nil)
	if i < 0 {
		i = len(m.units)
		m.units = append(m.units, nil)
	}
	m.units[i] = &unit{member: d, state: Pending, since: m.now, held: m.kept[d.id]}
	delete(m.kept, d.id)
	m.count[Pending]++
	m.byID[d.id] = i
	m.order = append(m.order, i)
	return i
}

// declare gives a unit a definition: the same, another in place, or one that
// replaces it in its turn.
func (m *machine) declare(i int, d *member) {
	u := m.units[i]
	if u.member == d {
		return // it is new
	}
	changes := u.removal || u.next != nil || u.digest != d.digest || u.numbers != d.numbers
	if changes {
		m.op.touched[i] = true
	}
	m.op.stale[i] = !changes && slices.Equal(u.declared.Needs, d.declared.Needs) && (u.state == Failed || u.state == Blocked)
	u.removal = false // it may be declared again before it was gone
	again := m.op.back != nil && u.oneShot && d.oneShot && !u.live
	switch {
	case again && u.stood && u.runDigest == d.runDigest:
		// A run more has failed; what those before it did is still there.
		u.member, u.next, u.yield = d, nil, false
		m.set(i, Completed, stands)
	case u.runDigest == d.runDigest && (u.numbers == d.numbers || !u.live), d.inPlace && !u.live:
		u.everReady = u.everReady && u.runDigest == d.runDigest
		u.member, u.next, u.yield = d, nil, false
		if d.rerun && !u.live && u.held == "" {
			m.op.touched[i] = true
			m.renew(i, d.why)
		}
	case again && u.done != "":
		// What a task did is not undone, nor done again.
		u.member, u.next, u.done = d, nil, d.runDigest
		m.set(i, Completed, stands)
	default:
		u.next = d
	}
}

// link finds out who depends on whom.
func (m *machine) link() {
	for _, u := range m.units {
		if u != nil {
			u.dependents = u.dependents[:0]
		}
	}
	for i, u := range m.units {
		if u == nil {
			continue
		}
		m.linkNeeds(i, u.needs)
		if u.next != nil {
			m.linkNeeds(i, u.next.needs)
		}
	}
}

func (m *machine) linkNeeds(i int, needs []need) {
	for _, n := range needs {
		d := m.units[n.unit]
		if d != nil && (len(d.dependents) == 0 || d.dependents[len(d.dependents)-1] != i) {
			d.dependents = append(d.dependents, i)
		}
	}
}

// makeRoom has units stop whose place another one takes: they would wait for
// one another otherwise.
func (m *machine) makeRoom() {
	wanted := map[string]int{}
	for i, u := range m.units {
		switch {
		case u == nil || u.removal:
		case u.next != nil:
			for _, c := range u.next.claims {
				wanted[c] = i
			}
		case !u.live:
			for _, c := range u.claims {
				wanted[c] = i
			}
		}
	}
	for i, u := range m.units {
		if u == nil || u.next == nil || !u.live {
			continue
		}
		u.yield = slices.ContainsFunc(u.claims, func(c string) bool {
			by, ok := wanted[c]
			return ok && by != i
		})
	}
}

// replace ends the run of a unit whose definition has changed once the new
// one could start, or could not whatever happens. It reports whether nothing
// but the bound on parallel starts keeps it from that.
func (m *machine) replace(i int) bool {
	u := m.units[i]
	if !u.live {
		m.adopt(i)
		return false
	}
	if u.state == Stopping {
		return false
	}
	_, v := m.conditions(u.next.needs)
	switch {
	case v == waiting:
	case v == blockedNow:
		m.end(i, u.next.why)
	case u.state != Starting && m.crowded():
		return true
	default:
		m.end(i, u.next.why)
		m.place(u, true)
	}
	return false
}

// adopt puts the next definition of a unit in force.
func (m *machine) adopt(i int) {
	u := m.units[i]
	u.member, u.next, u.yield = u.next, nil, false
	u.everReady = false
	m.link()
	m.stale = true
	m.renew(i, u.why)
}

// settings are what a system declares for itself as a whole.
type settings struct {
	parallelism              int
	failDegraded, stopOnFail bool
}

// configure puts settings in force.
func (m *machine) configure(s settings) {
	m.parallelism, m.failDegraded, m.stopOnFail = s.parallelism, s.failDegraded, s.stopOnFail
}

// remember takes over, before the beginning, what is known of this life: who
// stopped which unit, and which one-shot units have completed.
func (m *machine) remember(held, completed map[string]string) {
	for id, by := range held {
		if i, ok := m.byID[id]; ok {
			m.units[i].held = heldPrefix + by
		} else {
			m.kept[id] = heldPrefix + by
		}
	}
	for _, u := range m.units {
		if digest := completed[u.id]; u.oneShot && digest != "" && digest == u.runDigest && !u.standsOnNeeds {
			m.count[u.state]--
			m.count[Completed]++
			u.state, u.everReady, u.done = Completed, true, digest
		}
	}
}
