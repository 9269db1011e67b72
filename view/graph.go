package view

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/syndicate/syndicate/plan"
)

// GraphJSON writes the graph in its versioned JSON form.
func GraphJSON(w io.Writer, g *plan.Graph) error {
	if err := writeJSON(w, g); err != nil {
		return fmt.Errorf("write graph: %w", err)
	}
	return nil
}

// maxTreeDepth bounds the indentation: what lies deeper is a tree of its
// own further down.
const maxTreeDepth = 16

// GraphTree writes what each unit waits for, and why, as trees: their roots
// are what nothing waits for. A unit is opened once.
func GraphTree(w io.Writer, g *plan.Graph, o PlanOptions) error {
	t := &tree{
		w: bufio.NewWriter(w), o: o, ink: ink(o.Colour),
		needs: map[string][]plan.Edge{}, opened: map[string]bool{},
	}
	needed := map[string]bool{}
	for _, e := range g.Edges {
		t.needs[e.From] = append(t.needs[e.From], e)
		needed[e.To] = true
	}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		if id := g.Nodes[i].ID; !needed[id] {
			t.roots = append(t.roots, id)
		}
	}
	t.write()
	if len(g.Nodes) == 0 {
		_, _ = t.w.WriteString("Nothing is declared that could start.\n") // Flush has its error
	}
	if err := t.w.Flush(); err != nil {
		return fmt.Errorf("write graph: %w", err)
	}
	return nil
}

// tree is one rendering of one graph.
type tree struct {
	w      *bufio.Writer
	o      PlanOptions
	ink    ink
	needs  map[string][]plan.Edge
	opened map[string]bool
	roots  []string
}

// treeLine is a line that waits to be written, with what stands before it.
type treeLine struct {
	edge   plan.Edge
	prefix string
	last   bool
	depth  int
}

// write writes all trees. What is too deep in one joins the roots.
func (t *tree) write() {
	for i := 0; i < len(t.roots); i++ {
		id := t.roots[i]
		if t.opened[id] {
			continue
		}
		if i > 0 {
			fmt.Fprintln(t.w)
		}
		t.opened[id] = true
		fmt.Fprintln(t.w, t.ink.bold(id))
		for todo := t.below(nil, id, "", 0); len(todo) > 0; {
			l := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			todo = t.line(todo, l)
		}
	}
}

// below adds the lines for what a unit needs, the first on top.
func (t *tree) below(todo []treeLine, id, prefix string, depth int) []treeLine {
	needs := t.needs[id]
	for i := len(needs) - 1; i >= 0; i-- {
		todo = append(todo, treeLine{needs[i], prefix, i == len(needs)-1, depth + 1})
	}
	return todo
}

func (t *tree) line(todo []treeLine, l treeLine) []treeLine {
	branch, next := "├─ ", "│  "
	if l.last {
		branch, next = "└─ ", "   "
	}
	id, note := l.edge.To, ""
	open := len(t.needs[id]) > 0 && !t.opened[id]
	switch {
	case open && l.depth >= maxTreeDepth:
		t.roots = append(t.roots, id)
		open, note = false, " (below)"
	case !open && len(t.needs[id]) > 0:
		note = " (above)"
	}
	name := l.edge.Need().Wait() + note
	const reasonsAt = 44
	used := ansi.StringWidth(l.prefix) + 3
	below := l.prefix + next
	if open {
		below += "│"
	}
	first := t.ink.dim(l.prefix+branch) + pad(name, reasonsAt-used) + "  "
	for _, line := range t.o.hang(first, t.ink.dim(reasonText(l.edge.Need(), t.o.Verbose)), t.ink.dim(below)) {
		fmt.Fprintln(t.w, strings.TrimRight(line, " "))
	}
	if open {
		t.opened[id] = true
		return t.below(todo, id, l.prefix+next, l.depth)
	}
	return todo
}

