package plan

import (
	"fmt"
	"slices"

	"github.com/syndicate/syndicate/engine/graph"
	"github.com/syndicate/syndicate/spec"
)

// confine leaves those steps that targets need to run, and of the plan what
// concerns them: nothing else is started, changed or stopped.
func (d *draft) confine(p *Plan, order []*Step, targets []spec.Addr) ([]*Step, spec.Diagnostics) {
	wanted := map[string]bool{}
	for _, t := range targets {
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
			// What a step follows only softly need not be there.
			s.Needs = slices.DeleteFunc(s.Needs, func(n Need) bool { return n.Soft && !wanted[n.Step] })
			kept = append(kept, s)
		}
	}
	return kept, nil
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
		return nil
	}
	path, _ := g.CriticalPath(func(string) int64 { return 1 })
	return path
}
