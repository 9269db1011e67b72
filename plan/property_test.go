package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/syndicate/syndicate/spec"
)

// world draws systems, edits of them and states that they are in. Edges lead
// to blocks of a lower rank, so that there are no circles.
type world struct {
	t    *rapid.T
	sys  *spec.System
	next int
}

func newWorld(t *rapid.T) *world {
	w := &world{t: t, sys: &spec.System{Name: "world", Dir: "/sys", Degraded: "allow", OnFailure: "continue"}}
	if rapid.Bool().Draw(t, "database") {
		w.sys.Databases = []*spec.Database{managed("a0")}
	}
	for range w.number("tasks", 0, 2) {
		w.sys.Tasks = append(w.sys.Tasks, upTask(w.name("b")))
	}
	for range w.number("services", 1, 6) {
		w.addService()
	}
	for range w.number("edges", 0, 8) {
		w.addEdge()
	}
	return w
}

func (w *world) number(label string, low, high int) int {
	return rapid.IntRange(low, high).Draw(w.t, label)
}

func (w *world) name(prefix string) string {
	w.next++
	return fmt.Sprintf("%s%d", prefix, w.next)
}

func (w *world) addService() {
	s := service(w.name("c"))
	s.OnDependencyRestart = rapid.SampledFrom([]string{"keep", "keep", "restart"}).Draw(w.t, "follows")
	s.Env = []spec.EnvVar{{Name: "A", Value: spec.Known(spec.Sensitive("x"))}}
	w.sys.Services = append(w.sys.Services, s)
}

// blocks lists all addresses in order of rank.
func (w *world) blocks() []spec.Addr {
	var list []spec.Addr
	for _, d := range w.sys.Databases {
		list = append(list, d.Addr)
	}
	for _, t := range w.sys.Tasks {
		list = append(list, t.Addr)
	}
	for _, s := range w.sys.Services {
		list = append(list, s.Addr)
	}
	return list
}

func (w *world) addEdge() {
	blocks := w.blocks()
	if len(blocks) < 2 {
		return
	}
	from := w.number("from", 1, len(blocks)-1)
	to := blocks[w.number("to", 0, from-1)]
	conditions := map[spec.Kind][]string{
		spec.KindDatabase: {"ready", "migrated"}, spec.KindTask: {"completed"}, spec.KindService: {"ready", "started"},
	}[to.Kind]
	reason := rapid.SampledFrom([]string{"depends_on", "after"}).Draw(w.t, "reason")
	w.sys.Edges = append(w.sys.Edges,
		edge(1, blocks[from].String(), to.String(), rapid.SampledFrom(conditions).Draw(w.t, "condition"), reason))
}

// edit changes the system somehow, and returns what that must mean for the
// unit that it changed, where it is one unit and known.
func (w *world) edit() (unit string, want Action) {
	s := rapid.SampledFrom(w.sys.Services).Draw(w.t, "service")
	was := w.next
	switch w.number("edit", 0, 12) {
	case 0:
		s.Argv = append(s.Argv, spec.Known(w.name("-")))
		return s.Addr.String(), Restart
	case 1:
		s.Env = []spec.EnvVar{{Name: "A", Value: spec.Known(spec.Sensitive(w.name("secret")))}}
		return s.Addr.String(), Restart
	case 2:
		s.Port = &spec.Port{Number: 1000 + was}
		w.next++
		return s.Addr.String(), Restart
	case 3:
		s.Restart.Limit = 100 + was
		w.next++
		return s.Addr.String(), Update
	case 4:
		s.Critical = !s.Critical
		return s.Addr.String(), Update
	case 5:
		s.Ready = &spec.Probe{Kind: spec.ProbeTCP, Target: spec.Known(w.name("host:"))}
		return s.Addr.String(), Update
	case 6:
		if len(w.sys.Tasks) > 0 {
			t := w.sys.Tasks[0]
			t.Argv = append(t.Argv, spec.Known(w.name("-")))
			return t.Addr.String(), Start
		}
	case 7:
		if len(w.sys.Tasks) > 0 {
			t := w.sys.Tasks[0]
			t.Timeout += 1e9
			return t.Addr.String(), Update
		}
	case 8:
		if len(w.sys.Databases) > 0 {
			w.sys.Databases[0].Managed.Settings = map[string]string{"work_mem": w.name("")}
			return w.sys.Databases[0].Addr.String(), Restart
		}
	case 9:
		w.addService()
		return w.sys.Services[len(w.sys.Services)-1].Addr.String(), Start
	case 10:
		if len(w.sys.Services) > 1 {
			gone := s.Addr
			w.sys.Services = slices.DeleteFunc(w.sys.Services, func(s *spec.Service) bool { return s.Addr == gone })
			w.sys.Edges = slices.DeleteFunc(w.sys.Edges, func(e spec.Edge) bool { return e.From == gone || e.To == gone })
			return "", Stop // and its dependents wait for something else
		}
	case 11:
		w.addEdge()
	case 12:
		w.sys.Parallelism++
	}
	return "", ""
}

// disturb draws what the units of a running system are at.
func (w *world) disturb(r *Running) {
	for i := range r.Units {
		u := &r.Units[i]
		u.State = rapid.SampledFrom([]string{"", "ready", "starting", "failed", "blocked", "pending", "stopped", "backoff"}).Draw(w.t, u.ID)
		if u.State == "stopped" && rapid.Bool().Draw(w.t, "held") {
			u.Held = "by anna"
		}
	}
}

