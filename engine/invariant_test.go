package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/syndicate/syndicate/engine/event"
	"github.com/syndicate/syndicate/spec"
)

// script is what the runs of a fake unit do, one entry for each run, the last
// one for all that follow.
type script struct {
	readyAfter time.Duration // < 0: never
	endAfter   time.Duration // < 0: only when told to
	fails      bool          // the end is an error
	sickAfter  time.Duration // < 0: never
	stopTakes  time.Duration
}

// fake is a unit whose runs follow a script and who watches the others: it
// knows what really happened, whatever the machine believes.
type fake struct {
	world   *world
	index   int
	oneShot bool
	scripts []script
}

// world is the truth about all fakes. Guarded by mu.
type world struct {
	mu         sync.Mutex
	members    []*member
	dependents [][]int // direct
	live       []bool
	executing  []bool
	ready      []bool
	completed  []bool
	changed    []time.Time // when the above last changed
	settledAt  []State     // by the machine's word, from events
	unsettled  []time.Time // when a unit last left such a state to be tried again
	problems   []string
}

func (w *world) problem(format string, args ...any) {
	w.problems = append(w.problems, fmt.Sprintf(format, args...))
}

// transitively reports whether any unit that depends on i is live.
func (w *world) transitively(i int) int {
	for _, d := range w.dependents[i] {
		if w.live[d] {
			return d
		}
		if x := w.transitively(d); x >= 0 {
			return x
		}
	}
	return -1
}

func (f *fake) run(ctx context.Context, a *attempt) Outcome {
	w, i := f.world, f.index
	s := f.scripts[min(a.number, len(f.scripts))-1]
	w.mu.Lock()
	w.begin(i)
	w.mu.Unlock()
	a.started(1000 + i)
	out := f.live(ctx, a, s)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.live[i], w.executing[i], w.ready[i] = false, false, false
	w.changed[i] = time.Now()
	if f.oneShot && out.Err == nil && ctx.Err() == nil {
		w.completed[i] = true
	}
	return out
}

// begin checks invariant 1: a start needs every condition to hold now. What
// changed at this very instant may not have been heard of yet, and what is tried
// again at this very instant may have been given up when the start was decided:
// no time passes in the bubble between the two, and their order is nobody's.
func (w *world) begin(i int) {
	if w.live[i] {
		w.problem("%d started while it runs", i)
	}
	if w.completed[i] {
		w.problem("%d started again after it completed", i)
	}
	for _, n := range w.members[i].needs {
		holds := map[string]bool{
			"started": w.executing[n.unit], "ready": w.ready[n.unit], "completed": w.completed[n.unit],
		}[n.condition]
		soft := n.soft && !w.ready[n.unit] && (settled(w.settledAt[n.unit]) || w.unsettled[n.unit].Equal(time.Now()))
		if !holds && !soft && w.changed[n.unit].Before(time.Now()) {
			w.problem("%d started although %d is not %s", i, n.unit, n.condition)
		}
	}
	w.live[i], w.executing[i], w.changed[i] = true, true, time.Now()
}

// settled reports whether a unit in a state is waited for no longer by those
// that only start after it.
func settled(s State) bool { return s == Failed || s == Blocked || s == Stopped }

// live plays one run.
func (f *fake) live(ctx context.Context, a *attempt, s script) Outcome {
	w, i := f.world, f.index
	after := func(d time.Duration) <-chan time.Time {
		if d < 0 {
			return nil
		}
		return time.After(d)
	}
	ready, end, sick := after(s.readyAfter), after(s.endAfter), after(s.sickAfter)
	for {
		select {
		case <-ready:
			w.mu.Lock()
			w.ready[i], w.changed[i] = true, time.Now()
			w.mu.Unlock()
			a.ready()
		case <-sick:
			w.mu.Lock()
			was := w.ready[i]
			w.ready[i], w.changed[i] = false, time.Now()
			w.mu.Unlock()
			if was {
				a.health("sick")
			}
		case <-end:
			if s.fails {
				return Outcome{Err: errors.New("exit status 1"), Exit: "exit status 1"}
			}
			if f.oneShot {
				return Outcome{Clean: true}
			}
			return Outcome{Err: errors.New("exit status 0"), Exit: "exit status 0", Clean: true}
		case <-ctx.Done():
			return f.stop(context.Cause(ctx).Error(), a, s)
		}
	}
}

