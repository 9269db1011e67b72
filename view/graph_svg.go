package view

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"strconv"
	"strings"

	"github.com/syndicate/syndicate/plan"
)

// svgStyle has the colours for light and dark surroundings. The drawing has
// a background of its own, so that it reads well on any page.
const svgStyle = `
    .page { fill: #ffffff; stroke: #d1d9e0; }
    .box { fill: #f6f8fa; stroke: #d1d9e0; }
    .title { fill: #1f2328; font: 600 16px ui-sans-serif, system-ui, sans-serif; }
    .note, .wave, .kind { fill: #59636e; font: 12px ui-sans-serif, system-ui, sans-serif; }
    .kind { font-size: 11px; }
    .name { fill: #1f2328; font: 600 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
    .edge { fill: none; stroke: #afb8c1; stroke-width: 1.5; }
    .near { fill: none; stroke: transparent; stroke-width: 14; }
    .tip { fill: #afb8c1; }
    .soft { stroke-dasharray: 5 4; }
    .path { stroke: #0969da; stroke-width: 2.25; }
    .path-tip { fill: #0969da; }
    .service { fill: #0969da; } .database { fill: #1a7f37; } .migrations { fill: #4ac26b; }
    .task { fill: #8250df; } .breaker { fill: #bc4c00; } .queue { fill: #bf3989; }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117; stroke: #3d444d; }
      .box { fill: #151b23; stroke: #3d444d; }
      .title, .name { fill: #f0f6fc; }
      .note, .wave, .kind { fill: #9198a1; }
      .edge { stroke: #656c76; }
      .tip { fill: #656c76; }
      .path { stroke: #4493f8; }
      .path-tip { fill: #4493f8; }
      .service { fill: #4493f8; } .database { fill: #3fb950; } .migrations { fill: #2ea043; }
      .task { fill: #ab7df8; } .breaker { fill: #db6d28; } .queue { fill: #db61a2; }
    }
`

// GraphSVG draws the graph as a picture that needs nothing else: no script,
// no font, no style sheet. What waits stands right of what it waits for, the
// critical path is drawn in colour, soft edges are dashed, and pointing at an
// edge, or near it, tells why it is there.
func GraphSVG(w io.Writer, g *plan.Graph) error {
	l := newLayout(g)
	d := &svg{w: bufio.NewWriter(data(w)), g: g, l: l, onPath: map[[2]string]bool{}}
	for i := 1; i < len(g.CriticalPath); i++ {
		d.onPath[[2]string{g.CriticalPath[i-1], g.CriticalPath[i]}] = true
	}
	d.head()
	for _, critical := range []bool{false, true} { // the path on top
		for _, r := range l.lines {
			if d.critical(r) == critical {
				d.edge(r)
			}
		}
	}
	for _, s := range l.boxes {
		d.box(s)
	}
	fmt.Fprintln(d.w, "</svg>")
	if err := d.w.Flush(); err != nil {
		return fmt.Errorf("write graph: %w", err)
	}
	return nil
}

// svg is one drawing.
type svg struct {
	w      *bufio.Writer
	g      *plan.Graph
	l      *layout
	onPath map[[2]string]bool
}

func (d *svg) head() {
	width, height := px(d.l.width), px(d.l.height)
	fmt.Fprintf(d.w, `<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %s %s" role="img" aria-label="%s">`+"\n",
		width, height, width, height, escape("The order in which "+d.g.System+" starts"))
	fmt.Fprintf(d.w, "  <style>%s  </style>\n", svgStyle)
	fmt.Fprintf(d.w, `  <rect class="page" x="0.5" y="0.5" width="%s" height="%s" rx="10"/>`+"\n", px(d.l.width-1), px(d.l.height-1))
	fmt.Fprintf(d.w, `  <text class="title" x="%d" y="32">%s</text>`+"\n", margin, escape(d.g.System))
	d.legend()
	for i, column := range d.l.columns {
		if len(column) > 0 {
			fmt.Fprintf(d.w, `  <text class="wave" x="%s" y="52">wave %d</text>`+"\n", px(column[0].x), i+1)
		}
	}
}

