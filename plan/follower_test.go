package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/spec"
)

// street is a row of services that each need the one before.
func street(names ...string) *spec.System {
	sys := &spec.System{Name: "street"}
	for i, name := range names {
		sys.Services = append(sys.Services, service(name))
		if i > 0 {
			sys.Edges = append(sys.Edges, edge(i, "service."+name, "service."+names[i-1], "ready", "depends_on"))
		}
	}
	return sys
}

func followersText(p *Plan) string {
	var b strings.Builder
	for _, f := range p.Followers {
		fmt.Fprintf(&b, "%s %s (%s)\n", f.Action, f.ID, f.Reason)
	}
	return b.String()
}

func TestAPlanWithTargetsNamesWhatHappensBeyondThem(t *testing.T) {
	tests := map[string]struct {
		follows string // who restarts with what it needs
		change  func(sys *spec.System, r *Running)
		want    string
	}{
		"nobody follows": {"", func(sys *spec.System, _ *Running) {
			sys.Services[1].Argv = []spec.Expr[string]{spec.Known("other")}
		}, ""},
		"one follows, and one of those that need it": {"c d", func(sys *spec.System, _ *Running) {
			sys.Services[1].Argv = []spec.Expr[string]{spec.Known("other")}
		}, "restart service.c (service.b restarts)\nrestart service.d (service.c restarts)\n"},
		"one would follow, and could not start again": {"c", func(sys *spec.System, r *Running) {
			sys.Services[1].Argv = []spec.Expr[string]{spec.Known("other")}
			r.Units[4].State = "failed"
			r.Units[2].Needs = append(r.Units[2].Needs, "service.apart ready")
		}, ""},
		"what the target needs now is stopped": {"", func(sys *spec.System, r *Running) {
			r.Units[4].Held, r.Units[4].State = "by a test", "stopped"
			sys.Edges = append(sys.Edges, edge(9, "service.b", "service.apart", "ready", "depends_on"))
		}, "stop service.c (needs service.b, which is stopped)\nstop service.d (needs service.c, which is stopped)\n"},
		"what had failed starts": {"", func(_ *spec.System, r *Running) {
			r.Units[1].State, r.Units[2].State, r.Units[3].State = "failed", "blocked", "blocked"
		}, "start service.c (service.b starts)\nstart service.d (service.c starts)\n"},
		"and something else has failed": {"", func(_ *spec.System, r *Running) {
			r.Units[1].State, r.Units[2].State, r.Units[3].State, r.Units[4].State = "failed", "blocked", "blocked", "failed"
			r.Units[3].Needs = append(r.Units[3].Needs, "service.apart ready")
		}, "start service.c (service.b starts)\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			sys := street("a", "b", "c", "d")
			sys.Services = append(sys.Services, service("apart"))
			for _, s := range sys.Services {
				if slices.Contains(strings.Fields(test.follows), s.Addr.Name) {
					s.OnDependencyRestart = "restart"
				}
			}
			first := mustBuild(t, sys, Facts{Key: testKey})
			running := runningAs(first)
			slices.SortFunc(running.Units, func(a, b RunningUnit) int { // apart last
				order := "abcd_apart"
				at := func(u RunningUnit) int { return strings.Index(order, strings.TrimPrefix(u.ID, "service.")) }
				return at(a) - at(b)
			})
			test.change(sys, running)
			p := mustBuild(t, sys, Facts{Key: testKey, Running: running, Targets: []spec.Addr{addr("service.b")}})
			equal(t, followersText(p), test.want)
			if n := strings.Count(test.want, "\n"); p.Summary.Restart+p.Summary.Stop+p.Summary.Start < n {
				t.Errorf("the summary is %+v", p.Summary)
			}
		})
	}
}

// What a plan needs to know of the needs of what runs is in their words.
func TestNeedsAreReadFromTheirWords(t *testing.T) {
	for _, n := range []Need{
		{Step: "service.a", Condition: Ready},
		{Step: `service.a["or failed"]`, Condition: Started, Soft: true},
		{Step: "task.t", Condition: Completed, Soft: true},
		{Step: "database.main.migrations", Condition: Completed},
		{Step: "database.main", Condition: Ready},
	} {
		if got := parseWait(n.Wait()); got.Step != n.Step || got.Condition != n.Condition || got.Soft != n.Soft {
			t.Errorf("%q is read as %+v", n.Wait(), got)
		}
	}
}
