package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/syndicate/syndicate/spec"
)

// Units returns what a system that was started by this plan runs: what a
// later plan compares with.
func (p *Plan) Units() []RunningUnit {
	units := make([]RunningUnit, 0, len(p.Steps))
	for i := range p.Steps {
		units = append(units, p.Steps[i].Unit())
	}
	return units
}

// Unit returns the step as a unit that runs as it says. Its state is not
// known.
func (s *Step) Unit() RunningUnit {
	needs := s.allNeeds()
	return RunningUnit{
		ID: s.ID, Digest: s.Digest, RunDigest: s.RunDigest,
		Needs: waits(needs), Follows: s.follows(needs), Held: s.Held, Values: declared(s.Values),
	}
}

// allNeeds are the needs of a step, in order, also those beyond its plan.
func (s *Step) allNeeds() []Need {
	if len(s.Beyond) == 0 {
		return s.Needs
	}
	return mergeNeeds(slices.Concat(s.Needs, s.Beyond))
}

// follows lists the units with which a step restarts.
func (s *Step) follows(needs []Need) []string {
	var list []string
	for _, n := range needs {
		if s.Follows && !slices.Contains(list, n.Step) {
			list = append(list, n.Step)
		}
	}
	return list
}

// waits are needs in words.
func waits(needs []Need) []string {
	if len(needs) == 0 {
		return nil
	}
	list := make([]string, len(needs))
	for i, n := range needs {
		list[i] = n.Wait()
	}
	return list
}

// comparison is a draft beside what runs.
type comparison struct {
	draft *draft
	units map[string]*RunningUnit
	back  *standstill
}

// compare decides what each step of the draft means for what runs, and
// lists what runs and is declared no longer. It returns what stands still.
func compare(p *Plan, d *draft, order []*Step, facts Facts) *standstill {
	running := facts.Running
	if running == nil {
		p.Holds = d.undeclared(facts.Held)
		return resume(order, facts)
	}
	c := &comparison{draft: d, units: make(map[string]*RunningUnit, len(running.Units)), back: newStandstill()}
	for i := range running.Units {
		u := &running.Units[i]
		c.units[u.ID] = u
		if _, ok := d.index[u.ID]; !ok {
			p.Stops = append(p.Stops, Stopped{ID: u.ID})
		}
	}
	p.Holds = d.undeclared(running.holds())
	d.explain(p.Stops)
	slices.SortFunc(p.Stops, func(a, b Stopped) int { return strings.Compare(a.ID, b.ID) })
	p.Settings = changes(running.Settings, Settings(d.sys, facts.Key))
	moves := newRelocate(d, running)
	for _, s := range order { // each after all it needs
		u, ok := c.units[s.ID]
		if s.Held = running.Held[s.ID]; ok {
			s.Held = u.Held
		}
		c.back.look(s)
		if !ok {
			s.Reason = "new"
			if c.back.stays(s.ID) {
				s.Action, s.Blocked = Update, c.back.why[s.ID]
			}
			continue
		}
		s.Action, s.Reason = c.decide(s, u)
		c.follow(s, u)
		moves.follow(s, u, c.back.stays(s.ID))
		c.back.on[s.ID] = u.runs() && s.Kind != StepTask && s.Kind != StepMigrations && (s.Action == Keep || s.Action == Update)
		if s.Action != Keep && s.Held == "" && !c.back.on[s.ID] {
			s.Blocked = c.back.why[s.ID]
		}
		// One that a standstill keeps from running anew is not done.
		c.back.done[s.ID] = u.State == "completed" && s.Action != Start && s.Blocked == "" && (s.Kind == StepTask || c.back.why[s.ID] == "")
	}
	return c.back
}

// resume keeps what a person has stopped, what cannot run without it, and
// tasks that have completed in this life, from being started.
func resume(order []*Step, facts Facts) *standstill {
	back := newStandstill()
	for _, s := range order { // each after all it needs
		s.Held = facts.Held[s.ID]
		back.look(s)
		back.done[s.ID] = s.Kind == StepTask && facts.Completed[s.ID] == s.RunDigest
		if back.stays(s.ID) || back.done[s.ID] {
			s.Action = Keep
		}
	}
	return back
}

