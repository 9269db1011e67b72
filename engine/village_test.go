package engine

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
)

// house is one declared service of a village.
type house struct {
	version int // of its command
	policy  int // of what changes in place
	fails   bool
	needs   []string
}

// village is a random system of real processes. Each of them appends to one
// file what it does, a write each time, and the test what it asks for: the
// file is the truth about what happened in which order.
type village struct {
	t        *testing.T
	random   *rand.Rand
	trial    *trial
	file     string
	declared map[string]house
	versions int
}

// say appends a line of the test's own.
func (v *village) say(words ...string) {
	f, err := os.OpenFile(v.file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		v.t.Fatal(err)
	}
	if _, err = fmt.Fprintln(f, strings.Join(words, " ")); err != nil {
		v.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		v.t.Fatal(err)
	}
}

// draw edits a village.
func (v *village) draw(before map[string]house, mayFail bool) map[string]house {
	now := map[string]house{}
	var earlier []string
	for i := range 5 {
		name := fmt.Sprint("h", i)
		h, there := before[name]
		if v.random.IntN(6) == 0 {
			continue
		}
		if !there || v.random.IntN(3) == 0 {
			v.versions++
			h.version = v.versions
			h.fails = mayFail && v.random.IntN(8) == 0
		} else if v.random.IntN(3) == 0 {
			h.policy++
		}
		if !there || v.random.IntN(3) == 0 {
			h.needs = nil
			for _, e := range earlier {
				if v.random.IntN(3) == 0 {
					h.needs = append(h.needs, e)
				}
			}
		}
		h.needs = slices.DeleteFunc(slices.Clone(h.needs), func(n string) bool { return !slices.Contains(earlier, n) })
		now[name] = h
		earlier = append(earlier, name)
	}
	return now
}

// system declares a village.
func (v *village) system(houses map[string]house) *spec.System {
	base := *v.trial.sys
	base.Services, base.Edges = nil, nil
	builder := &trial{t: v.t, sys: &base}
	for _, name := range slices.Sorted(maps.Keys(houses)) {
		h := houses[name]
		script := fmt.Sprintf(`trap 'echo end %[1]s >> %[2]s; exit 0' TERM; echo start %[1]s %[3]d >> %[2]s; `, name, v.file, h.version)
		if h.fails {
			script += fmt.Sprintf("echo gone %s >> %s; exit 1", name, v.file)
		} else {
			script += fmt.Sprintf("echo ready %s >> %s; echo up; while true; do sleep 0.1; done", name, v.file)
		}
		svc := builder.service(name, "sh:"+script, func(s *spec.Service) {
			s.Start.Attempts = 1
			s.Restart.Limit, s.Restart.Delay = 20+h.policy, spec.Duration(time.Millisecond)
			s.Ready = &spec.Probe{Kind: spec.ProbeLog, Target: spec.Known("up"), Deadline: spec.Duration(time.Minute)}
		})
		for _, n := range h.needs {
			builder.edge(svc.Addr, addrOf(spec.KindService, n), "ready")
		}
	}
	return &base
}

// apply edits the village while it runs.
func (v *village) apply() {
	next := v.draw(v.declared, true)
	sys := v.system(next)
	v.say("apply", describe(next))
	e := v.trial.engine
	build := func(_ context.Context, sys *spec.System, running *plan.Running) (*plan.Plan, error) {
		p, diags := plan.Build(sys, plan.Facts{Running: running})
		if diags.HasErrors() {
			return nil, fmt.Errorf("%v", diags)
		}
		return p, nil
	}
	defer v.bound()()
	change, err := e.Apply(v.t.Context(), Request{System: sys, Plan: build, By: "a test"})
	if err != nil {
		v.t.Fatal(err)
	}
	if change.RolledBack {
		v.say("back", describe(v.declared))
		sys = v.system(v.declared)
	} else {
		v.say("done")
		v.declared = next
	}
	if change.RollbackFailure != "" || change.Cancelled != "" {
		v.t.Errorf("apply ended as %+v", change)
	}
	// Invariant 5: nothing is to do, but to start again what has failed.
	running := e.Running()
	p, err := build(v.t.Context(), sys, running)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, s := range p.Steps {
		want, why := plan.Keep, ""
		if slices.ContainsFunc(running.Units, func(u plan.RunningUnit) bool { return u.ID == s.ID && u.State == string(Failed) }) {
			want, why = plan.Start, "it has failed"
		}
		if s.Action != want || s.Reason != why {
			v.t.Errorf("after up, plan has %s %s (%q), not %s (%q)", s.Action, s.ID, s.Reason, want, why)
		}
	}
	if len(p.Stops)+len(p.Settings) > 0 {
		v.t.Errorf("after up, plan has %+v and %+v", p.Stops, p.Settings)
	}
}

