package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/syndicate/syndicate/engine/event"
	"github.com/syndicate/syndicate/spec"
)

// blueprint is one definition of a unit in a changing system.
type blueprint struct {
	id       string
	version  int // of what runs: another one needs another run
	policy   int // of what does not
	oneShot  bool
	critical bool
	keep     bool // whether it lets dependencies restart without it
	claim    string
	needs    map[string]need // by unit; need.unit does not count
	// what its runs do
	readyAfter, stopTakes time.Duration
	fails                 bool // every run ends before it is ready
	crashAfter            time.Duration
}

func (b *blueprint) digests() (all, run string) {
	return fmt.Sprint(b.version, " ", b.policy), fmt.Sprint(b.version)
}

// town is the truth about a changing system. Guarded by mu.
type town struct {
	mu       sync.Mutex
	live     map[string]*blueprint
	latest   map[string]*blueprint // as declared last
	ready    map[string]*blueprint
	done     map[string]*blueprint
	changed  map[string]time.Time
	begun    map[string]int
	states   map[string]State
	problems []string
	epoch    int // how many engines have died
	// what outlives an engine
	held, completed map[string]string
}

func (w *town) problem(format string, args ...any) {
	w.problems = append(w.problems, fmt.Sprintf(format, args...))
}

// resident is the work of one blueprint.
type resident struct {
	town *town
	*blueprint
	epoch int
}

func (r *resident) run(ctx context.Context, a *attempt) Outcome {
	r.arrive()
	defer r.leave()
	a.started(1)
	crash := never(r.crashAfter)
	ready := time.After(r.readyAfter)
	for {
		select {
		case <-ready:
			if r.fails {
				return Outcome{Err: errors.New("exit status 1"), Exit: "exit status 1"}
			}
			if r.oneShot {
				r.town.mu.Lock()
				r.town.done[r.id], r.town.changed[r.id] = r.blueprint, time.Now()
				r.town.mu.Unlock()
				return Outcome{Clean: true}
			}
			r.town.mu.Lock()
			r.town.ready[r.id], r.town.changed[r.id] = r.blueprint, time.Now()
			r.town.mu.Unlock()
			a.ready()
		case <-crash:
			return Outcome{Err: errors.New("exit status 2"), Exit: "exit status 2"}
		case <-ctx.Done():
			if r.dead() {
				return Outcome{Err: context.Cause(ctx)}
			}
			r.check(context.Cause(ctx).Error())
			time.Sleep(r.stopTakes) // of the bubble's clock
			return Outcome{Err: context.Cause(ctx), Exit: "signal: terminated"}
		}
	}
}

func never(d time.Duration) <-chan time.Time {
	if d == 0 {
		return nil
	}
	return time.After(d)
}

// arrive checks that the start may be: no other run of this unit, nobody
// else with its claim, every need met right now.
func (r *resident) arrive() {
	w := r.town
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.epoch != r.epoch {
		return // its engine died before it began
	}
	if w.live[r.id] != nil {
		w.problem("%s runs twice", r.id)
	}
	for id, other := range w.live {
		if r.claim != "" && other.claim == r.claim {
			w.problem("%s starts while %s has %s", r.id, id, r.claim)
		}
	}
	for id, n := range r.needs {
		holds := w.ready[id] != nil
		if n.condition == "completed" {
			holds = w.done[id] != nil && w.live[id] == nil
		}
		dead := w.states[id] == Failed || w.states[id] == Blocked || w.states[id] == Stopped
		if !holds && !(n.soft && dead) && w.changed[id].Before(time.Now()) {
			w.problem("%s starts although %s is not %s", r.id, id, n.condition)
		}
	}
	w.live[r.id], w.changed[r.id] = r.blueprint, time.Now()
	w.begun[r.id]++
}

// dead reports whether the engine that began this run was killed: its
// processes have ended with it.
func (r *resident) dead() bool {
	r.town.mu.Lock()
	defer r.town.mu.Unlock()
	return r.town.epoch != r.epoch
}

func (r *resident) leave() {
	w := r.town
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.epoch != r.epoch {
		return
	}
	delete(w.live, r.id)
	delete(w.ready, r.id)
	w.changed[r.id] = time.Now()
}

// check looks at the order of a stop for good: what needs this unit to run
// is gone before.
func (r *resident) check(cause string) {
	w := r.town
	w.mu.Lock()
	defer w.mu.Unlock()
	if !strings.Contains(cause, "no longer declared") && !strings.Contains(cause, "held") && !strings.Contains(cause, "the end") {
		return
	}
	if now := w.latest[r.id]; now != nil && now.version != r.version {
		return // amid a change: what is needed by now is the one to come
	}
	for id, other := range w.live {
		if now := w.latest[id]; now != nil && now.version == other.version {
			other = now
		}
		n, ok := other.needs[r.id]
		if ok && !n.soft && n.condition != "completed" {
			w.problem("%s is stopped (%s) while %s runs and needs it", r.id, cause, id)
		}
	}
}

