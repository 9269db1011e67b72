package decode

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/syndicate/syndicate/spec"
)

// edges draws the dependencies between instances: at most one for each pair
// and condition, with all of its reasons.
type edges struct {
	l     *loader
	list  []spec.Edge
	byKey map[edgeKey]int
	plan  []planned
}

type edgeKey struct {
	from, to  spec.Addr
	condition string
}

// planned is an edge before its two ends are compared.
type planned struct {
	from, to *instance
	index    int
	at       hcl.Range
}

// draw adds the edges of one instance.
func (g *edges) draw(d *decoder) {
	for _, c := range d.dependsOn {
		g.conditions(d, c, false)
	}
	for _, c := range d.after {
		g.conditions(d, c, true)
	}
	for _, u := range d.orders {
		g.add(d.in, u.target, "ready", contains(targetsOf(d.after), u.target), u.text, u.at)
	}
	seen := map[usage]bool{}
	for _, u := range d.usages {
		if u.target == d.in || seen[u] || contains(d.noWait, u.target) {
			continue
		}
		seen[u] = true
		soft := contains(targetsOf(d.after), u.target)
		for _, name := range named(d, u.target) {
			g.add(d.in, u.target, name, soft, u.text, u.at)
		}
	}
}

func targetsOf(cs []condition) []*target {
	if len(cs) == 0 {
		return nil
	}
	out := make([]*target, len(cs))
	for i, c := range cs {
		out[i] = c.target
	}
	return out
}

// named returns the conditions that a value taken from a target waits for:
// those that depends_on or after names, else the default one.
func named(d *decoder, to *instance) []string {
	var out []string
	look := func(cs []condition) {
		for _, c := range cs {
			if !slices.Contains(c.instances, to) {
				continue
			}
			name := c.name
			if !c.explicit {
				name = defaultCondition(to)
			}
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	look(d.dependsOn)
	look(d.after)
	if len(out) > 0 {
		return out
	}
	if name := defaultCondition(to); name != "" {
		return []string{name}
	}
	return nil
}

// conditions adds the edges of one element of depends_on or after.
func (g *edges) conditions(d *decoder, c condition, soft bool) {
	text := "depends_on"
	if soft {
		text = "after"
	}
	for _, to := range c.instances {
		if to == d.in {
			continue
		}
		name := c.name
		if name == "" {
			name = defaultCondition(to)
		}
		g.add(d.in, to, name, soft, text, c.at)
	}
}

func (g *edges) add(from, to *instance, name string, soft bool, text string, at hcl.Range) {
	k := edgeKey{from.addr, to.addr, name}
	i, ok := g.byKey[k]
	if !ok {
		i = len(g.list)
		g.byKey[k] = i
		g.list = append(g.list, spec.Edge{From: from.addr, To: to.addr, Condition: name, Soft: soft})
		g.plan = append(g.plan, planned{from: from, to: to, index: i, at: at})
	}
	e := &g.list[i]
	e.Soft = e.Soft && soft
	r := spec.Reason{Text: text, Range: rangeOf(at)}
	if n := len(e.Reasons); n > 0 { // an address that stands twice in a list is one reason
		last := e.Reasons[n-1]
		if last.Text == text && last.Range.Filename == r.Range.Filename && last.Range.Start.Line == r.Range.Start.Line {
			return
		}
	}
	e.Reasons = append(e.Reasons, r)
}

// finish checks the edges and puts them in order.
func (g *edges) finish() {
	critical := map[spec.Addr]bool{}
	up := map[spec.Addr]bool{}
	s := g.l.system
	for _, x := range s.Services {
		critical[x.Addr] = x.Critical
	}
	for _, x := range s.Databases {
		critical[x.Addr] = x.Critical
	}
	for _, x := range s.Tasks {
		critical[x.Addr], up[x.Addr] = x.Critical, x.Run == "up"
	}
	for _, p := range g.plan {
		g.check(p, critical, up)
	}
	for i := range g.list {
		slices.SortStableFunc(g.list[i].Reasons, func(a, b spec.Reason) int {
			return cmp.Or(strings.Compare(a.Range.Filename, b.Range.Filename), cmp.Compare(a.Range.Start.Byte, b.Range.Start.Byte))
		})
	}
	slices.SortFunc(g.list, func(a, b spec.Edge) int {
		return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To), strings.Compare(a.Condition, b.Condition))
	})
	s.Edges = g.list
}

// check compares the two ends of an edge.
func (g *edges) check(p planned, critical, up map[spec.Addr]bool) {
	e := g.list[p.index]
	from, to := e.From, e.To
	if isUp, isTask := up[to]; isTask && !isUp {
		g.l.report(mistake(CodeDemand, p.at, "Task does not run at start-up", fmt.Sprintf(
			"%s waits until %s is completed, but that task runs only when asked. Write %s in its block at %s.",
			from, to, assign(p.to.head.DefRange, "run", `"up"`), place(p.to.head.DefRange)), related{p.to.head.DefRange, "the task"}))
		return
	}
	if isUp, isTask := up[from]; e.Soft || isTask && !isUp {
		return
	}
	isCritical := func(a spec.Addr) bool {
		c, ok := critical[a]
		return c || !ok
	}
	if isCritical(from) && !isCritical(to) {
		g.l.report(mistake(CodeCritical, p.at, "Critical depends on non-critical", fmt.Sprintf(
			"%s is critical and needs %s, which may fail without the system failing. Write %s in %s, which waits without needing it; or make both critical, or neither.",
			from, to, assign(p.at, "after", "["+address(p.at, to.String())+"]"), from), related{p.to.head.DefRange, to.String() + " is declared here"}))
	}
}