// stop checks invariant 3: at shutdown nothing that depends on this unit is
// left. A stop that only comes before another start has no such order.
func (f *fake) stop(cause string, a *attempt, s script) Outcome {
	w := f.world
	restart := strings.HasSuffix(cause, "sick") || strings.HasSuffix(cause, "came back")
	w.mu.Lock()
	if d := w.transitively(f.index); !restart && d >= 0 {
		w.problem("%d is stopped while %d depends on it", f.index, d)
	}
	w.mu.Unlock()
	select {
	case <-time.After(s.stopTakes):
	case <-a.hurry:
	}
	return Outcome{Exit: "signal: terminated"}
}

// scenario is a random system.
type scenario struct {
	members     []*member
	fakes       []*fake
	parallelism int
	stopOnFail  bool
	failDegrade bool
	stopAt      time.Duration
	hurry       bool
}

func drawDuration(t *rapid.T, label string) time.Duration {
	return time.Duration(rapid.IntRange(0, 40).Draw(t, label)) * 100 * time.Millisecond
}

func maybeNever(t *rapid.T, label string, oneIn int) time.Duration {
	if rapid.IntRange(1, oneIn).Draw(t, label+"?") == 1 {
		return drawDuration(t, label)
	}
	return -1
}

func drawScenario(t *rapid.T) *scenario {
	n := rapid.IntRange(1, 14).Draw(t, "units")
	s := &scenario{
		parallelism: rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "parallelism"),
		stopOnFail:  rapid.Bool().Draw(t, "stopOnFail"),
		failDegrade: rapid.Bool().Draw(t, "failDegraded"),
		stopAt:      drawDuration(t, "stopAt") * 4,
		hurry:       rapid.Bool().Draw(t, "hurry"),
	}
	for i := range n {
		f := &fake{index: i, oneShot: rapid.IntRange(0, 3).Draw(t, "oneShot") == 0}
		for range rapid.IntRange(1, 3).Draw(t, "scripts") {
			sc := script{
				readyAfter: drawDuration(t, "ready"),
				endAfter:   maybeNever(t, "end", 3),
				fails:      rapid.Bool().Draw(t, "fails"),
				sickAfter:  maybeNever(t, "sick", 6),
				stopTakes:  drawDuration(t, "stop"),
			}
			if f.oneShot {
				sc.readyAfter, sc.sickAfter = -1, -1
				sc.endAfter = drawDuration(t, "end")
			}
			f.scripts = append(f.scripts, sc)
		}
		p := policy{
			id:       fmt.Sprint("unit.", i),
			critical: rapid.Bool().Draw(t, "critical"),
			oneShot:  f.oneShot,
			first:    spec.Start{Attempts: rapid.IntRange(1, 3).Draw(t, "attempts"), Backoff: spec.DefaultBackoff},
			restart: spec.Restart{
				On:         rapid.SampledFrom([]string{"always", "failure", "never"}).Draw(t, "on"),
				Limit:      rapid.IntRange(0, 3).Draw(t, "limit"),
				Within:     spec.Duration(time.Minute),
				AgainAfter: spec.Duration(rapid.SampledFrom([]time.Duration{0, time.Second}).Draw(t, "again")),
				Backoff:    spec.DefaultBackoff,
			},
			restartUnhealthy: rapid.Bool().Draw(t, "restartUnhealthy"),
			restartWithNeeds: rapid.Bool().Draw(t, "restartWithNeeds"),
		}
		for j := range i {
			if rapid.IntRange(0, 3).Draw(t, "edge") != 0 {
				continue
			}
			condition := rapid.SampledFrom([]string{"ready", "ready", "started"}).Draw(t, "condition")
			if s.members[j].oneShot {
				condition = "completed"
			}
			p.needs = append(p.needs, need{unit: j, condition: condition, soft: rapid.IntRange(0, 3).Draw(t, "soft") == 0})
		}
		s.fakes = append(s.fakes, f)
		s.members = append(s.members, &member{policy: p, kind: "service", work: f})
	}
	return s
}

func (s *scenario) world() *world {
	n := len(s.members)
	w := &world{
		members: s.members, dependents: make([][]int, n), live: make([]bool, n),
		executing: make([]bool, n), ready: make([]bool, n), completed: make([]bool, n),
		changed: make([]time.Time, n), settledAt: make([]State, n), unsettled: make([]time.Time, n),
	}
	for i, f := range s.fakes {
		f.world = w
		for _, nd := range s.members[i].needs {
			w.dependents[nd.unit] = append(w.dependents[nd.unit], i)
		}
	}
	return w
}