// legend tells what the coloured line means, where the title leaves room.
func (d *svg) legend() {
	const wide, line = 118, 26
	x := d.l.width - margin - wide
	if len(d.onPath) == 0 || x < margin+float64(len(d.g.System))*10+20 {
		return
	}
	fmt.Fprintf(d.w, `  <path class="edge path" d="M%s 27 h%d"/>`+"\n", px(x), line)
	fmt.Fprintf(d.w, `  <text class="note" x="%s" y="31">critical path</text>`+"\n", px(x+line+10))
}

// box draws a unit: its kind, its name, and a bar in the kind's colour.
func (d *svg) box(s *spot) {
	n := s.node
	top := s.y - boxHeight/2
	fmt.Fprintf(d.w, "  <g><title>%s</title>\n", escape(strings.TrimSpace(n.ID+" "+place(n.Range))))
	fmt.Fprintf(d.w, `    <rect class="box" x="%s" y="%s" width="%s" height="%d" rx="6"/>`+"\n", px(s.x), px(top), px(s.w), boxHeight)
	fmt.Fprintf(d.w, `    <rect class="%s" x="%s" y="%s" width="4" height="%d" rx="2"/>`+"\n", escape(string(n.Kind)), px(s.x+6), px(top+9), boxHeight-18)
	fmt.Fprintf(d.w, `    <text class="kind" x="%s" y="%s">%s</text>`+"\n", px(s.x+19), px(top+18), escape(nodeKind(n)))
	fmt.Fprintf(d.w, `    <text class="name" x="%s" y="%s">%s</text>`+"\n", px(s.x+19), px(top+35), escape(nodeName(n)))
	fmt.Fprintln(d.w, "  </g>")
}

// nodeKind is the first line of a box.
func nodeKind(n *plan.Node) string {
	if !n.Critical {
		return string(n.Kind) + ", not critical"
	}
	return string(n.Kind)
}

// nodeName is the name that a box shows below its kind.
func nodeName(n *plan.Node) string {
	if n.Addr.Key != "" {
		return n.Addr.Name + "[" + n.Addr.Key + "]"
	}
	return n.Addr.Name
}

func (d *svg) critical(r route) bool {
	return d.onPath[[2]string{r.edges[0].To, r.edges[0].From}]
}

// edge draws a curve through the spots of a route, level at each of them,
// with a tip at the end.
func (d *svg) edge(r route) {
	const tip = 7
	class, tipClass := "edge", "tip"
	if d.critical(r) {
		class, tipClass = "edge path", "path-tip"
	}
	soft := true
	var why []string
	for _, e := range r.edges {
		soft = soft && e.Soft
		why = append(why, e.From+" waits for "+e.Need().Wait()+": "+reasonText(e.Need(), false))
	}
	if soft {
		class += " soft"
	}
	first, last := r.spots[0], r.spots[len(r.spots)-1]
	var path strings.Builder
	x, y := first.x+first.w, first.y
	fmt.Fprintf(&path, "M%s %s", px(x), px(y))
	for _, s := range r.spots[1:] {
		toX := s.x
		if s == last {
			toX -= tip
		}
		middle := (toX - x) / 2
		fmt.Fprintf(&path, " C%s %s %s %s %s %s", px(x+middle), px(y), px(toX-middle), px(s.y), px(toX), px(s.y))
		x, y = toX, s.y
		if s != last {
			x += s.w
			fmt.Fprintf(&path, " H%s", px(x))
		}
	}
	fmt.Fprintf(d.w, "  <g><title>%s</title>\n", escape(strings.Join(why, "\n")))
	fmt.Fprintf(d.w, `    <path class="near" d="%s"/>`+"\n", path.String())
	fmt.Fprintf(d.w, `    <path class="%s" d="%s"/>`+"\n", class, path.String())
	fmt.Fprintf(d.w, `    <path class="%s" d="M%s %s l-%d -4 v8 z"/>`+"\n", tipClass, px(last.x), px(last.y), tip+1)
	fmt.Fprintln(d.w, "  </g>")
}

// px writes a length with at most one decimal.
func px(f float64) string {
	s := strconv.FormatFloat(f, 'f', 1, 64)
	return strings.TrimSuffix(s, ".0")
}

// escape makes a text safe inside XML, control characters included.
func escape(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = html.EscapeString(printable(l))
	}
	return strings.Join(lines, "\n")
}
