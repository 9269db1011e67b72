package view

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"

	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
)

// formats are all renderings of a graph by the ending of their files.
var formats = map[string]func(io.Writer, *plan.Graph) error{
	"txt":  func(w io.Writer, g *plan.Graph) error { return GraphTree(w, g, PlanOptions{}) },
	"json": GraphJSON,
	"dot":  GraphDot,
	"mmd":  GraphMermaid,
	"svg":  GraphSVG,
}

func render(t testing.TB, format string, g *plan.Graph) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := formats[format](&b, g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGraphFormats(t *testing.T) {
	for format := range formats {
		t.Run(format, func(t *testing.T) {
			golden(t, "graph-quickstart."+format, render(t, format, build(t, quickstart(), plan.Facts{}).Graph()))
		})
	}
}

// ladder is a graph of width services in each of depth waves, each of them
// needing some of the wave before and of the first wave.
func ladder(t testing.TB, width, depth int) *plan.Graph {
	sys := &spec.System{Name: `lad"der<&>`}
	for d := range depth {
		for w := range width {
			name := fmt.Sprintf("s%d_%d", d, w)
			sys.Services = append(sys.Services, &spec.Service{Block: block(spec.KindService, name, d*width+w+1)})
			if d == 0 {
				continue
			}
			for _, to := range []string{fmt.Sprintf("s%d_%d", d-1, w), fmt.Sprintf("s%d_%d", d-1, (w*7+3)%width), fmt.Sprintf("s0_%d", (w+d)%width)} {
				sys.Edges = append(sys.Edges, needs("service."+name, "service."+to, "ready", `env."<A>"`, d*width+w+1))
			}
		}
	}
	return build(t, sys, plan.Facts{}).Graph()
}

func TestGraphSVGIsWellFormed(t *testing.T) {
	for name, g := range map[string]*plan.Graph{
		"quickstart": build(t, quickstart(), plan.Facts{}).Graph(),
		"ladder":     ladder(t, 5, 8),
		"empty":      build(t, &spec.System{Name: "empty"}, plan.Facts{}).Graph(),
	} {
		t.Run(name, func(t *testing.T) {
			d := xml.NewDecoder(bytes.NewReader(render(t, "svg", g)))
			for {
				if _, err := d.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestLayoutKeepsBoxesApart(t *testing.T) {
	for name, g := range map[string]*plan.Graph{
		"quickstart": build(t, quickstart(), plan.Facts{}).Graph(),
		"ladder":     ladder(t, 6, 9),
		"flat":       ladder(t, 40, 1),
		"chain":      ladder(t, 1, 60),
	} {
		t.Run(name, func(t *testing.T) { checkLayout(t, g) })
	}
}

type failer interface{ Errorf(string, ...any) }

// checkLayout finds boxes that overlap or stick out, and edges that lead
// against the time.
func checkLayout(t failer, g *plan.Graph) {
	l := newLayout(g)
	for _, column := range l.columns {
		for i, s := range column {
			if math.IsNaN(s.x) || math.IsNaN(s.y) || s.y-s.h/2 < headHeight-1 || s.y+s.h/2 > l.height || s.x+s.w > l.width {
				t.Errorf("spot at %v %v is outside of %v by %v", s.x, s.y, l.width, l.height)
			}
			if i > 0 && s.y-s.h/2 < column[i-1].y+column[i-1].h/2+boxGap-0.01 {
				t.Errorf("two spots of a column overlap: %v and %v", column[i-1].y, s.y)
			}
		}
	}
	for _, r := range l.lines {
		for i := 1; i < len(r.spots); i++ {
			if r.spots[i].x <= r.spots[i-1].x+r.spots[i-1].w {
				t.Errorf("an edge from %s leads backwards", r.edges[0].To)
			}
		}
	}
}

// Random graphs are drawn without overlaps, in well-formed XML, and no two
// renderings of one differ.
func TestGraphProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sys := &spec.System{Name: "random"}
		n := rapid.IntRange(1, 20).Draw(t, "services")
		for i := range n {
			sys.Services = append(sys.Services, &spec.Service{Block: block(spec.KindService, fmt.Sprintf("s%02d", i), i+1)})
			for j := range i {
				if rapid.IntRange(0, 4).Draw(t, "edge") == 0 {
					reason := rapid.SampledFrom([]string{"after", "depends_on"}).Draw(t, "reason")
					sys.Edges = append(sys.Edges, needs(fmt.Sprintf("service.s%02d", i), fmt.Sprintf("service.s%02d", j), "ready", reason, i+1))
				}
			}
		}
		p, diags := plan.Build(sys, plan.Facts{})
		if len(diags) > 0 {
			t.Fatal(diags)
		}
		g := p.Graph()
		checkLayout(t, g)
		for format, write := range formats {
			var a, b bytes.Buffer
			if err := errors.Join(write(&a, g), write(&b, g)); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(a.Bytes(), b.Bytes()) {
				t.Fatalf("two renderings as %s differ", format)
			}
			for _, node := range g.Nodes {
				if !strings.Contains(a.String(), node.Addr.Name) {
					t.Fatalf("%s is not in %s", node.ID, format)
				}
			}
			if format != "svg" {
				continue
			}
			for d := xml.NewDecoder(&a); ; {
				if _, err := d.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func TestGraphTreeIsBounded(t *testing.T) {
	g := ladder(t, 3, 200)
	var b strings.Builder
	if err := GraphTree(&b, g, PlanOptions{Width: 100}); err != nil {
		t.Fatal(err)
	}
	out := b.String()
	if n := strings.Count(out, "\n"); n > 2*(len(g.Nodes)+len(g.Edges)) {
		t.Errorf("%d lines for %d edges", n, len(g.Edges))
	}
	for line := range strings.Lines(out) {
		if n := ansi.StringWidth(strings.TrimSuffix(line, "\n")); n > 100 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	for _, n := range g.Nodes {
		if !strings.Contains(out, n.ID) {
			t.Errorf("%s is not shown", n.ID)
		}
	}
}

// Every edge is in the JSON form, and drawings show a chain of edges for it.
func TestGraphJSONHasEveryEdge(t *testing.T) {
	g := ladder(t, 3, 5)
	var got plan.Graph
	if err := json.Unmarshal(render(t, "json", g), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Edges) != len(g.Edges) || len(got.Nodes) != len(g.Nodes) {
		t.Errorf("%d nodes and %d edges, want %d and %d", len(got.Nodes), len(got.Edges), len(g.Nodes), len(g.Edges))
	}
	implied := 0
	for _, e := range got.Edges {
		if e.Implied {
			implied++
		}
	}
	if implied == 0 || implied == len(got.Edges) {
		t.Errorf("%d of %d edges are implied", implied, len(got.Edges))
	}
	for _, format := range []string{"dot", "mmd"} {
		arrow := map[string]string{"dot": " -> ", "mmd": " -->|"}[format]
		arrows := bytes.Count(render(t, format, g), []byte(arrow))
		if arrows != len(got.Edges)-implied {
			t.Errorf("%s has %d arrows, want %d", format, arrows, len(got.Edges)-implied)
		}
	}
}

func TestMermaidAndDotEscape(t *testing.T) {
	tests := map[string]struct{ in, mermaid, dot string }{
		"instance":  {`service.w["a"]`, `service.w[#quot;a#quot;]`, `"service.w[\"a\"]"`},
		"hash":      {`a#b;`, `a#35;b;`, `"a#b;"`},
		"markup":    {`<b>&`, `#lt;b#gt;#amp;`, `"<b>&"`},
		"backslash": {`a\`, `a\`, `"a\\"`},
		"control":   {"a\x1bb", `a\u001bb`, `"a\\u001bb"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := mermaidText(test.in); got != test.mermaid {
				t.Errorf("mermaid %s, want %s", got, test.mermaid)
			}
			if got := dotText(test.in); got != test.dot {
				t.Errorf("dot %s, want %s", got, test.dot)
			}
		})
	}
}