// play runs a scenario in a bubble and returns what was wrong.
func (s *scenario) play(t *testing.T) []string {
	w := s.world()
	synctest.Test(t, func(*testing.T) {
		var c *core
		observe := func(ev event.Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if ev.Kind != event.Transition {
				return
			}
			var i int
			fmt.Sscanf(ev.Unit, "unit.%d", &i)
			if settled(w.settledAt[i]) && !settled(State(ev.To)) {
				w.unsettled[i] = time.Now()
			}
			w.settledAt[i] = State(ev.To)
		}
		c = newCore(s.members, watcher{observe: observe})
		c.machine.parallelism = s.parallelism
		c.machine.stopOnFail, c.machine.failDegraded = s.stopOnFail, s.failDegrade
		ended := make(chan Result, 1)
		go func() { ended <- c.run(context.Background()) }()
		time.Sleep(s.stopAt) // of the bubble's clock
		synctest.Wait()
		s.explained(c, w)
		c.stop("test")
		if s.hurry {
			c.quicken()
		}
		select {
		case <-ended:
		case <-time.After(time.Hour):
			w.problem("the shutdown never ends")
			return
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		for i, live := range w.live {
			if live {
				w.problem("%d is left running", i)
			}
		}
		units := c.snapshot().units
		for _, u := range units {
			if u.State != Stopped && u.State != Completed && u.State != Failed {
				w.problem("%s ended as %s", u.ID, u.State)
			}
		}
	})
	return w.problems
}

// explained checks invariant 4: whatever does not run says why, and what it
// waits for.
func (s *scenario) explained(c *core, w *world) {
	units := c.snapshot().units
	difference := stale(c)
	starting := 0
	for _, u := range units {
		if u.State == Starting {
			starting++
		}
	}
	full := s.parallelism > 0 && starting >= s.parallelism
	w.mu.Lock()
	defer w.mu.Unlock()
	if difference != "" {
		w.problem("%s", difference)
	}
	for _, u := range units {
		switch {
		case u.State == Pending && len(u.WaitingFor) == 0 && !full:
			w.problem("%s is pending and waits for nothing", u.ID)
		case u.State == Blocked && (u.Cause == "" || len(u.WaitingFor) == 0):
			w.problem("%s is blocked without a cause", u.ID)
		case u.State == Backoff && u.Next.IsZero():
			w.problem("%s is in backoff without a next attempt", u.ID)
		case u.State == Failed && u.Cause == "":
			w.problem("%s failed without a cause", u.ID)
		}
	}
}

func TestInvariantsHoldInRandomSystems(t *testing.T) {
	oneProcessor(t)
	rapid.Check(t, func(rt *rapid.T) {
		s := drawScenario(rt)
		if problems := s.play(t); len(problems) > 0 {
			rt.Fatalf("%q", problems)
		}
	})
}

// Invariant 2: with fixed ready-times, up takes exactly the critical path.
func TestUpTakesTheCriticalPath(t *testing.T) {
	oneProcessor(t)
	rapid.Check(t, func(rt *rapid.T) {
		s := drawScenario(rt)
		s.parallelism = 0
		longest := make([]time.Duration, len(s.members))
		var critical time.Duration
		for i, f := range s.fakes {
			f.scripts = []script{{readyAfter: drawDuration(rt, "ready"), endAfter: -1, sickAfter: -1}}
			took := f.scripts[0].readyAfter
			if f.oneShot {
				f.scripts[0].endAfter, f.scripts[0].readyAfter = took, -1
			}
			for _, n := range s.members[i].needs {
				from := longest[n.unit]
				if n.condition == "started" {
					from -= s.fakes[n.unit].scripts[0].readyAfter
				}
				longest[i] = max(longest[i], from)
			}
			longest[i] += took
			critical = max(critical, longest[i])
		}
		s.world()
		synctest.Test(t, func(*testing.T) {
			var took time.Duration
			began := time.Now()
			var c *core
			c = newCore(s.members, watcher{settled: func(Health, string) {
				took = time.Since(began)
				go c.stop("test")
			}})
			c.run(context.Background())
			if took != critical {
				rt.Errorf("took %s, and the critical path is %s", took, critical)
			}
		})
	})
}
