package plan

import (
	"slices"
	"strings"
)

// following finds what a plan that is confined to targets does to units that
// are none of its steps, and by that to the steps.
type following struct {
	units map[string]*RunningUnit
	needs map[string][]Need // of units
	list  map[string]Follower
	// chosen are the steps.
	chosen map[string]bool
	// anew is, per unit that has another run, what becomes of it: "restarts".
	anew map[string]string
	// tried are the tasks and migrations among the steps that run.
	tried map[string]bool
	// ends are the units that stop until a person has what they need start.
	ends map[string]bool
	// lost are the steps that are not there in the end, though they may be now.
	lost map[string]bool
}

// followers lists the units beyond the steps of a plan that restart with one of
// them, stop with it or can start since it does, as they are declared where they
// run, and those that do so with one another. Steps that follow one of these
// restart, too.
func followers(steps []*Step, running *Running, back *standstill) []Follower {
	if running == nil {
		return nil
	}
	f := &following{
		units: make(map[string]*RunningUnit, len(running.Units)), needs: map[string][]Need{}, list: map[string]Follower{},
		chosen: map[string]bool{}, anew: map[string]string{}, tried: map[string]bool{}, ends: map[string]bool{},
		lost: map[string]bool{},
	}
	for i := range running.Units {
		u := &running.Units[i]
		f.units[u.ID] = u
		for _, text := range u.Needs {
			f.needs[u.ID] = append(f.needs[u.ID], parseWait(text))
		}
	}
	for _, s := range steps {
		f.chosen[s.ID] = true
		f.needs[s.ID] = s.allNeeds()
		f.ends[s.ID] = back.ends[s.ID]
		f.lost[s.ID] = back.stays(s.ID) && !back.on[s.ID] && !back.done[s.ID]
		f.tried[s.ID] = s.Action == Start && s.Held == "" && s.Blocked == ""
		if s.beginsAnew() && s.Held == "" && s.Blocked == "" {
			f.anew[s.ID] = string(s.Action) + "s"
		}
	}
	for more := true; more; {
		more = false
		for i := range running.Units {
			more = f.look(&running.Units[i]) || more
		}
		for _, s := range steps {
			more = f.step(s) || more
		}
	}
	var list []Follower
	for _, follower := range f.list {
		list = append(list, follower)
	}
	slices.SortFunc(list, func(a, b Follower) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// look decides about a unit, and reports whether it has.
func (f *following) look(u *RunningUnit) bool {
	if f.chosen[u.ID] || f.ends[u.ID] {
		return false
	}
	_, follows := f.list[u.ID]
	if without := f.without(u); without != "" {
		f.ends[u.ID] = true
		delete(f.anew, u.ID)
		f.list[u.ID] = Follower{u.ID, Stop, "needs " + without + ", which is stopped"}
		return true
	}
	if follows {
		return false
	}
	if what := f.followed(u, u.Follows); what != "" {
		f.anew[u.ID] = "restarts"
		f.list[u.ID] = Follower{u.ID, Restart, what}
		return true
	}
	if what := f.freed(u); what != "" {
		f.anew[u.ID] = "starts"
		f.list[u.ID] = Follower{u.ID, Start, what}
		return true
	}
	return false
}

// step has one restart that follows what is none.
func (f *following) step(s *Step) bool {
	u := f.units[s.ID]
	if u == nil || s.Action != Keep && s.Action != Update || s.Blocked != "" {
		return false
	}
	what := f.followed(u, s.follows(s.allNeeds()))
	if what == "" {
		return false
	}
	s.Action, s.Reason = Restart, strings.TrimPrefix(s.Reason+", "+what, ", ")
	f.anew[s.ID] = "restarts"
	return true
}

// without is what a unit that runs cannot run without, and that ends.
func (f *following) without(u *RunningUnit) string {
	for _, n := range f.needs[u.ID] {
		if u.runs() && f.ends[n.Step] && n.falls() {
			return n.Step
		}
	}
	return ""
}

// followed is the first of some units that another one of them follows, and
// what becomes of it.
func (f *following) followed(u *RunningUnit, ids []string) string {
	if f.stuck(u) {
		return "" // it is not ended where it could not start
	}
	for _, id := range ids {
		if was := f.units[id]; u.runs() && u.State != "backoff" && f.anew[id] != "" && was != nil && was.WasReady {
			return id + " " + f.anew[id]
		}
	}
	return ""
}

// freed is what has a unit start that is blocked, and what becomes of it.
func (f *following) freed(u *RunningUnit) string {
	if u.State != "blocked" || u.Held != "" || f.stuck(u) {
		return ""
	}
	for _, n := range f.needs[u.ID] {
		what := f.anew[n.Step]
		if what == "" && f.tried[n.Step] {
			what = string(Start) + "s"
		}
		if what != "" && !n.Soft {
			return n.Step + " " + what
		}
	}
	return ""
}

// stuck reports whether a unit cannot start since something that it needs is not
// there, and does not begin anew.
func (f *following) stuck(u *RunningUnit) bool {
	return slices.ContainsFunc(f.needs[u.ID], func(n Need) bool {
		need := f.units[n.Step]
		gone := need == nil || f.lost[n.Step] || need.State == "failed" || need.State == "blocked" || need.State == "stopped"
		return gone && !n.Soft && f.anew[n.Step] == "" && !f.tried[n.Step]
	})
}
