package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
)

// deed is one thing that happens to an estate.
type deed struct {
	lots    []*lot // declared from now on; nil: something else happens
	targets []spec.Addr
	keep    bool   // --no-rollback
	verb    string // to unit
	unit    string
}

func drawDeeds(t *rapid.T) []deed {
	versions := 0
	now := drawLots(t, nil, &versions)
	deeds := []deed{{lots: now}}
	for range rapid.IntRange(1, 5).Draw(t, "deeds") {
		var d deed
		if rapid.IntRange(0, 3).Draw(t, "kind") > 0 {
			now = drawLots(t, now, &versions)
			d.lots, d.keep = now, rapid.IntRange(0, 3).Draw(t, "keep") == 0
			d.targets = drawTargets(t, now)
		} else {
			d.verb = rapid.SampledFrom([]string{verbStart, verbStop, verbRestart, "crash", "crash"}).Draw(t, "verb")
			d.unit = rapid.SampledFrom(lotAddrs[4:]).Draw(t, "unit").String()
		}
		deeds = append(deeds, d)
	}
	return deeds
}

// drawTargets draws what a change is confined to: mostly nothing.
func drawTargets(t *rapid.T, lots []*lot) []spec.Addr {
	if len(lots) == 0 || rapid.IntRange(0, 2).Draw(t, "confined") > 0 {
		return nil
	}
	var targets []spec.Addr
	for range rapid.IntRange(1, 2).Draw(t, "targets") {
		targets = append(targets, rapid.SampledFrom(lots).Draw(t, "target").addr)
	}
	return targets
}

