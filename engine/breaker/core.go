package breaker

import (
	"math"
	"strconv"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// forever is the delay of failsafe-go's breaker, which never half-opens by
// itself: the core knows until when, so that the same time serves an
// upstream's Retry-After, growing delays, trips by hand and restarts.
const forever = time.Duration(math.MaxInt64)

// epochSpan is the span of the moment a core is made, so that slices from
// before it have a number.
const epochSpan = time.Duration(1) << 60

// core decides. It has no lock, no clock and calls nobody; each method is
// one step from a state to the next at the given moment.
type core struct {
	cfg     Config
	epoch   time.Time
	machine circuitbreaker.CircuitBreaker[any]

	// gen counts the changes of state. A permit that carries another one is
	// stale; 0 is never one.
	gen     uint64
	mode    Mode
	since   time.Time // of this state
	reason  string    // why it is in this state
	by      string    // who put it there; empty: it did itself
	opening string    // why it opened last
	until   time.Time // when Open ends
	asked   time.Time // until when the other side asked for it, if it did
	byHand  bool      // Open by trip: no bound holds
	times   uint64    // how often it opened, ever
	opens   int       // how often in a row it opened, each soon after the last
	refusal *OpenError

	// In Closed:
	row      int // failures in a row
	outcomes outcomes
	window   window[tally]
	// In HalfOpen:
	spare  int       // places that neutral calls gave back
	lastIn time.Time // when the last place was taken

	failed failures

	// changes are those not told yet; was is the state after the last.
	changes []Change
	was     State
}

func newCore(cfg Config, now time.Time) *core {
	c := &core{cfg: cfg, epoch: now, gen: 1, since: now}
	c.build(now)
	return c
}

// build makes the machine anew, closed and with nothing counted.
func (c *core) build(now time.Time) {
	b := circuitbreaker.NewBuilder[any]().WithDelay(forever).
		WithSuccessThresholdRatio(uint(c.cfg.Successes), uint(c.cfg.Calls))
	if c.cfg.Rule.Rate == 0 {
		b = b.WithFailureThresholdRatio(uint(c.cfg.Rule.Failures), uint(c.cfg.Rule.Of))
	}
	c.machine = b.Build()
	c.forget(now)
}

// forget empties what Closed counts.
func (c *core) forget(now time.Time) {
	c.row, c.outcomes = 0, outcomes{}
	c.window = newWindow[tally](c.cfg.Rule.Over, c.span(now))
}

func (c *core) span(now time.Time) time.Duration { return epochSpan + now.Sub(c.epoch) }

func (c *core) state() State { return stateOf(c.machine.State()) }

// entered begins a new generation.
func (c *core) entered(now time.Time, reason string) {
	c.gen++
	c.since, c.reason, c.by = now, reason, ""
	c.spare = 0
	c.changed(now, reason)
}

// changed notes a change for those who are told.
func (c *core) changed(now time.Time, reason string) {
	c.refusal = nil
	change := Change{Time: now, From: c.was, To: c.state(), Mode: c.mode, Reason: reason}
	if change.To == Open {
		change.Until = c.until
	}
	c.was = change.To
	c.changes = append(c.changes, change)
}

// advance goes from Open to HalfOpen once it is time.
func (c *core) advance(now time.Time) {
	if c.state() == Open && !now.Before(c.until) {
		c.machine.HalfOpen()
		c.entered(now, "its time is over")
	}
}

// permit asks for a call. The generation it returns is 0 where the outcome
// is to move nothing.
func (c *core) permit(now time.Time) (gen uint64, refused *OpenError) {
	c.advance(now)
	if c.mode == ForcedClosed {
		return 0, nil
	}
	if c.mode != ForcedOpen {
		switch c.state() {
		case Closed:
			return c.gen, nil
		case HalfOpen:
			if c.spare > 0 {
				c.spare--
				c.lastIn = now
				return c.gen, nil
			}
			if c.machine.TryAcquirePermit() {
				c.lastIn = now
				return c.gen, nil
			}
			if now.Sub(c.lastIn) >= c.cfg.ProbeTimeout {
				c.fail(now, Evidence{}, "no call of the trial came back within "+c.cfg.ProbeTimeout.String())
			}
		}
	}
	return 0, c.refuse()
}

// refuse returns why not. The same error serves until the next change.
func (c *core) refuse() *OpenError {
	if c.refusal != nil {
		return c.refusal
	}
	c.refusal = &OpenError{State: Open, Until: c.until, Reason: c.reason}
	switch {
	case c.mode == ForcedOpen:
		c.refusal.Until, c.refusal.Reason = time.Time{}, "it is forced open"
	case c.state() == HalfOpen:
		c.refusal.State = HalfOpen
		c.refusal.Until = c.lastIn
		c.refusal.Reason = "its trial of " + inWords(c.cfg.Calls, "call", "calls") + " is under way"
	}
	return c.refusal
}

// success records that a call went well.
func (c *core) success(gen uint64, now time.Time) {
	if gen != c.gen {
		return
	}
	switch c.state() {
	case Closed:
		c.row = 0
		if c.cfg.Rule.Rate > 0 {
			c.window.now(c.span(now)).successes++
			return
		}
		c.outcomes.add(false, c.cfg.Rule.Of)
		c.machine.RecordSuccess()
	case HalfOpen:
		if c.machine.RecordSuccess(); c.state() == Closed {
			c.closed(now, inWords(c.cfg.Successes, "call", "calls")+" of the trial succeeded")
		}
	}
}

// failure records that a call failed.
func (c *core) failure(gen uint64, now time.Time, e Evidence) {
	c.failed.add(e)
	if gen != c.gen {
		return
	}
	rule := c.cfg.Rule
	switch c.state() {
	case Closed:
		c.row++
		if rule.Rate > 0 {
			c.window.now(c.span(now)).failures++
			t := total(&c.window, c.span(now))
			n := t.successes + t.failures
			if int64(n) < int64(rule.MinCalls) || float64(t.failures) < rule.Rate*float64(n) {
				return
			}
			c.opened(now, e, strconv.Itoa(int(t.failures))+" of "+inWords(int(n), "call", "calls")+" within "+rule.Over.String()+" failed")
			return
		}
		c.outcomes.add(true, rule.Of)
		if c.machine.RecordFailure(); c.state() != Open {
			return
		}
		if rule.Of == rule.Failures {
			c.opened(now, e, inWords(rule.Failures, "failure", "failures")+" in a row")
		} else {
			c.opened(now, e, strconv.Itoa(rule.Failures)+" of the last "+inWords(rule.Of, "call", "calls")+" failed")
		}
	case HalfOpen:
		if c.machine.RecordFailure(); c.state() == Open {
			c.fail(now, e, "its trial failed: "+e.String())
		}
	}
}

// neutral gives a call's place in a trial back.
func (c *core) neutral(gen uint64) {
	if gen == c.gen && c.state() == HalfOpen {
		c.spare++
	}
}

// throttled opens it for as long as the other side asked for, whatever the
// rule says: it has told us itself.
func (c *core) throttled(gen uint64, now time.Time, e Evidence) {
	if gen != c.gen || e.RetryAfter <= 0 {
		c.neutral(gen)
		return
	}
	c.open(now, min(e.RetryAfter, c.cfg.MaxResetTimeout), "the upstream asked to be left alone for "+rounded(e.RetryAfter).String())
	c.asked = now.Add(e.RetryAfter)
}

// opened opens it from Closed by its rule.
func (c *core) opened(now time.Time, e Evidence, reason string) {
	if now.Sub(c.since) >= c.cfg.HealthyAfter {
		c.opens = 0
	}
	c.fail(now, e, reason+", the last: "+e.String())
}

// fail opens it since calls failed: longer each time, and at least for as
// long as the other side asked for, up to the bound.
func (c *core) fail(now time.Time, e Evidence, reason string) {
	d := max(c.openTime(), min(e.RetryAfter, c.cfg.MaxResetTimeout))
	c.opens++
	c.open(now, d, reason)
	c.asked = now.Add(e.RetryAfter)
	c.changes[len(c.changes)-1].Failures = c.failed.list()
}

// open opens it for a time, whatever it was.
func (c *core) open(now time.Time, d time.Duration, reason string) {
	if c.state() != Open || c.was != Open {
		c.times++
	}
	c.machine.Open()
	c.until, c.byHand, c.opening = now.Add(d), false, reason
	c.asked = time.Time{}
	c.entered(now, reason)
}

// openTime is how long it stays open the next time, with jitter.
func (c *core) openTime() time.Duration {
	d := c.plainOpenTime(c.opens)
	d *= 1 + c.cfg.Jitter*(2*c.cfg.Random()-1)
	return time.Duration(min(d, float64(c.cfg.MaxResetTimeout)))
}

// plainOpenTime is how long it stays open after it opened so many times.
func (c *core) plainOpenTime(opens int) float64 {
	return min(float64(c.cfg.ResetTimeout)*math.Pow(c.cfg.Factor, float64(opens)), float64(c.cfg.MaxResetTimeout))
}

// closed counts from nothing again.
func (c *core) closed(now time.Time, reason string) {
	c.entered(now, reason)
	c.forget(now)
}

// trip opens it by hand, for d, or for as long as its rule would. That does
// not make it stay open longer the next time.
func (c *core) trip(now time.Time, d time.Duration, reason string) {
	if d <= 0 {
		d = c.openTime()
	}
	c.open(now, d, reason)
	c.byHand = true
}

// reset closes it and forgets what was.
func (c *core) reset(now time.Time, reason string) {
	c.opens = 0
	c.build(now)
	c.entered(now, reason)
}

// mended closes it, whatever calls had shown, where no person opened it. How
// often it opened in a row still counts: what fails again at once was not
// mended.
func (c *core) mended(now time.Time, reason string) {
	if s := c.state(); s == Closed || s == Open && c.byHand {
		return
	}
	c.machine.Close()
	c.closed(now, reason)
}

// force sets the mode and leaves the state alone. Calls under way stay what
// they are.
func (c *core) force(now time.Time, m Mode) {
	if c.mode != m {
		c.mode = m
		c.changed(now, "forced to "+m.String())
	}
}

// configure takes another config. What was counted under another rule is
// forgotten, a trial under other bounds begins anew, a shorter time ends
// earlier; the rest goes on.
func (c *core) configure(cfg Config, now time.Time) {
	old := c.cfg
	c.cfg = cfg
	state := c.state()
	rule := old.Rule != cfg.Rule || old.SlowCall != cfg.SlowCall || old.Judge != cfg.Judge
	trial := old.Calls != cfg.Calls || old.Successes != cfg.Successes
	if rule || trial {
		kept := c.outcomes.list()
		window := c.window
		row := c.row
		c.build(now)
		if !rule {
			c.replay(kept)
			c.window, c.row = window, row
		}
		switch state {
		case Open:
			c.machine.Open()
		case HalfOpen:
			c.machine.HalfOpen()
			c.entered(now, "its trial began anew: the configuration changed")
		}
	}
	if state == Open && !c.byHand && (old.ResetTimeout != cfg.ResetTimeout || old.MaxResetTimeout != cfg.MaxResetTimeout) {
		shorter := c.since.Add(time.Duration(c.plainOpenTime(max(0, c.opens-1))))
		if c.asked.After(shorter) {
			shorter = c.asked
		}
		if most := c.since.Add(cfg.MaxResetTimeout); most.Before(shorter) {
			shorter = most
		}
		if shorter.Before(c.until) {
			c.until = shorter
		}
	}
	c.refusal = nil
}

// replay counts outcomes that did not open it, oldest first.
func (c *core) replay(list []bool) {
	c.row = 0
	for _, failed := range list {
		c.outcomes.add(failed, c.cfg.Rule.Of)
		if failed {
			c.row++
			c.machine.RecordFailure()
		} else {
			c.row = 0
			c.machine.RecordSuccess()
		}
	}
}