func (w *world) facts(pending int) Facts {
	f := Facts{Key: testKey, Ledgers: map[spec.Addr]Ledger{}}
	for _, d := range w.sys.Databases {
		l := Ledger{Source: LedgerAsked, Files: 9}
		for i := range pending {
			l.Pending = append(l.Pending, Migration{Version: uint64(i + 1), Name: "x"})
		}
		f.Ledgers[d.Addr] = l
	}
	return f
}

// applied is what runs once a plan was carried out against what ran.
func applied(p *Plan, before *Running, settings []Value) *Running {
	units := p.Units()
	for i := range units {
		u, s := &units[i], p.Steps[i]
		u.State, u.WasReady = "ready", true
		if s.Action == Start || s.Action == Restart || before == nil {
			continue
		}
		if s.Blocked != "" {
			u.State = "blocked"
			continue
		}
		at := slices.IndexFunc(before.Units, func(b RunningUnit) bool { return b.ID == u.ID })
		u.State = before.Units[at].State
	}
	return &Running{Units: units, Settings: settings}
}

func build(t *rapid.T, sys *spec.System, f Facts) *Plan {
	p, diags := Build(sys, f)
	if len(diags) > 0 {
		t.Fatalf("Build: %v", diags)
	}
	return p
}

// Against an unchanged running system a plan is empty, and after any change
// is carried out it is empty again, whatever the units were at.
func TestPlanIsEmptyOnceItIsCarriedOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		f := w.facts(2)
		p := build(t, w.sys, f)
		f = w.facts(0)
		f.Running = applied(p, nil, Settings(w.sys, testKey))
		if p = build(t, w.sys, f); !p.Empty() {
			t.Fatalf("not empty, and nothing changed:\n%s", changeText(p))
		}
		for range w.number("rounds", 1, 3) {
			w.disturb(f.Running)
			for range w.number("edits", 0, 4) {
				w.edit()
			}
			again := w.facts(w.number("pending", 0, 1))
			again.Running = f.Running
			p = build(t, w.sys, again)
			f = w.facts(0)
			f.Running = applied(p, again.Running, Settings(w.sys, testKey))
			if after := build(t, w.sys, f); !after.Empty() {
				t.Fatalf("not empty once carried out:\n%s\nwhat was carried out:\n%s", changeText(after), changeText(p))
			}
		}
	})
}

// One edit of a running system changes the unit that it is about in the one
// way that it must, and nothing but what follows it.
func TestOneEditIsOneAction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		f := w.facts(0)
		before := build(t, w.sys, f)
		f = w.facts(0)
		f.Running = applied(before, nil, Settings(w.sys, testKey))
		unit, want := w.edit()
		f.Ledgers = w.facts(0).Ledgers
		p := build(t, w.sys, f)
		for _, s := range p.Steps {
			switch {
			case s.ID == unit && s.Action != want:
				t.Fatalf("%s is %s, want %s:\n%s", s.ID, s.Action, want, changeText(p))
			case s.ID != unit && unit != "" && s.Action != Keep && !strings.HasSuffix(s.Reason, " restarts"):
				t.Fatalf("%s is %s, and %s was edited:\n%s", s.ID, s.Action, unit, changeText(p))
			case s.Action != Keep && s.Reason == "":
				t.Fatalf("%s is %s for no reason", s.ID, s.Action)
			}
		}
		if want == Stop && len(p.Stops) != 1 || want != Stop && len(p.Stops) != 0 {
			t.Fatalf("%d stops:\n%s", len(p.Stops), changeText(p))
		}
		if unit != "" && p.Empty() {
			t.Fatalf("%s was edited, and the plan is empty", unit)
		}
	})
}

// Every unit of either side has exactly one action, and it is the one that
// its difference asks for.
func TestEveryDifferenceHasOneAction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		was := build(t, w.sys, w.facts(0))
		running := applied(was, nil, Settings(w.sys, testKey))
		for range w.number("edits", 0, 6) {
			w.edit()
		}
		f := w.facts(0)
		f.Running = running
		p := build(t, w.sys, f)
		actions := map[string]Action{}
		for _, s := range p.Steps {
			actions[s.ID] = s.Action
		}
		for _, s := range p.Stops {
			if _, twice := actions[s.ID]; twice {
				t.Fatalf("%s is a step and stopped", s.ID)
			}
			actions[s.ID] = Stop
		}
		for _, u := range running.Units {
			i := stepIndex(p, u.ID)
			if i < 0 {
				if actions[u.ID] != Stop {
					t.Fatalf("%s is gone and not stopped", u.ID)
				}
				continue
			}
			s := p.Steps[i]
			follows := strings.HasSuffix(s.Reason, " restarts")
			same := s.Digest == u.Digest && slices.Equal(waits(s.Needs), u.Needs)
			want := Restart
			switch {
			case same && !follows:
				want = Keep
			case s.RunDigest == u.RunDigest && !follows:
				want = Update
			case s.Kind == StepTask:
				want = Start
			}
			if s.Action != want {
				t.Fatalf("%s is %s, want %s:\n%s", u.ID, s.Action, want, changeText(p))
			}
		}
	})
}