// story is a random system, and what happens to it.
type story struct {
	town  *town
	first []*blueprint
	acts  []act
	settings
}

// act changes what is declared, or tells units something.
type act struct {
	wait    time.Duration
	declare []*blueprint // nil: a command
	undo    bool
	kill    bool          // of the engine
	cut     time.Duration // when everything is stopped amid the change, or 0
	verb    string
	units   []string
}

func drawStory(t *rapid.T) *story {
	s := &story{town: &town{
		live: map[string]*blueprint{}, latest: map[string]*blueprint{}, ready: map[string]*blueprint{}, done: map[string]*blueprint{},
		changed: map[string]time.Time{}, begun: map[string]int{}, states: map[string]State{},
		held: map[string]string{}, completed: map[string]string{},
	}}
	s.parallelism = rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "parallelism")
	versions := 0 // drawn so far: no two definitions of a unit share one
	s.first = drawTown(t, nil, &versions)
	now := s.first
	for range rapid.IntRange(1, 5).Draw(t, "acts") {
		a := act{wait: drawDuration(t, "wait")}
		switch kind := rapid.IntRange(0, 6).Draw(t, "kind"); {
		case kind == 6:
			a.kill = true
		case kind > 1:
			now = drawTown(t, now, &versions)
			a.declare, a.undo = now, rapid.Bool().Draw(t, "undo")
			a.cut = maybeNever(t, "cut", 6)
		default:
			a.verb = rapid.SampledFrom([]string{verbStart, verbStop, verbStop, verbRestart}).Draw(t, "verb")
			a.units = []string{fmt.Sprint("unit.", rapid.IntRange(0, 9).Draw(t, "unit"))}
		}
		s.acts = append(s.acts, a)
	}
	return s
}

// drawTown draws a system, as an edit of another one where there is one.
func drawTown(t *rapid.T, before []*blueprint, versions *int) []*blueprint {
	var list []*blueprint
	places := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	if rapid.IntRange(0, 2).Draw(t, "reorder") == 0 { // what needed another may be needed by it
		places = rapid.Permutation(places).Draw(t, "order")
	}
	for _, i := range places {
		id := fmt.Sprint("unit.", i)
		at := slices.IndexFunc(before, func(b *blueprint) bool { return b.id == id })
		if rapid.IntRange(0, 4).Draw(t, "there") == 0 {
			continue
		}
		b := &blueprint{id: id}
		if at >= 0 {
			*b = *before[at]
		}
		if at < 0 || rapid.IntRange(0, 3).Draw(t, "edit") == 0 {
			*versions++
			b.version = *versions
			b.oneShot = at >= 0 && b.oneShot || at < 0 && rapid.IntRange(0, 4).Draw(t, "oneShot") == 0
			b.critical = rapid.IntRange(0, 3).Draw(t, "critical") > 0
			b.keep = rapid.Bool().Draw(t, "keep")
			b.readyAfter, b.stopTakes = drawDuration(t, "ready"), drawDuration(t, "stop")
			b.fails = rapid.IntRange(0, 9).Draw(t, "fails") == 0
			b.crashAfter = 0
			if rapid.IntRange(0, 5).Draw(t, "crashes") == 0 {
				b.crashAfter = drawDuration(t, "crash") + 10*time.Second
			}
			b.claim = ""
			if rapid.IntRange(0, 1).Draw(t, "claims") == 0 {
				b.claim = fmt.Sprint("port ", rapid.IntRange(1, 4).Draw(t, "port"))
			}
		} else if rapid.IntRange(0, 3).Draw(t, "policy") == 0 {
			b.policy++
		}
		if slices.ContainsFunc(list, func(o *blueprint) bool { return b.claim != "" && o.claim == b.claim }) {
			*versions++
			b.claim, b.version = "", *versions
		}
		b.needs = map[string]need{}
		for _, o := range list {
			if rapid.IntRange(0, 3).Draw(t, "edge") == 0 {
				n := need{condition: "ready", soft: rapid.IntRange(0, 4).Draw(t, "soft") == 0}
				if o.oneShot {
					n.condition = "completed"
				}
				b.needs[o.id] = n
			}
		}
		list = append(list, b)
	}
	return list
}

