package engine

import (
	"slices"
	"strings"
)

// table is how everything is at one moment. It is never changed.
type table struct {
	version uint64 // of the core
	state   Health
	cause   string
	units   []UnitStatus
	holds   map[string]string // of addresses that are no unit
	// moving are the places of those whose work may say something else though
	// nothing has happened to the unit.
	moving []int
}

// snapshot returns the state of everything at one moment: after all that was
// sent before. Nobody may change it, and it is the same for as long as nothing
// happens: most who ask often see nothing new, and the copy of a thousand units
// costs more than all else.
func (c *core) snapshot() *table {
	t := c.seen.Load()
	if t != nil && t.version == c.version.Load() && len(t.moving) == 0 {
		return t
	}
	if !c.ask(func() { t = c.look() }) {
		return c.end
	}
	return t
}

// look returns how everything is. Only the loop calls it.
func (c *core) look() *table {
	now := table{version: c.version.Load()}
	switch last := c.seen.Load(); {
	case last == nil || last.version != now.version:
		now.state, now.cause = c.machine.systemState()
		now.units, now.moving = c.unitStatus()
		now.holds = c.kept()
	case len(last.moving) == 0:
		return last
	default:
		now = *last
		now.units = slices.Clone(last.units)
		for _, n := range last.moving {
			c.machine.units[c.machine.order[n]].work.(describer).describe(&now.units[n])
		}
	}
	c.seen.Store(&now)
	return &now
}

// unitStatus copies the state of all units, and says which are moving. Only
// the loop calls it.
func (c *core) unitStatus() (list []UnitStatus, moving []int) {
	list = make([]UnitStatus, 0, len(c.machine.order))
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
			moving = append(moving, n)
		}
		list = append(list, s)
	}
	return list, moving
}

// kept copies the holds of addresses that are no unit. Only the loop calls it.
func (c *core) kept() map[string]string {
	holds := make(map[string]string, len(c.machine.kept))
	for id, by := range c.machine.kept {
		holds[id] = strings.TrimPrefix(by, heldPrefix)
	}
	return holds
}
