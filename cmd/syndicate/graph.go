package main

import (
	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/view"
)

type graphCmd struct {
	target
	inputs

	Format string `name:"format" enum:"tree,dot,mermaid,svg,json" default:"tree" help:"What to print: ${enum}."`
	JSON   bool   `name:"json" help:"The same as --format json."`
}

// Run shows what waits for what, and why. It asks nothing from the world but
// the files.
func (c *graphCmd) Run(s *session) error {
	loaded, err := s.load(demand{operand: c.Path, inputs: c.inputs, values: true})
	if err != nil {
		return err
	}
	p, diags := plan.Build(loaded.System, plan.Facts{NotesOnly: true})
	if diags.HasErrors() {
		return s.refuse(diags, loaded.Sources)
	}
	g := p.Graph()
	if c.JSON {
		c.Format = "json"
	}
	switch c.Format {
	case "dot":
		return view.GraphDot(s.stdout, g)
	case "mermaid":
		return view.GraphMermaid(s.stdout, g)
	case "svg":
		return view.GraphSVG(s.stdout, g)
	case "json":
		return view.GraphJSON(s.stdout, g)
	}
	return view.GraphTree(s.stdout, g, s.planOptions())
}
