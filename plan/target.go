package plan

import (
	"fmt"
	"slices"

	"github.com/syndicate/syndicate/engine/graph"
	"github.com/syndicate/syndicate/spec"
)

// confine leaves those steps that targets need to run, and of the plan what
// concerns them: nothing else is started, changed or stopped.
func (d *draft) confine(p *Plan, order []*Step, facts Facts) ([]*Step, spec.Diagnostics) {
	wanted := map[string]bool{}
	for _, t := range facts.Targets {
		found := false
		for a, steps := range d.byBlock {
			if a == t || a.Block() == t {
				found = true
				d.want(steps.last, wanted)
			}
		}
		if !found {
			return nil, spec.Diagnostics{{
				Severity: spec.Error, Summary: "Unknown target", Subject: d.sys.Range,
				Detail: fmt.Sprintf("%s is no unit of this configuration that up starts.", t),
			}}
		}
		p.Targets = append(p.Targets, t.String())
	}
	slices.Sort(p.Targets)
	p.Targets = slices.Compact(p.Targets)
	p.Settings, p.Stops = nil, []Stopped{}
	p.Watchers = []Watcher{}
	var kept []*Step
	for _, s := range order {
		if wanted[s.ID] {
			s.confine(wanted, facts.Running)
			kept = append(kept, s)
		}
	}
	return kept, nil
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
