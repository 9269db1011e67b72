package engine

import "fmt"

// health is what the state of the system as a whole depends on.
type health struct {
	phase        phase
	well, failed int
	op           bool
}

// healthMayDiffer reports whether the system may be in another state than
// when this was asked last, at little cost.
func (m *machine) healthMayDiffer() bool {
	now := health{m.phase, m.count[Ready] + m.count[Completed] - len(m.order), m.count[Failed], m.op != nil}
	differs := now.phase != m.seen.phase || (now.well == 0) != (m.seen.well == 0) ||
		now.failed != m.seen.failed || now.op != m.seen.op
	m.seen = now
	return differs
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