func (s *story) members(list []*blueprint, undo bool) []*member {
	var members []*member
	for _, b := range list {
		m := &member{kind: "service", work: &resident{s.town, b, s.town.epoch}, policy: policy{
			id: b.id, critical: b.critical, oneShot: b.oneShot, restartUnhealthy: true, restartWithNeeds: !b.keep,
			first:   spec.Start{Attempts: 2, Backoff: spec.DefaultBackoff},
			restart: spec.Restart{On: "always", Limit: 2, Within: spec.Duration(time.Minute), Backoff: spec.DefaultBackoff},
			why:     "its definition changed",
		}}
		m.digest, m.runDigest = b.digests()
		if b.claim != "" {
			m.claims = []string{b.claim}
		}
		for i, o := range list {
			if n, ok := b.needs[o.id]; ok {
				n.unit = i
				m.needs = append(m.needs, n)
			}
		}
		members = append(members, m)
	}
	return members
}

// inPlace has runs go by what their units need by the new declaration.
func (s *story) inPlace(list []*blueprint) {
	s.town.mu.Lock()
	defer s.town.mu.Unlock()
	for _, b := range list {
		s.town.latest[b.id] = b
		if r := s.town.live[b.id]; r != nil && r.version == b.version {
			s.town.live[b.id] = b
		}
	}
}

// tell hands an operation to a core and waits for its end.
func (s *story) tell(c *core, ended chan *operation, ev any) *operation {
	c.send(ev)
	select {
	case op := <-ended:
		return op
	case <-c.done:
		return nil
	case <-time.After(time.Hour):
		units := c.snapshot().units
		s.town.problem("an operation never ends: %+v", units)
		return nil
	}
}

// life is one engine, from its begin to its end or death.
type life struct {
	core    *core
	ended   chan *operation
	settled chan struct{}
	over    chan struct{}
}

// begin starts an engine, with what the ones before have left on record. It
// reports whether it came up.
func (s *story) begin(declared []*blueprint) (*life, bool) {
	w := s.town
	before, _ := s.runs()
	w.mu.Lock()
	epoch := w.epoch
	held, completed := maps.Clone(w.held), maps.Clone(w.completed)
	clear(w.states)
	w.mu.Unlock()
	record := func(f func()) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.epoch == epoch {
			f()
		}
	}
	l := &life{ended: make(chan *operation, 10), settled: make(chan struct{}, 1), over: make(chan struct{})}
	l.core = newCore(s.members(declared, false), watcher{
		observe: func(ev event.Event) {
			record(func() { w.states[ev.Unit], w.changed[ev.Unit] = State(ev.To), time.Now() })
		},
		settled: func(Health, string) { l.settled <- struct{}{} },
		ended:   func(op *operation) { l.ended <- op },
		held: func(unit, by string) {
			record(func() {
				if w.held[unit] = by; by == "" {
					delete(w.held, unit)
				}
			})
		},
		completed: func(unit, digest string) { record(func() { w.completed[unit] = digest }) },
	})
	l.core.machine.configure(s.settings)
	l.core.machine.remember(held, completed)
	go func() {
		defer close(l.over)
		l.core.run(context.Background())
	}()
	select {
	case <-l.settled:
	case <-l.over: // a critical unit failed
		return l, false
	case <-time.After(time.Hour):
		w.problem("up never ends")
		return l, false
	}
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range declared {
		_, run := b.digests()
		switch {
		case held[b.id] != "" && w.live[b.id] != nil:
			w.problem("%s runs although it was held before the engine died", b.id)
		case b.oneShot && completed[b.id] == run && w.begun[b.id] > before[b.id]:
			w.problem("%s had completed in this life and ran again", b.id)
		}
	}
	return l, true
}

// kill is the death of an engine and of all that it runs.
func (s *story) kill(l *life) {
	w := s.town
	w.mu.Lock()
	w.epoch++
	clear(w.live)
	clear(w.ready)
	w.mu.Unlock()
	l.core.quicken()
	l.core.stop("killed")
	<-l.over
}

func (s *story) play(t *testing.T) []string {
	w := s.town
	synctest.Test(t, func(*testing.T) {
		declared := s.first
		l, up := s.begin(declared)
		for _, a := range s.acts {
			if !up {
				break
			}
			time.Sleep(a.wait)
			if a.kill {
				s.kill(l)
				l, up = s.begin(declared)
				continue
			}
			if a.cut > 0 {
				s.inPlace(a.declare)
				l.core.send(evApply{op: newOperation(), members: s.members(a.declare, a.undo), settings: s.settings})
				time.Sleep(a.cut)
				break
			}
			declared = s.enact(l.core, l.ended, a, declared)
		}
		l.core.stop("the end")
		select {
		case <-l.over:
		case <-time.After(time.Hour):
			units := l.core.snapshot().units
			w.mu.Lock()
			w.problem("the shutdown never ends: %+v", units)
			w.mu.Unlock()
		}
		s.leftOver()
	})
	return w.problems
}

func (s *story) leftOver() {
	s.town.mu.Lock()
	defer s.town.mu.Unlock()
	if len(s.town.live) > 0 {
		s.town.problem("left running: %v", slices.Sorted(maps.Keys(s.town.live)))
	}
}