// decide compares one step with the unit that runs for it.
func (c *comparison) decide(s *Step, u *RunningUnit) (Action, string) {
	differs := s.Digest != u.Digest || !slices.Equal(waits(s.allNeeds()), u.Needs)
	reason := ""
	if differs {
		s.Changes = changes(u.Values, s.Values)
		reason = s.difference(u)
	}
	if more := c.more(s, u); more != "" {
		reason = cmp.Or(reason, more)
		if c.back.stays(s.ID) {
			return Update, reason // it does so once it can
		}
		return Start, reason
	}
	switch {
	case c.back.ends[s.ID] && u.runs() && s.Kind != StepMigrations:
		return Stop, cmp.Or(reason, c.back.why[s.ID])
	case !differs:
		return Keep, ""
	case s.RunDigest == u.RunDigest || s.Kind == StepMigrations || u.idle():
		return Update, reason
	case c.back.stays(s.ID) && u.runs():
		return Stop, reason
	case c.back.stays(s.ID):
		return Update, reason
	case s.Kind == StepTask:
		return Start, reason
	}
	return Restart, reason
}

// more says why a unit that does not run begins, whether or not it changed;
// empty where it does not. One that waits goes on by itself, and one that a
// person stopped, or that needs such a one, stays stopped.
func (c *comparison) more(s *Step, u *RunningUnit) string {
	switch {
	case s.Kind == StepMigrations && !u.idle() && len(s.Files) > 0:
		return "pending"
	case s.Kind == StepMigrations && !u.idle() && schemaChanged(s.Changes):
		return "its schema changed" // which is held against the database
	case c.back.stays(s.ID):
		return ""
	case u.State == "failed":
		return "it has failed"
	case u.State == "blocked":
		return c.freed(s, u)
	case u.State == "stopped" && s.Kind == StepTask:
		return "it has not completed"
	case u.State == "stopped":
		return "it is stopped"
	}
	return ""
}

// freed says why a unit that is blocked is so no longer, empty where it may
// still be.
func (c *comparison) freed(s *Step, u *RunningUnit) string {
	for _, n := range s.Needs {
		if at := &c.draft.steps[c.draft.index[n.Step]]; !n.Soft && at.Action == Start {
			return n.Step + " starts"
		}
	}
	if !slices.Equal(waits(s.allNeeds()), u.Needs) {
		return "what blocked it is needed no longer"
	}
	return ""
}

// idle reports whether a unit has no process that could be replaced, nor
// will have one before something else happens: then its new definition just
// takes the place of the old one.
func (u *RunningUnit) idle() bool {
	return u.Held != "" || u.State == "blocked" || u.State == "pending" || u.State == "stopped"
}

// runs reports whether a unit has a process, or is about to try again.
func (u *RunningUnit) runs() bool {
	return !u.idle() && u.State != "failed" && u.State != "completed"
}

// follow makes a step follow what it needs, where that begins anew:
// migrations go to a database that may be another one, unless it was asked
// what is applied, and what restarts with it does that where it can.
func (c *comparison) follow(s *Step, u *RunningUnit) {
	if s.Action != Keep && s.Action != Update || u.idle() {
		return
	}
	migrations := s.Kind == StepMigrations
	if c.back.stays(s.ID) || migrations && !c.ledgerOfAnother(s) || !migrations && (!s.Follows || !u.runs() || u.State == "backoff") {
		return
	}
	for _, n := range s.Needs {
		at, was := &c.draft.steps[c.draft.index[n.Step]], c.units[n.Step]
		// Followers leave one alone that comes up for the first time.
		if was == nil || !at.beginsAnew() || !migrations && !was.WasReady {
			continue
		}
		s.Action = Restart
		if migrations {
			s.Action = Start
		}
		s.Reason = strings.TrimPrefix(s.Reason+", "+n.Step+" "+string(at.Action)+"s", ", ")
		return
	}
}

// beginsAnew reports whether a step gives a unit another run that others may
// have to follow.
func (s *Step) beginsAnew() bool {
	return (s.Action == Restart || s.Action == Start) && s.Kind != StepTask && s.Kind != StepMigrations
}

// ledgerOfAnother reports whether what is known of a database's migrations
// may be that of the one before.
func (c *comparison) ledgerOfAnother(s *Step) bool {
	id, _ := migrationsOf(s.ID)
	server := &c.draft.steps[c.draft.index[id]]
	moved := func(ch Change) bool {
		return slices.Contains([]string{"source", "data_dir", "url", "host", "port", "name"}, ch.Name)
	}
	switch s.Ledger.Source {
	case LedgerUnknown:
		return true
	case LedgerRecorded:
		return len(server.Changes) == 0 || slices.ContainsFunc(server.Changes, moved)
	}
	return false
}

