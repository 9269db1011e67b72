package plan

import (
	"slices"
	"strings"
)

// Units returns what a system that was started by this plan runs: what a
// later plan compares with.
func (p *Plan) Units() []RunningUnit {
	units := make([]RunningUnit, 0, len(p.Steps))
	for _, s := range p.Steps {
		units = append(units, RunningUnit{ID: s.ID, Digest: s.Digest})
	}
	return units
}

// compare decides what each step of the draft means for what runs, and
// lists what runs and is declared no longer.
func compare(p *Plan, d *draft, running *Running) {
	if running == nil {
		return
	}
	units := make(map[string]*RunningUnit, len(running.Units))
	for i := range running.Units {
		u := &running.Units[i]
		units[u.ID] = u
		if _, ok := d.index[u.ID]; !ok {
			p.Stops = append(p.Stops, Stopped{ID: u.ID, Reason: "no longer declared"})
		}
	}
	slices.SortFunc(p.Stops, func(a, b Stopped) int { return strings.Compare(a.ID, b.ID) })
	for i := range d.steps {
		s := &d.steps[i]
		u, ok := units[s.ID]
		if !ok {
			s.Reason = "new"
			continue
		}
		s.Action, s.Reason = decide(s, u)
		if s.Digest != u.Digest {
			s.explain(u)
		}
	}
}

// explain says what changed, where that is known of the unit.
func (s *Step) explain(u *RunningUnit) {
	if s.Kind == StepMigrations || u.Values == nil {
		return
	}
	s.Changes = changes(u.Values, s.Values)
	s.Reason = unshown
	if len(s.Changes) > 0 {
		s.Reason = "changed: " + names(s.Changes)
	}
}

// unshown is the reason where two definitions differ and what is shown of
// them does not: in a sensitive value, or an attribute that no plan lists.
const unshown = "a value that is not shown changed"

// decide compares one step with the unit that runs for it.
func decide(s *Step, u *RunningUnit) (Action, string) {
	switch {
	case s.Kind == StepMigrations && len(s.Files) > 0:
		return Start, "pending"
	case s.Kind == StepMigrations:
		return Keep, ""
	case s.Digest != u.Digest && s.Kind == StepTask:
		return Start, "its definition changed"
	case s.Digest != u.Digest:
		return Restart, "its definition changed"
	case u.State == "failed":
		return Start, "it has failed"
	}
	return Keep, ""
}

// changes lists the attributes that differ, in order of name. A sensitive
// value differs without showing how.
func changes(before, after []Value) []Change {
	old := make(map[string]string, len(before))
	for _, v := range before {
		old[v.Name] = v.Text
	}
	var found []Change
	for _, v := range after {
		if was, ok := old[v.Name]; !ok || was != v.Text {
			found = append(found, Change{Name: v.Name, Old: was, New: v.Text})
		}
		delete(old, v.Name)
	}
	for name, was := range old {
		found = append(found, Change{Name: name, Old: was})
	}
	slices.SortFunc(found, func(a, b Change) int { return strings.Compare(a.Name, b.Name) })
	return found
}

func names(changes []Change) string {
	const most = 3
	var list []string
	for i, c := range changes {
		if i == most {
			list = append(list, "…")
			break
		}
		list = append(list, c.Name)
	}
	return strings.Join(list, ", ")
}
