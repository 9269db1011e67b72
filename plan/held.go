package plan

import (
	"fmt"
	"maps"
	"slices"
)

// holds are all that there are, by unit.
func (r *Running) holds() map[string]string {
	all := map[string]string{}
	maps.Copy(all, r.Held)
	for i := range r.Units {
		if u := &r.Units[i]; u.Held != "" {
			all[u.ID] = u.Held
		}
	}
	return all
}

// undeclared lists the holds on what is no step.
func (d *draft) undeclared(held map[string]string) []Hold {
	var list []Hold
	for _, id := range slices.Sorted(maps.Keys(held)) {
		if _, ok := d.index[id]; !ok {
			list = append(list, Hold{id, held[id]})
		}
	}
	return list
}

// standstill finds the steps that cannot run since a person stopped something
// that they need.
type standstill struct {
	held map[string]bool
	// why is, per step that is held back, what it needs and has not.
	why map[string]string
	// done are the steps that have completed and stay so.
	done map[string]bool
	// ends are the steps that a person stopped, and those that cannot go on
	// running without one of these. What has completed may be gone.
	ends map[string]bool
	// on are the steps that run on, whatever they need for another run.
	on map[string]bool
}

func newStandstill() *standstill {
	return &standstill{held: map[string]bool{}, why: map[string]string{}, done: map[string]bool{}, ends: map[string]bool{}, on: map[string]bool{}}
}

// look decides about a step; all that it needs was looked at before.
func (h *standstill) look(s *Step) {
	h.held[s.ID] = s.Held != ""
	h.ends[s.ID] = h.held[s.ID] || slices.ContainsFunc(s.Needs, func(n Need) bool { return h.ends[n.Step] && n.falls() })
	for _, n := range s.Needs {
		switch {
		case n.Soft || h.on[n.Step] || h.done[n.Step] && n.Condition == Completed:
		case h.held[n.Step]:
			h.why[s.ID] = fmt.Sprintf("needs %s, which is stopped", n.Step)
		case h.why[n.Step] != "":
			h.why[s.ID] = fmt.Sprintf("needs %s, which is blocked", n.Step)
		default:
			continue
		}
		if h.why[s.ID] != "" {
			return
		}
	}
}

// falls reports whether what needs this cannot go on running without the other
// one: what a task has done stays when it is gone.
func (n Need) falls() bool {
	_, migrations := migrationsOf(n.Step)
	return !n.Soft && (n.Condition != Completed || migrations)
}

// stays reports whether a step does not run whatever else happens, unless it
// does already.
func (h *standstill) stays(id string) bool { return h.held[id] || h.why[id] != "" }