// GraphDot writes the graph for Graphviz. Edges that others imply are left
// out.
func GraphDot(w io.Writer, g *plan.Graph) error {
	b := bufio.NewWriter(data(w))
	fmt.Fprintf(b, "digraph %s {\n", dotText(g.System))
	fmt.Fprintln(b, "  rankdir=LR;")
	fmt.Fprintln(b, `  node [shape=box, style=rounded, fontname="sans-serif"];`)
	fmt.Fprintln(b, `  edge [fontname="sans-serif", fontsize=10];`)
	shape := map[plan.StepKind]string{plan.StepServer: "cylinder", plan.StepMigrations: "note", plan.StepTask: "cds", plan.StepQueue: "folder", plan.StepGateway: "house", plan.StepBreaker: "diamond"}
	for _, n := range g.Nodes {
		attrs := ""
		if s := shape[n.Kind]; s != "" {
			attrs = fmt.Sprintf(" [shape=%s, style=solid]", s)
		}
		fmt.Fprintf(b, "  %s%s;\n", dotText(n.ID), attrs)
	}
	for _, e := range g.Edges {
		if e.Implied {
			continue
		}
		style := ""
		if e.Soft {
			style = ", style=dashed"
		}
		// From what comes first to what waits for it, as time runs.
		label := dotText(edgeLabel(e))
		if why := reasonText(e.Need(), false); why != "" { // \n ends a line of a label
			label = strings.TrimSuffix(label, `"`) + `\n` + strings.TrimPrefix(dotText(why), `"`)
		}
		fmt.Fprintf(b, "  %s -> %s [label=%s%s];\n", dotText(e.To), dotText(e.From), label, style)
	}
	fmt.Fprintln(b, "}")
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write graph: %w", err)
	}
	return nil
}

// dotText quotes a text for Graphviz.
func dotText(s string) string {
	s = strings.ReplaceAll(printable(s), `\`, `\\`)
	return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"`
}

// edgeLabel is the condition in the language's word, with what else ends the
// wait.
func edgeLabel(e plan.Edge) string {
	return strings.TrimSpace(strings.TrimPrefix(e.Need().Wait(), e.Need().Unit()))
}

// GraphMermaid writes the graph as a Mermaid flowchart. Edges that others
// imply are left out.
func GraphMermaid(w io.Writer, g *plan.Graph) error {
	b := bufio.NewWriter(data(w))
	fmt.Fprintln(b, "flowchart LR")
	shape := map[plan.StepKind][2]string{
		plan.StepService: {"(", ")"}, plan.StepServer: {"[(", ")]"}, plan.StepMigrations: {"[/", "/]"},
		plan.StepTask: {"([", "])"}, plan.StepQueue: {"[[", "]]"}, plan.StepBreaker: {"{{", "}}"}, plan.StepGateway: {"{{", "}}"},
	}
	short := make(map[string]string, len(g.Nodes))
	for i, n := range g.Nodes {
		short[n.ID] = fmt.Sprintf("n%d", i+1)
		s, ok := shape[n.Kind]
		if !ok {
			s = [2]string{"[", "]"}
		}
		fmt.Fprintf(b, "  %s%s\"%s\"%s\n", short[n.ID], s[0], mermaidText(n.ID), s[1])
	}
	for _, e := range g.Edges {
		if e.Implied {
			continue
		}
		// From what comes first to what waits for it, as time runs.
		arrow := "-->"
		if e.Soft {
			arrow = "-.->"
		}
		label := mermaidText(edgeLabel(e))
		if why := reasonText(e.Need(), false); why != "" {
			label += "<br>" + mermaidText(why)
		}
		fmt.Fprintf(b, "  %s %s|\"%s\"| %s\n", short[e.To], arrow, label, short[e.From])
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write graph: %w", err)
	}
	return nil
}

// mermaidText writes a text as Mermaid reads it between double quotes:
// with its own names for the characters that mean something there.
func mermaidText(s string) string {
	return strings.NewReplacer(
		"#", "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "&", "#amp;", "`", "#96;",
	).Replace(printable(s))
}
