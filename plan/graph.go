package plan

import (
	"slices"

	"github.com/syndicate/syndicate/engine/graph"
	"github.com/syndicate/syndicate/spec"
)

// Graph is the order of a plan alone: what waits for what, and why. Nodes
// are in order of wave and ID, edges in order of From, To and Condition.
type Graph struct {
	FormatVersion string   `json:"format_version"`
	System        string   `json:"system"`
	Nodes         []Node   `json:"nodes"`
	Edges         []Edge   `json:"edges"`
	CriticalPath  []string `json:"critical_path"`
}

// Node is one step.
type Node struct {
	ID       string     `json:"id"`
	Kind     StepKind   `json:"kind"`
	Addr     spec.Addr  `json:"address"`
	Range    spec.Range `json:"range"`
	Critical bool       `json:"critical"`
	Wave     int        `json:"wave"`
}

// Edge says that From starts only once Condition of To holds.
type Edge struct {
	From      string `json:"from"`
	To        string `json:"to"`
	Condition string `json:"condition"`
	Soft      bool   `json:"soft,omitempty"`
	// Implied says that other edges, none of them soft, lead from From to
	// To as well: drawings leave this one out.
	Implied bool          `json:"implied,omitempty"`
	Reasons []spec.Reason `json:"reasons"`
}

// Need returns the edge as what From waits for.
func (e Edge) Need() Need {
	return Need{Step: e.To, Condition: e.Condition, Soft: e.Soft, Reasons: e.Reasons}
}

// Graph returns the order of the plan.
func (p *Plan) Graph() *Graph {
	g := &Graph{
		FormatVersion: FormatVersion,
		System:        p.System,
		Nodes:         make([]Node, 0, len(p.Steps)),
		Edges:         []Edge{},
		CriticalPath:  p.CriticalPath,
	}
	ids := make([]string, 0, len(p.Steps))
	var hard []graph.Edge[string]
	for _, s := range p.Steps {
		ids = append(ids, s.ID)
		g.Nodes = append(g.Nodes, Node{ID: s.ID, Kind: s.Kind, Addr: s.Addr, Range: s.Range, Critical: s.Critical, Wave: s.Wave})
		for _, n := range s.Needs {
			reasons := n.Reasons
			if reasons == nil {
				reasons = []spec.Reason{}
			}
			g.Edges = append(g.Edges, Edge{From: s.ID, To: n.Step, Condition: n.Condition, Soft: n.Soft, Reasons: reasons})
			if !n.Soft {
				hard = append(hard, graph.Edge[string]{From: s.ID, To: n.Step})
			}
		}
	}
	slices.SortStableFunc(g.Edges, compareEdges)
	markImplied(g.Edges, ids, hard)
	return g
}

func compareEdges(a, b Edge) int {
	return slices.Compare([]string{a.From, a.To, a.Condition}, []string{b.From, b.To, b.Condition})
}

// markImplied finds the edges that a drawing can do without.
func markImplied(edges []Edge, ids []string, hard []graph.Edge[string]) {
	all, err := graph.New(ids, hard)
	if err != nil {
		return
	}
	kept := map[graph.Edge[string]]bool{}
	for _, e := range all.Reduce().Edges() {
		kept[e] = true
	}
	for i := range edges {
		e := &edges[i]
		if e.Soft {
			e.Implied = slices.Contains(all.Ancestors(e.From), e.To)
			continue
		}
		e.Implied = !kept[graph.Edge[string]{From: e.From, To: e.To}]
	}
}