// difference says what of a step is not as it was, with a difference known
// to be there.
func (s *Step) difference(u *RunningUnit) string {
	var parts []string
	switch {
	case s.Digest == u.Digest:
	case len(s.Changes) > 0:
		parts = append(parts, "changed: "+names(s.Changes))
	case u.Values == nil:
		parts = append(parts, "its definition changed")
	default:
		parts = append(parts, unshown)
	}
	now := waits(s.allNeeds())
	without := func(list, other []string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
	}
	if more := without(now, u.Needs); len(more) > 0 {
		parts = append(parts, "waits for "+few(more))
	}
	if less := without(u.Needs, now); len(less) > 0 {
		parts = append(parts, "no longer for "+few(less))
	}
	return strings.Join(parts, ", ")
}

// unshown is the reason where two definitions differ and what is shown of
// them does not.
const unshown = "an attribute that is not shown changed"

// explain says why units that run are no steps any more.
func (d *draft) explain(stops []Stopped) {
	if len(stops) == 0 {
		return
	}
	siblings := make(map[spec.Addr]spec.Addr, len(d.byBlock)) // an instance of each block
	for a := range d.byBlock {
		siblings[a.Block()] = a
	}
	disabled := make(map[spec.Addr]string, len(d.sys.Disabled))
	for _, off := range d.sys.Disabled {
		disabled[off.Addr] = off.Reason()
	}
	for i := range stops {
		server, migrations := migrationsOf(stops[i].ID)
		gated, gateway := gatewayOf(stops[i].ID)
		switch {
		case gateway:
			server = gated
		case !migrations:
			server = stops[i].ID
		}
		a, err := spec.ParseAddr(server)
		other, sibling := siblings[a.Block()]
		switch why := cmp.Or(disabled[a], disabled[a.Block()]); {
		case err != nil:
			stops[i].Reason = "no longer declared"
		case why != "":
			stops[i].Reason = why
		case migrations && d.byBlock[a].first != "":
			stops[i].Reason = "up applies no migrations to it any more"
		case gateway && d.byBlock[a].first != "":
			stops[i].Reason = "it has no gateway any more"
		case slices.ContainsFunc(d.sys.Tasks, func(t *spec.Task) bool { return t.Addr == a }):
			stops[i].Reason = "no longer a step of up"
		case sibling:
			stops[i].Reason = regroupedReason(a, other)
		default:
			stops[i].Reason = "no longer declared"
		}
	}
}

// regroupedReason says why an instance is gone while others of its block are
// there.
func regroupedReason(gone, other spec.Addr) string {
	switch {
	case gone.Key == "":
		return "it has for_each now"
	case other.Key == "":
		return "it has no for_each any more"
	}
	return fmt.Sprintf("for_each has no %q any more", gone.Key)
}

// changes lists the attributes that differ, in order of name. Of a
// sensitive value only that it differs is told.
func changes(before, after []Value) []Change {
	if before == nil {
		return nil
	}
	before, after = declared(before), declared(after)
	old := make(map[string]Value, len(before))
	for _, v := range before {
		old[v.Name] = v
	}
	var found []Change
	for _, v := range after {
		if was, ok := old[v.Name]; !ok || was.Text != v.Text || was.Digest != v.Digest {
			found = append(found, Change{Name: v.Name, Old: was.Text, New: v.Text})
		}
		delete(old, v.Name)
	}
	for name, was := range old {
		found = append(found, Change{Name: name, Old: was.Text})
	}
	slices.SortFunc(found, func(a, b Change) int { return strings.Compare(a.Name, b.Name) })
	return found
}

// declared returns values without what was found out about them on this
// machine, which is no part of a definition.
func declared(values []Value) []Value {
	found := func(v Value) bool { return v.found }
	if !slices.ContainsFunc(values, found) {
		return values
	}
	list := make([]Value, 0, len(values))
	for _, v := range values {
		if v.found && v.declared == "" {
			continue
		}
		if v.found {
			v = Value{Name: v.Name, Text: v.declared}
		}
		list = append(list, v)
	}
	return list
}

func names(changes []Change) string {
	list := make([]string, len(changes))
	for i, c := range changes {
		list[i] = c.Name
	}
	return few(list)
}

// few joins words, the first ones of many.
func few(words []string) string {
	const most = 3
	if len(words) > most {
		words = append(slices.Clone(words[:most]), "…")
	}
	return strings.Join(words, ", ")
}