// bound makes what does not end a failure that shows where everything is.
func (v *village) bound() func() bool {
	return time.AfterFunc(20*time.Second, func() {
		v.t.Errorf("it does not end: %+v", v.trial.engine.Status().Units)
		_ = v.trial.engine.Stop(context.Background(), "it does not end", "")
	}).Stop
}

// act does one thing to a village.
func (v *village) act() {
	names := slices.Sorted(maps.Keys(v.declared))
	if len(names) == 0 || v.random.IntN(2) == 0 {
		v.apply()
		return
	}
	name := names[v.random.IntN(len(names))]
	switch verb := []string{"start", "stop", "restart", "kill"}[v.random.IntN(4)]; verb {
	case "kill":
		if u := v.trial.status("service." + name); u.State == Ready && u.PID > 0 {
			v.say("kill", name)
			_ = syscall.Kill(u.PID, syscall.SIGKILL)
		}
	default:
		v.say(verb, name)
		defer v.bound()()
		if _, err := v.trial.engine.Do(v.t.Context(), Command{Verb: verb, Units: []string{"service." + name}, By: "a test"}); err != nil {
			v.t.Error(err)
		}
		v.say("done")
	}
	v.explained()
}

// explained checks invariant 4.
func (v *village) explained() {
	for _, u := range v.trial.engine.Status().Units {
		if (u.State == Pending || u.State == Blocked) && len(u.WaitingFor) == 0 {
			v.t.Errorf("%s is %s and does not say what it waits for", u.ID, u.State)
		}
		if u.State == Stopped && u.Held == "" {
			v.t.Errorf("%s is stopped, and nobody stopped it", u.ID)
		}
	}
}

func describe(houses map[string]house) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(houses)) {
		list = append(list, name+":"+fmt.Sprint(houses[name].version)+":"+strings.Join(houses[name].needs, ","))
	}
	return strings.Join(list, " ")
}

func TestARealSystemKeepsTheInvariants(t *testing.T) {
	most, patience := uint64(300), 40*time.Second
	if n := wantedRuns(); n > 0 {
		most, patience = uint64(n/10), time.Hour
	}
	for seed, began := uint64(1), time.Now(); seed <= most && time.Since(began) < patience; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			v := &village{t: t, random: rand.New(rand.NewPCG(seed, 0)), trial: newTrial(t)}
			v.file = filepath.Join(v.trial.sys.Dir, "happened")
			v.declared = v.draw(nil, false)
			v.say("apply", describe(v.declared))
			v.trial.sys = v.system(v.declared)
			v.trial.up()
			for name := range v.declared {
				v.trial.until("service."+name, Ready, 1)
			}
			v.say("done")
			for range 4 {
				v.act()
			}
			v.say("down")
			v.trial.end()
			text, err := os.ReadFile(v.file)
			if err != nil {
				t.Fatal(err)
			}
			for _, problem := range judge(strings.Split(strings.TrimSpace(string(text)), "\n")) {
				t.Error(problem)
			}
			for name := range v.declared {
				if left := marked(t, "service."+name); len(left) > 0 {
					t.Errorf("processes %v of %s are left", left, name)
				}
			}
			if t.Failed() {
				t.Logf("what happened:\n%s", text)
			}
		})
		if t.Failed() {
			return
		}
	}
}
