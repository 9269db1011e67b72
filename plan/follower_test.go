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

// What the target follows now and what still needs it do not wait for one
// another, nor does the target follow what it does not wait for.
func TestAPlanWithTargetsHasNoCircle(t *testing.T) {
	sys := street("a", "b")
	running := runningAs(mustBuild(t, sys, Facts{Key: testKey}))
	now := street("a", "b")
	now.Edges = []spec.Edge{edge(7, "service.a", "service.b", "ready", "after")}
	now.Services[0].OnDependencyRestart = "restart"
	p := mustBuild(t, now, Facts{Key: testKey, Running: running, Targets: []spec.Addr{addr("service.a")}})
	if len(p.Steps) != 1 || len(p.Steps[0].Beyond) > 0 || len(p.Steps[0].Unit().Follows) > 0 {
		t.Errorf("the steps are %+v", p.Steps)
	}
	p = mustBuild(t, now, Facts{Key: testKey, Running: running})
	if at := slices.IndexFunc(p.Steps, func(s Step) bool { return s.ID == "service.a" }); len(p.Steps[at].Needs) != 1 {
		t.Errorf("without targets a needs %+v", p.Steps[at].Needs)
	}
}

// What completed, and cannot do so again in this change, is not there for what
// would follow.
func TestNothingFollowsBesideWhatIsNotDoneAgain(t *testing.T) {
	sys := street("a", "b", "c")
	sys.Services = append(sys.Services, service("held"))
	sys.Tasks = append(sys.Tasks, upTask("t"))
	sys.Services[2].OnDependencyRestart = "restart"
	sys.Edges = append(sys.Edges, edge(8, "service.c", "task.t", "completed", "depends_on"))
	running := runningAs(mustBuild(t, sys, Facts{Key: testKey}))
	for i := range running.Units {
		if u := &running.Units[i]; u.ID == "service.held" {
			u.Held, u.State = "by a test", "stopped"
		}
	}
	targets := []spec.Addr{addr("service.b"), addr("task.t")}
	sys.Services[1].Argv = []spec.Expr[string]{spec.Known("other")}
	equal(t, followersText(mustBuild(t, sys, Facts{Key: testKey, Running: running, Targets: targets})), "restart service.c (service.b restarts)\n")
	sys.Edges = append(sys.Edges, edge(9, "task.t", "service.held", "ready", "depends_on"))
	equal(t, followersText(mustBuild(t, sys, Facts{Key: testKey, Running: running, Targets: targets})), "")
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
