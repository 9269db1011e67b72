package plan

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/syndicate/syndicate/engine/graph"
	"github.com/syndicate/syndicate/spec"
)

// confine finds those steps that targets need to run, nil where there are no
// targets, and leaves them the needs that count then.
func (d *draft) confine(facts Facts) (map[string]bool, spec.Diagnostics) {
	if len(facts.Targets) == 0 {
		return nil, nil
	}
	wanted := map[string]bool{}
	for _, t := range facts.Targets {
		found := false
		for a, steps := range d.byBlock {
			if a == t || a.Block() == t {
				found = true
				d.want(steps.last, wanted)
				if steps.gateway != "" { // which stands in the database's block
					d.want(steps.gateway, wanted)
				}
			}
		}
		if !found {
			return nil, spec.Diagnostics{{
				Severity: spec.Error, Summary: "Unknown target", Subject: d.sys.Range,
				Detail: fmt.Sprintf("%s is no unit of this configuration that up starts.", t),
			}}
		}
	}
	if diags := append(d.occupied(wanted, facts.Running), d.astray(wanted, facts.Running)...); len(diags) > 0 {
		return nil, diags
	}
	for i := range d.steps {
		if s := &d.steps[i]; wanted[s.ID] {
			s.confine(wanted, facts.Running)
		}
	}
	d.cutCircles(wanted, facts.Running)
	return wanted, nil
}

// confine leaves of a plan what concerns the wanted steps, and returns these:
// nothing else is started, changed or stopped.
func (p *Plan) confine(order []*Step, wanted map[string]bool, facts Facts, back *standstill) []*Step {
	for _, t := range facts.Targets {
		p.Targets = append(p.Targets, t.String())
	}
	slices.Sort(p.Targets)
	p.Targets = slices.Compact(p.Targets)
	p.Settings, p.Stops = nil, []Stopped{}
	p.Watchers = []Watcher{}
	kept := slices.DeleteFunc(order, func(s *Step) bool { return !wanted[s.ID] })
	p.Followers = followers(kept, facts.Running, back)
	return kept
}

// occupied finds the ports that are declared for what is wanted, and that a
// unit has which is to be left alone: neither would ever get out of the way of
// the other.
func (d *draft) occupied(wanted map[string]bool, running *Running) spec.Diagnostics {
	if running == nil {
		return nil
	}
	var diags spec.Diagnostics
	for _, l := range spec.Listeners(d.sys) {
		if l.Auto || !d.starts(l.Addr, wanted) {
			continue
		}
		for i := range running.Units {
			u := &running.Units[i]
			has := func(address string) bool {
				host, port, err := net.SplitHostPort(address)
				return err == nil && port == strconv.Itoa(l.Port) && spec.SameHost(host, l.Host)
			}
			if wanted[u.ID] || !slices.ContainsFunc(u.Listens, has) {
				continue
			}
			diags = append(diags, spec.Diagnostic{
				Severity: spec.Error, Summary: "Port of what is no target", Subject: l.Range,
				Detail: fmt.Sprintf("%s is declared to have port %d, which %s has in the running system. That is no target, so it would keep it: %s.",
					l.Name, l.Port, u.ID, d.wayOut(u.ID)),
			})
		}
	}
	return diags
}

// astray finds what is to be left alone, runs, and has the address of something
// in its values whose port is to become another one.
func (d *draft) astray(wanted map[string]bool, running *Running) spec.Diagnostics {
	if running == nil {
		return nil
	}
	var diags spec.Diagnostics
	moves := newRelocate(d, running)
	for id := range moves.why {
		if !wanted[id] {
			delete(moves.why, id) // it keeps its port
		}
	}
	for i := range running.Units {
		u := &running.Units[i]
		at, declared := d.index[u.ID]
		if !declared || wanted[u.ID] || !u.runs() {
			continue
		}
		s := &d.steps[at]
		if what := moves.moved(slices.Concat(s.TakesFrom(), s.Aims())); what != "" {
			diags = append(diags, spec.Diagnostic{
				Severity: spec.Error, Summary: "Port that is used by what is no target", Subject: s.Range,
				Detail: fmt.Sprintf("%s, and %s has it in its values. That is no target, so it would go on with the old one: %s.",
					strings.ToUpper(what[:1])+what[1:], u.ID, d.wayOut(u.ID)),
			})
		}
	}
	return diags
}