// enact plays one act, and returns what is declared afterwards.
func (s *story) enact(c *core, ended chan *operation, a act, declared []*blueprint) []*blueprint {
	if a.declare == nil {
		op := newOperation()
		s.tell(c, ended, evCommand{op: op, verb: a.verb, units: a.units, why: map[string]string{verbStop: heldPrefix + "(held)"}[a.verb] + " by a test"})
		s.compare(c, declared)
		return declared
	}
	before, was := s.runs()
	synctest.Wait()
	s.inPlace(a.declare)
	op := newOperation()
	op.undo = a.undo
	if s.tell(c, ended, evApply{op: op, members: s.members(a.declare, a.undo), settings: s.settings}) == nil {
		return declared
	}
	if !(op.undo && op.grave) {
		s.untouched(before, was, declared, a.declare)
		s.compare(c, a.declare)
		s.again(c, ended, a.declare)
		return a.declare
	}
	synctest.Wait()
	s.inPlace(declared)
	back := newOperation()
	back.back = op
	if s.tell(c, ended, evApply{op: back, members: s.members(declared, false), settings: s.settings}) != nil {
		s.compare(c, declared)
		s.again(c, ended, declared)
	}
	return declared
}

// again declares what is in force once more: that does nothing, but to start
// again what has failed.
func (s *story) again(c *core, ended chan *operation, declared []*blueprint) {
	before, was := s.runs()
	if s.tell(c, ended, evApply{op: newOperation(), members: s.members(declared, false), settings: s.settings}) == nil {
		return
	}
	after, _ := s.runs()
	s.town.mu.Lock()
	failed := slices.Contains(slices.Collect(maps.Values(was)), Failed)
	for _, b := range declared {
		// While what has failed is tried time passes, in which others crash.
		alone := b.crashAfter == 0 && !b.fails && b.keep && len(b.needs) == 0 && was[b.id] != Failed
		if (!failed || alone) && after[b.id] != before[b.id] {
			s.town.problem("%s was %s and is started by an empty change", b.id, was[b.id])
		}
	}
	s.town.mu.Unlock()
	s.compare(c, declared)
}

func (s *story) runs() (map[string]int, map[string]State) {
	synctest.Wait()
	s.town.mu.Lock()
	defer s.town.mu.Unlock()
	return maps.Clone(s.town.begun), maps.Clone(s.town.states)
}

// untouched checks that what did not change was left alone.
func (s *story) untouched(before map[string]int, was map[string]State, old, now []*blueprint) {
	s.town.mu.Lock()
	defer s.town.mu.Unlock()
	for _, b := range now {
		at := slices.IndexFunc(old, func(o *blueprint) bool { return o.id == b.id })
		same := at >= 0 && old[at].version == b.version && b.crashAfter == 0 && !b.fails && b.keep
		if same && len(b.needs) == 0 && was[b.id] == Ready && s.town.begun[b.id] > before[b.id] {
			s.town.problem("%s did not change and was started again", b.id)
		}
	}
}

// compare checks that what is in force is what is declared.
func (s *story) compare(c *core, declared []*blueprint) {
	synctest.Wait()
	got := c.definitions()
	units := c.snapshot().units
	difference := stale(c)
	s.town.mu.Lock()
	defer s.town.mu.Unlock()
	if difference != "" {
		s.town.problem("%s", difference)
	}
	for _, u := range units {
		switch {
		case (u.State == Pending || u.State == Blocked) && len(u.WaitingFor) == 0:
			s.town.problem("%s is %s and does not say what it waits for", u.ID, u.State)
		case u.State == Stopped && u.Held == "":
			s.town.problem("%s is stopped, and nobody stopped it", u.ID)
		}
	}
	for _, b := range declared {
		digest, run := b.digests()
		m := got[b.id]
		switch {
		case m == nil:
			s.town.problem("%s is declared and not there", b.id)
		case m.digest != digest || m.runDigest != run:
			s.town.problem("%s is in force as %q, declared as %q", b.id, m.digest, digest)
		case s.town.live[b.id] != nil && s.town.live[b.id].version != b.version:
			s.town.problem("%s runs as version %d, declared as %d", b.id, s.town.live[b.id].version, b.version)
		}
		delete(got, b.id)
	}
	for id := range got {
		s.town.problem("%s is there and not declared", id)
	}
}

func TestAChangingSystemKeepsTheInvariants(t *testing.T) {
	oneProcessor(t)
	rapid.Check(t, func(rt *rapid.T) {
		s := drawStory(rt)
		if problems := s.play(t); len(problems) > 0 {
			rt.Fatalf("%s", strings.Join(problems, "\n"))
		}
	})
}
