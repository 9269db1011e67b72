package engine

import (
	"fmt"
	"strings"
)

// health is what the state of the system as a whole depends on.
type health struct {
	phase        phase
	well, failed int
	noted        int
	op           bool
}

// healthMayDiffer reports whether the system may be in another state than
// when this was asked last, at little cost.
func (m *machine) healthMayDiffer() bool {
	now := health{m.phase, m.count[Ready] + m.count[Completed] - len(m.order), m.count[Failed], m.noted, m.op != nil}
	differs := now.phase != m.seen.phase || (now.well == 0) != (m.seen.well == 0) ||
		now.failed != m.seen.failed || now.noted != m.seen.noted || now.op != m.seen.op
	m.seen = now
	return differs
}

// remark keeps what is wrong about a unit that is ready nevertheless.
func (m *machine) remark(i int, text string) {
	u := m.units[i]
	if u.note != "" {
		m.noted--
	}
	if u.note = text; text != "" {
		m.noted++
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
	for _, i := range m.order {
		u := m.units[i]
		if u.removal {
			continue
		}
		switch u.state {
		case Failed:
			if u.critical {
				return SystemFailed, fmt.Sprintf("%s failed: %s", u.id, u.cause)
			}
		case Ready, Completed:
			if u.note != "" && degraded == "" {
				degraded = u.id + ": " + u.note
			}
			continue
		}
		if degraded == "" {
			degraded = u.id + " is " + string(u.state)
			if u.state == Backoff {
				degraded = u.id + " waits for its next attempt"
			}
			if u.cause != "" {
				degraded += ": " + strings.TrimPrefix(u.cause, heldPrefix)
			}
		}
	}
	if degraded != "" {
		return SystemDegraded, degraded
	}
	return SystemReady, ""
}
