package engine

import "slices"

// snapshot returns the state of the system and of all units at one moment.
func (c *core) snapshot() (Health, string, []UnitStatus) {
	var state Health
	var cause string
	var units []UnitStatus
	if c.ask(func() {
		state, cause = c.machine.systemState()
		units = c.look()
	}) {
		return state, cause, units
	}
	return c.final, c.why, c.last
}

// table is the state of all units at one moment.
type table struct {
	units []UnitStatus // never changed
	// moving are the places of those whose work may say something else though
	// nothing has happened to the unit.
	moving []int
	valid  bool // nothing has happened since
}

// look returns the state of all units, in the list of the last time where
// that is the same: most that ask often see nothing new, and copying a
// thousand units costs more than all else. Only the loop calls it.
func (c *core) look() []UnitStatus {
	if !c.seen.valid {
		c.seen.units, c.seen.valid = c.unitStatus(), true
		return c.seen.units
	}
	if len(c.seen.moving) > 0 {
		c.seen.units = slices.Clone(c.seen.units)
		for _, n := range c.seen.moving {
			c.machine.units[c.machine.order[n]].work.(describer).describe(&c.seen.units[n])
		}
	}
	return c.seen.units
}

// unitStatus copies the state of all units. Only the loop calls it.
func (c *core) unitStatus() []UnitStatus {
	list := make([]UnitStatus, 0, len(c.machine.order))
	c.seen.moving = nil
	for n, i := range c.machine.order {
		u := c.machine.units[i]
		s := UnitStatus{
			ID: u.id, Kind: u.kind, State: u.state, Critical: u.critical,
			Since: u.since, ReadyAfter: u.readyIn, PID: u.pid,
			Port: u.port, URL: u.url,
			Attempt: u.attempt, Restarts: u.restarts,
			WaitingFor: c.machine.waitingFor(u),
			Cause:      u.cause, LastExit: u.lastExit, Held: u.held,
		}
		if u.live {
			s.Started = u.started
		}
		if u.state == Backoff || u.state == Failed {
			s.Next = u.nextAt
		}
		if w, ok := u.work.(describer); ok && w.describe(&s) {
			c.seen.moving = append(c.seen.moving, n)
		}
		list = append(list, s)
	}
	return list
}
