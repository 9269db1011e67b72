package plan

import (
	"fmt"
	"strings"

	"github.com/syndicate/syndicate/engine/graph"
	"github.com/syndicate/syndicate/spec"
)

// CodeCircle is the code of the diagnostic for a circle of dependencies. The
// catalogue in spec/decode explains it.
const CodeCircle = "S080"

// maxCycles bounds how many circles are reported at once.
const maxCycles = 20

// Cycles reports every circle of dependencies: none of them shares an edge
// with another, so each needs a change of its own. Build reports the same.
func Cycles(sys *spec.System) spec.Diagnostics {
	_, diags := newDraft(sys).order()
	return diags
}

func (d *draft) cycles(g *graph.Graph[string]) spec.Diagnostics {
	var diags spec.Diagnostics
	for _, path := range g.Cycles(maxCycles) {
		diags = append(diags, d.cycle(path))
	}
	diags.Sort()
	return diags
}

// cycle describes one circle, with the place of each of its edges.
func (d *draft) cycle(path []string) spec.Diagnostic {
	diag := spec.Diagnostic{
		Severity: spec.Error,
		Code:     CodeCircle,
		Summary:  "Dependencies go in a circle",
	}
	var last Need
	for i, id := range path {
		need := d.need(id, path[(i+1)%len(path)])
		last = need
		if len(need.Reasons) == 0 {
			continue
		}
		r := need.Reasons[0]
		if i == 0 {
			diag.Subject = r.Range
			diag.Context = context(d.steps[d.index[id]].Addr)
		}
		diag.Related = append(diag.Related, spec.Related{
			Range:   r.Range,
			Message: fmt.Sprintf("%s needs %s: %s", id, need, r.Text),
		})
	}
	circle := strings.Join(append(path[:len(path):len(path)], path[0]), " → ")
	if len(path) == 1 {
		diag.Detail = fmt.Sprintf("%s: it waits for itself and would never start. Inside its own block write self "+
			"(self.port, self.url); no_wait = [%s] takes a value without waiting.", circle, last.Step)
		return diag
	}
	diag.Detail = fmt.Sprintf("%s: each waits for the next, so none would ever start. Take one of these edges away; where "+
		"two services call each other, no_wait = [%s] in %s takes the values without waiting, since every host, port "+
		"and URL is assigned before anything starts.", circle, path[0], path[len(path)-1])
	return diag
}

// need returns the need of one step that names another, the first by
// condition.
func (d *draft) need(from, to string) Need {
	for _, n := range d.steps[d.index[from]].Needs {
		if n.Step == to {
			return n
		}
	}
	return Need{Step: to}
}

// context names a block as it is written: service "api".
func context(a spec.Addr) string { return fmt.Sprintf("%s %q", a.Kind, a.Name) }
