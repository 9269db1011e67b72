package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/syndicate/syndicate/spec"
)

// relocate finds the units whose port "auto" was decided to be one that is
// declared for another block now. They get another number, and with them
// everything begins anew whose process has the old one in a value.
type relocate struct {
	declared map[int]string    // who is declared to have a port
	chosen   map[string]int    // what "auto" was decided to be
	why      map[string]string // per step that moves
}

func newRelocate(d *draft, running *Running) *relocate {
	r := &relocate{declared: map[int]string{}, chosen: running.Ports, why: map[string]string{}}
	if len(r.chosen) == 0 {
		return r
	}
	for _, l := range spec.Listeners(d.sys) {
		if !l.Auto {
			r.declared[l.Port] = l.Name
		}
	}
	for i := range d.steps {
		for _, key := range d.steps[i].Ports {
			if name, ok := r.declared[r.chosen[key]]; ok {
				r.why[d.steps[i].ID] = "its port is declared for " + name
			}
		}
	}
	return r
}

// follow decides whether a step begins anew on that account, or stops since it
// cannot, or is aimed elsewhere while it runs.
func (r *relocate) follow(s *Step, u *RunningUnit, stays bool) {
	if u.idle() || s.Blocked != "" || s.Action != Keep && s.Action != Update {
		return
	}
	why := cmp.Or(r.why[s.ID], r.moved(s.TakesFrom()))
	switch {
	case why != "" && s.listens() && stays:
		s.Action = Stop
	case why != "" && s.listens():
		s.Action = Restart
	case r.moved(s.Aims()) != "" && u.runs():
		s.Action, why = Update, r.moved(s.Aims())
	default:
		return
	}
	s.Reason = strings.TrimPrefix(s.Reason+", "+why, ", ")
}

// moved says which of some blocks gets another port, if any does.
func (r *relocate) moved(blocks []spec.Addr) string {
	for _, addr := range blocks {
		if id := addr.String(); r.why[id] != "" || r.why[GatewayID(addr)] != "" {
			return "the port of " + id + " changes"
		}
	}
	return ""
}

// TakesFrom lists the other blocks whose addresses a process of the step has in
// its values for as long as it runs: those that it needs for one, and those that
// it takes one from without waiting.
func (s *Step) TakesFrom() []spec.Addr {
	if s.Kind == StepBreaker {
		return nil
	}
	return s.addresses(s.Kind == StepService || s.Kind == StepServer)
}

// Aims lists the other blocks whose addresses the step has in values that are
// put in force while it runs: those of what a breaker stands before.
func (s *Step) Aims() []spec.Addr {
	if s.Kind != StepBreaker {
		return nil
	}
	return s.addresses(true)
}

// addresses lists the other blocks whose addresses stand in values of the step.
func (s *Step) addresses(unwaited bool) []spec.Addr {
	var list []spec.Addr
	add := func(addr spec.Addr) {
		if addr != s.Addr && !slices.Contains(list, addr) {
			list = append(list, addr)
		}
	}
	for _, n := range s.Needs {
		if addr, err := spec.ParseAddr(n.Block()); err == nil && n.ByValue() {
			add(addr)
		}
	}
	if unwaited {
		for _, addr := range s.Takes {
			add(addr)
		}
	}
	return list
}

// listens reports whether a step is one whose run keeps the numbers of ports
// for as long as it lasts.
func (s *Step) listens() bool {
	return s.Kind != StepTask && s.Kind != StepMigrations && s.Kind != StepQueue
}

// AutoPorts lists the keys, in Facts.Ports, of the ports of a *spec.Service,
// *spec.Database or *spec.Breaker whose numbers the engine decides on, in order.
func AutoPorts(def any) []string {
	var keys []string
	switch b := def.(type) {
	case *spec.Service:
		if b.Port != nil && b.Port.Auto {
			keys = append(keys, b.Addr.String())
		}
		for _, name := range sortedKeys(b.Ports) {
			if b.Ports[name].Auto {
				keys = append(keys, b.Addr.String()+"."+name)
			}
		}
	case *spec.Database:
		if b != nil && b.Managed != nil && b.Managed.Port.Auto {
			keys = append(keys, b.Addr.String())
		}
		if b != nil && b.Gateway != nil {
			if _, port := b.Gateway.Address(); port.Auto {
				keys = append(keys, GatewayID(b.Addr))
			}
		}
	case *spec.Breaker:
		if _, port := b.Address(); port.Auto {
			keys = append(keys, b.Addr.String())
		}
	}
	return keys
}

// Block returns the ID of the block that is needed, of whose steps one is
// waited for.
func (n Need) Block() string {
	if db, ok := migrationsOf(n.Step); ok {
		return db
	}
	return n.Step
}

// ByValue reports whether something of the needed block stands in a value of
// the one that needs it, rather than in depends_on or after alone.
func (n Need) ByValue() bool {
	return slices.ContainsFunc(n.Reasons, func(r spec.Reason) bool {
		return r.Text != "depends_on" && r.Text != "after" && r.Text != "migrations"
	})
}