// play has everything happen, and returns what was wrong.
func (w *estate) play(t *testing.T, deeds []deed) []string {
	synctest.Test(t, func(t *testing.T) {
		e := w.engine
		e.build = w.build
		first := w.system(deeds[0].lots)
		ports, err := w.ports(first)(nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		e.site.declare(first, ports)
		e.current = declaration{first, ports, plan.Settings(first, w.key)}
		p, _ := w.planned(nil)(t.Context(), first, nil)
		members, err := e.members(first, p, nil)
		if err != nil {
			w.problem("%v", err)
			return
		}
		settled := make(chan struct{}, 1)
		e.core = newCore(members, watcher{
			observe: w.observe, settled: func(Health, string) { settled <- struct{}{} }, ended: e.operationEnded,
		})
		over := make(chan struct{})
		go func() {
			defer close(over)
			e.core.run(context.Background())
		}()
		<-settled
		for i, d := range deeds[1:] {
			time.Sleep(10 * time.Minute) // until nothing counts any more
			synctest.Wait()
			w.enact(t, d, fmt.Sprintf("deed %d of %d", i+1, len(deeds)-1))
		}
		e.core.stop("the end")
		<-over
		for _, l := range e.logs {
			_ = l.Close()
		}
	})
	return w.problems
}

func (w *estate) enact(t *testing.T, d deed, when string) {
	e := w.engine
	switch {
	case d.lots != nil:
		w.change(t, d, when)
	case d.verb == "crash":
		w.mu.Lock()
		if w.live[d.unit] != 0 {
			close(w.crash[d.unit])
			delete(w.crash, d.unit)
		}
		w.mu.Unlock()
	case e.core.definitions()[d.unit] != nil:
		if _, err := e.Do(t.Context(), Command{Verb: d.verb, Units: []string{d.unit}, By: "a test"}); err != nil {
			w.problem("%s: %v", when, err)
		}
	}
}

// change applies a declaration and compares what that did with its plan.
func (w *estate) change(t *testing.T, d deed, when string) {
	sys := w.system(d.lots)
	w.mu.Lock()
	clear(w.events)
	w.mu.Unlock()
	before := w.look()
	defer time.AfterFunc(time.Hour, func() {
		units := w.engine.core.snapshot().units
		for _, u := range units {
			if len(u.WaitingFor) > 0 || u.State == Stopping {
				w.problem("%s: it never ends, %s is %s and waits for %v", when, u.ID, u.State, u.WaitingFor)
			}
		}
		w.engine.core.stop("it never ends")
	}).Stop()
	again, _ := w.planned(nil)(t.Context(), w.engine.System(), before.running)
	change, err := w.engine.Apply(t.Context(), Request{
		System: sys, Ports: w.ports(sys), Plan: w.planned(d.targets), NoRollback: d.keep, By: "a test",
	})
	synctest.Wait()
	if err != nil {
		w.refused(when, err, d.targets, before)
		return
	}
	after := w.look()
	what := fmt.Sprintf("%s: %s", when, planText(change.Plan))
	if change.RolledBack {
		what += ", taken back since " + change.Failure
	}
	w.touched(what, change, before, after)
	if change.RolledBack {
		w.restored(t, what, again, before, after, change.RollbackFailure != "")
		return
	}
	w.empty(t, what, sys, d.targets, after)
}

// refused checks that a change which was refused touches nothing, and that
// only one that is confined is.
func (w *estate) refused(when string, err error, targets []spec.Addr, before look) {
	after := w.look()
	if len(targets) == 0 || !strings.Contains(err.Error(), "no target") {
		w.problem("%s: %v", when, err)
	}
	if !maps.Equal(before.live, after.live) {
		w.problem("%s is refused, and what ran as %v runs as %v", when, before.live, after.live)
	}
}

// touched checks that what was begun and ended is what the plan says.
func (w *estate) touched(what string, change Change, before, after look) {
	type count struct{ begun, ended int }
	want := map[string]count{}
	spoiled := map[string]bool{} // by what failed
	for _, s := range change.Plan.Steps {
		var c count
		switch {
		case s.Action == plan.Start && s.Held == "" && s.Blocked == "":
			c.begun = 1
			if s.Kind == plan.StepTask {
				c.ended = 1
			}
		case s.Action == plan.Restart:
			c = count{1, 1}
		case s.Action == plan.Stop && before.live[s.ID] != 0: // one that failed has ended
			c.ended = 1
		}
		want[s.ID] = c
		failed := after.state(s.ID) == Failed
		needs := func(n plan.Need) bool { return spoiled[n.Step] }
		again := before.state(s.ID) == Failed || before.state(s.ID) == Blocked // what it was is tried once more
		if change.RolledBack && (c != (count{}) || again) || c.begun > 0 && (failed || slices.ContainsFunc(s.Needs, needs)) {
			spoiled[s.ID] = true
		}
	}
	for _, f := range change.Plan.Followers {
		want[f.ID] = map[plan.Action]count{plan.Restart: {1, 1}, plan.Stop: {0, 1}, plan.Start: {1, 0}}[f.Action]
		// What it needs may have failed before, and is tried again by no target.
		failed := func(u plan.RunningUnit) bool { return u.State == string(Failed) }
		spoiled[f.ID] = change.RolledBack || slices.ContainsFunc(change.Plan.Steps, func(s plan.Step) bool { return spoiled[s.ID] }) ||
			after.state(f.ID) == Blocked && slices.ContainsFunc(before.running.Units, failed)
	}
	for _, s := range change.Plan.Stops {
		if before.live[s.ID] != 0 {
			want[s.ID] = count{0, 1}
		}
		spoiled[s.ID] = change.RolledBack
	}
	for _, u := range before.running.Units {
		// What is no target and was blocked goes on by itself.
		at := func(s plan.Step) bool { return s.ID == u.ID }
		if u.State == string(Blocked) && len(change.Plan.Targets) > 0 && !slices.ContainsFunc(change.Plan.Steps, at) {
			spoiled[u.ID] = true
		}
	}
	// What came back has others follow, and what has failed has not.
	lost := func(id string) bool {
		at := func(f plan.Follower) bool { return f.ID == id }
		return spoiled[id] || after.state(id) == Failed && slices.ContainsFunc(change.Plan.Followers, at)
	}
	for more := true; more; {
		more = false
		for _, u := range before.running.Units {
			if !spoiled[u.ID] && slices.ContainsFunc(u.Follows, lost) && (change.RolledBack || want[u.ID] != (count{})) {
				spoiled[u.ID], more = true, true
			}
		}
	}
	ids := map[string]bool{}
	for _, m := range []map[string]int{before.begun, after.begun} {
		for id := range m {
			ids[id] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		got := count{after.begun[id] - before.begun[id], after.ended[id] - before.ended[id]}
		if got != want[id] && !spoiled[id] {
			w.mu.Lock()
			happened := strings.Join(w.events[id], ", ")
			w.mu.Unlock()
			w.problem("%s: %s was %s, has begun %d runs and ended %d, and not %d and %d: %s",
				what, id, before.state(id), got.begun, got.ended, want[id].begun, want[id].ended, happened)
		}
	}
}

// restored checks that a change which was taken back has left nothing. Not
// everything starts again: what was needed may have failed before the change.
func (w *estate) restored(t *testing.T, what string, again *plan.Plan, before, after look, partly bool) {
	for id, m := range before.inForce {
		if now := after.inForce[id]; now == nil || now.digest != m.digest || now.numbers != m.numbers {
			w.problem("%s: %s is not in force as it was", what, id)
		}
	}
	for id := range after.inForce {
		if before.inForce[id] == nil {
			w.problem("%s: %s is still there", what, id)
		}
	}
	if partly {
		return
	}
	for id := range before.live {
		if after.live[id] == 0 {
			w.problem("%s: %s ran and does not any more", what, id)
		}
	}
	if !again.Empty() {
		return // the change may have tried again what had failed before it
	}
	now, _ := w.planned(nil)(t.Context(), w.engine.System(), after.running)
	for _, s := range now.Steps {
		same := func(b plan.Step) bool { return b.ID == s.ID && b.Action == s.Action && b.Reason == s.Reason }
		if s.Action != plan.Keep && !slices.ContainsFunc(again.Steps, same) {
			w.problem("%s: a plan had %q before and has %q now", what, planText(again), planText(now))
			break
		}
	}
}

// empty checks that nothing is left to do, but to start again what has
// failed, and what waits for that.
func (w *estate) empty(t *testing.T, what string, sys *spec.System, targets []spec.Addr, after look) {
	p, _ := w.planned(targets)(t.Context(), sys, after.running)
	for _, s := range p.Steps {
		failed := s.Action == plan.Start && s.Reason == "it has failed" && after.state(s.ID) == Failed
		blocked := s.Action == plan.Start && strings.HasSuffix(s.Reason, " starts") && after.state(s.ID) == Blocked
		follows := s.Action == plan.Restart && strings.HasSuffix(s.Reason, "s") && slices.ContainsFunc(p.Steps, func(f plan.Step) bool {
			return f.Reason == "it has failed"
		})
		if s.Action != plan.Keep && !failed && !blocked && !follows {
			w.problem("%s: the plan after it has %s %s (%s)", what, s.Action, s.ID, s.Reason)
		}
	}
	if len(p.Stops)+len(p.Settings) > 0 {
		w.problem("%s: the plan after it has %s", what, planText(p))
	}
}

// history tells what happened, in short.
func history(deeds []deed) string {
	var b strings.Builder
	for _, d := range deeds {
		if d.lots == nil {
			fmt.Fprintf(&b, "%s %s\n", d.verb, d.unit)
			continue
		}
		fmt.Fprintf(&b, "up, targets %v, keep %v\n", d.targets, d.keep)
		for _, l := range d.lots {
			fmt.Fprintf(&b, "  %s version %d policy %d port %q critical %v follows %v fails %v:", l.addr, l.version, l.policy, l.port, l.critical, l.follows, l.fails)
			for _, e := range l.needs {
				fmt.Fprintf(&b, " %s (%s)", e.To, e.Reasons[0].Text)
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// What a change touches is exactly what its plan says, the plan after it is
// empty, and one that is taken back leaves everything as it was.
func TestAChangeDoesWhatItsPlanSays(t *testing.T) {
	oneProcessor(t)
	stateDir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		deeds := drawDeeds(rt)
		if problems := newEstate(stateDir).play(t, deeds); len(problems) > 0 {
			rt.Fatalf("%s\n%s", strings.Join(problems, "\n"), history(deeds))
		}
	})
}
