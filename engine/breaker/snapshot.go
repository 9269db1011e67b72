package breaker

import "time"

// Snapshot is a guard at one moment.
type Snapshot struct {
	State  State
	Mode   Mode
	Since  time.Time // of the state
	Reason string    // why it is in it; empty for one that is new
	Until  time.Time // when Open ends; zero in other states
	// InRow are the failures in a row, and WindowCalls and WindowFailures
	// what the window of a rate holds.
	InRow                       int
	WindowCalls, WindowFailures int
	Numbers                     Numbers
	Recent                      Recent
	Failures                    []Evidence // the last ones, oldest first
}

// Passes reports whether the state and mode let every call through.
func (s Snapshot) Passes() bool {
	switch s.Mode {
	case ForcedOpen:
		return false
	case ForcedClosed, Observe:
		return true
	}
	return s.State == Closed
}

// Snapshot looks at a guard.
func (g *Guard) Snapshot() Snapshot {
	now := time.Now()
	g.mu.Lock()
	c := g.core
	c.advance(now)
	s := Snapshot{
		State: c.state(), Mode: c.mode, Since: c.since, Reason: c.reason, InRow: c.row,
		Numbers: g.counted.Numbers, Recent: g.counted.recent(c.span(now)), Failures: c.failed.list(),
	}
	s.Numbers.Opened = c.times
	switch s.State {
	case Open:
		s.Until = c.until
	case Closed:
		t := total(&c.window, c.span(now))
		s.WindowCalls, s.WindowFailures = int(t.successes)+int(t.failures), int(t.failures)
	}
	g.unlock()
	return s
}

// Record is what survives a restart.
type Record struct {
	// Rule is what Row, Outcomes and Window were counted under, SlowCall and
	// Judge too: under another one they say nothing.
	Rule     Rule          `json:"rule"`
	SlowCall time.Duration `json:"slow_call_ns,omitempty"`
	Judge    string        `json:"judge,omitempty"`

	Mode   Mode      `json:"mode"`
	State  State     `json:"state"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until,omitzero"` // of Open: never without
	Reason string    `json:"reason,omitempty"`
	ByHand bool      `json:"by_hand,omitempty"`
	Opens  int       `json:"opens,omitempty"`

	// Outcomes are the last calls of a count rule, oldest first: "01" is a
	// success and a failure after it.
	Outcomes string         `json:"outcomes,omitempty"`
	Window   []WindowRecord `json:"window,omitempty"`
	Failures []Evidence     `json:"failures,omitempty"`
}

// WindowRecord is a slice of the window of a rate.
type WindowRecord struct {
	End       time.Time `json:"end"`
	Successes uint32    `json:"successes"`
	Failures  uint32    `json:"failures"`
}

// Unsaved has a value once Record holds something new since the last one was
// received. It is for one goroutine.
func (g *Guard) Unsaved() <-chan struct{} { return g.unsaved }

// revised notes that Record holds something new. The lock is held.
func (g *Guard) revised() {
	g.revision++
	select {
	case g.unsaved <- struct{}{}:
	default:
	}
}

// Record takes down what a restart is to restore.
func (g *Guard) Record() Record {
	r, _ := g.recorded()
	return r
}

func (g *Guard) recorded() (Record, uint64) {
	now := time.Now()
	g.mu.Lock()
	defer g.unlock()
	r := g.core.record(now)
	return r, g.revision
}

// Save has a record written, one at a time and never an older one after a
// newer: what write was called with last is the newest that Save has seen.
func (g *Guard) Save(write func(Record)) {
	r, revision := g.recorded()
	g.saving.Lock()
	defer g.saving.Unlock()
	if revision >= g.saved {
		g.saved = revision
		write(r)
	}
}

func (c *core) record(now time.Time) Record {
	c.advance(now)
	r := Record{
		Rule: c.cfg.Rule, SlowCall: c.cfg.SlowCall, Judge: c.cfg.Judge,
		Mode: c.mode, State: c.state(), Since: c.since, Reason: c.reason, Opens: c.opens, Failures: c.failed.list(),
	}
	switch r.State {
	case Open:
		r.Until, r.ByHand = c.until, c.byHand
	case Closed:
		r.Outcomes = c.outcomes.text()
		c.window.now(c.span(now))
		for n := int64(windowSlices - 1); n >= 0; n-- {
			if t := c.window.back(n); t.successes+t.failures > 0 {
				r.Window = append(r.Window, WindowRecord{now.Add(-time.Duration(n) * c.window.width), t.successes, t.failures})
			}
		}
	}
	return r
}

// Restore goes on from a record, in a guard that is new. It is told as a
// change where the record is not of a closed breaker. What no longer holds,
// or cannot be true, is left out:
//
//   - an open breaker stays open for what is left of its time, and never for
//     longer than the record says it was to be, whatever the clock did since;
//   - one that was half-open tries again;
//   - what was counted under another rule is forgotten, and what is older
//     than the window.
func (g *Guard) Restore(r Record) {
	now := time.Now()
	g.mu.Lock()
	defer g.unlock()
	g.core.restore(r, now)
	g.revised()
}

func (c *core) restore(r Record, now time.Time) {
	c.mode, c.opens = r.Mode, max(0, r.Opens)
	for _, e := range r.Failures {
		c.failed.add(e)
	}
	c.build(now)
	switch r.State {
	case Open:
		// Wall clocks: those of the record have no other.
		left := min(r.Until.Sub(now.Round(0)), r.Until.Sub(r.Since))
		if !r.ByHand {
			left = min(left, c.cfg.MaxResetTimeout)
		}
		c.open(now, max(0, left), r.Reason)
		c.byHand, c.times = r.ByHand, 0 // that was in another life
		if r.Since.Before(now) {
			c.since = r.Since
		}
	case HalfOpen:
		c.open(now, 0, "a trial was under way")
		c.times = 0
	default:
		c.since = now.Add(-max(0, now.Round(0).Sub(r.Since)))
		c.reason = r.Reason
		if r.Rule == c.cfg.Rule && r.SlowCall == c.cfg.SlowCall && r.Judge == c.cfg.Judge {
			c.recount(r, now)
		}
	}
	if c.mode != Auto && len(c.changes) == 0 {
		c.changed(now, "still forced to "+c.mode.String())
	}
}

// recount counts what a record holds, as far as it could have been counted
// without opening.
func (c *core) recount(r Record, now time.Time) {
	if c.cfg.Rule.Rate == 0 {
		c.replay(outcomesOf(r.Outcomes, c.cfg.Rule))
		return
	}
	c.window.now(c.span(now))
	for _, w := range r.Window {
		age := now.Round(0).Sub(w.End)
		if age < 0 || age >= c.cfg.Rule.Over {
			continue
		}
		if t := c.window.back(int64(age / c.window.width)); t != nil {
			t.successes += w.Successes
			t.failures += w.Failures
		}
	}
}

// outcomesOf reads the outcomes of a record; one that its rule would have
// opened on is wrong, and counts for nothing.
func outcomesOf(text string, rule Rule) []bool {
	var list []bool
	failures := 0
	for _, c := range text {
		list = append(list, c == '1')
		if c == '1' {
			failures++
		}
	}
	if failures >= rule.Failures || len(list) > rule.Of {
		return nil
	}
	return list
}