// Elsewhere returns the ports that units have which are no part of a plan with
// targets: these keep them. One without has every unit in it.
func (p *Plan) Elsewhere(running *Running) map[int]bool {
	if len(p.Targets) == 0 || running == nil {
		return nil
	}
	steps := make(map[string]bool, len(p.Steps))
	for i := range p.Steps {
		steps[p.Steps[i].ID] = true
	}
	taken := map[int]bool{}
	for i := range running.Units {
		u := &running.Units[i]
		if steps[u.ID] {
			continue
		}
		for _, address := range u.Listens {
			if _, text, err := net.SplitHostPort(address); err == nil {
				port, _ := strconv.Atoi(text)
				taken[port] = true
			}
		}
	}
	return taken
}

// starts reports whether any step of a block is wanted.
func (d *draft) starts(a spec.Addr, wanted map[string]bool) bool {
	steps, ok := d.byBlock[a]
	return ok && (wanted[steps.first] || wanted[steps.last] || steps.gateway != "" && wanted[steps.gateway])
}

// wayOut says how a unit that is no target gets out of the way.
func (d *draft) wayOut(id string) string {
	if at, ok := d.index[id]; ok {
		return "name " + d.steps[at].Addr.String() + " as a target, too, or none"
	}
	return "it is no longer declared, and goes with an up that has no target"
}

// confine leaves a step the needs of those that are wanted. What it follows
// only softly need not be there; what of that runs it follows still.
func (s *Step) confine(wanted map[string]bool, running *Running) {
	all := s.Needs
	s.Needs = make([]Need, 0, len(all))
	for _, n := range all {
		runs := func(u RunningUnit) bool { return u.ID == n.Step }
		switch {
		case !n.Soft || wanted[n.Step]:
			s.Needs = append(s.Needs, n)
		case running != nil && slices.ContainsFunc(running.Units, runs):
			s.Beyond = append(s.Beyond, n)
		}
	}
}

// cutCircles has steps not wait for what is left alone and waits for them: by
// what is declared for both at a time there is no such circle, and such a need
// is a soft one. What is cut is part of the plan like any other need that is
// gone: it is neither waited for nor followed.
func (d *draft) cutCircles(wanted map[string]bool, running *Running) {
	if running == nil {
		return
	}
	needs := make(map[string][]string, len(running.Units)) // of each unit that runs, by what is to be in force
	for i := range running.Units {
		u := &running.Units[i]
		for _, text := range u.Needs {
			needs[u.ID] = append(needs[u.ID], parseWait(text).Step)
		}
	}
	for i := range d.steps {
		if s := &d.steps[i]; wanted[s.ID] {
			needs[s.ID] = s.waitsFor()
		}
	}
	for i := range d.steps {
		s := &d.steps[i]
		before := len(s.Beyond)
		s.Beyond = slices.DeleteFunc(s.Beyond, func(n Need) bool { return leads(needs, n.Step, s.ID) })
		if len(s.Beyond) < before {
			needs[s.ID] = s.waitsFor()
		}
	}
}

// waitsFor lists the steps that one needs, also those beyond its plan.
func (s *Step) waitsFor() []string {
	var list []string
	for _, n := range s.allNeeds() {
		list = append(list, n.Step)
	}
	return list
}

// leads reports whether one unit needs another, directly or not.
func leads(needs map[string][]string, from, to string) bool {
	seen := map[string]bool{from: true}
	for todo := []string{from}; len(todo) > 0; todo = todo[1:] {
		if todo[0] == to {
			return true
		}
		for _, id := range needs[todo[0]] {
			if !seen[id] {
				seen[id] = true
				todo = append(todo, id)
			}
		}
	}
	return false
}

// want marks a step and all that it needs.
func (d *draft) want(id string, wanted map[string]bool) {
	if wanted[id] {
		return
	}
	wanted[id] = true
	for _, n := range d.steps[d.index[id]].Needs {
		if !n.Soft {
			d.want(n.Step, wanted)
		}
	}
}

// criticalPath is the longest chain among the steps of a plan.
func (p *Plan) criticalPath() []string {
	nodes := make([]string, 0, len(p.Steps))
	var edges []graph.Edge[string]
	for _, s := range p.Steps {
		nodes = append(nodes, s.ID)
		for _, n := range s.Needs {
			edges = append(edges, graph.Edge[string]{From: s.ID, To: n.Step})
		}
	}
	g, err := graph.New(nodes, edges)
	if err != nil { // cannot happen: every need names a step
		return []string{}
	}
	path, _ := g.CriticalPath(func(string) int64 { return 1 })
	return append([]string{}, path...)
}
