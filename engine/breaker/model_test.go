package breaker

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// reference is a circuit breaker told in the plainest way: it remembers every
// call and looks through all of them each time.
type reference struct {
	cfg    Config
	mode   Mode
	state  State
	gen    uint64
	since  time.Time
	until  time.Time
	byHand bool
	opens  int
	calls  []call // of this generation that ended as success or failure
	out    int    // of this generation's permits, those that are out
	taken  time.Time
}

type call struct {
	slice  int64
	failed bool
}

func (r *reference) enter(s State, now time.Time) {
	r.state, r.since, r.calls, r.out, r.byHand = s, now, nil, 0, false
	r.gen++
}

func (r *reference) open(now time.Time, d time.Duration) {
	r.enter(Open, now)
	r.until = now.Add(d)
}

func (r *reference) openTime() time.Duration {
	d := r.cfg.ResetTimeout
	for range r.opens {
		d = min(2*d, r.cfg.MaxResetTimeout)
	}
	return min(d, r.cfg.MaxResetTimeout)
}

func (r *reference) fail(now time.Time, retryAfter time.Duration) {
	d := max(r.openTime(), min(retryAfter, r.cfg.MaxResetTimeout))
	r.opens++
	r.open(now, d)
}

func (r *reference) advance(now time.Time) {
	if r.state == Open && !now.Before(r.until) {
		r.enter(HalfOpen, now)
	}
}

func (r *reference) permit(now time.Time) (gen uint64, ok bool) {
	r.advance(now)
	switch {
	case r.mode == ForcedClosed:
		return 0, true
	case r.mode == ForcedOpen || r.state == Open:
		return 0, false
	case r.state == HalfOpen && r.out == r.cfg.Calls:
		if now.Sub(r.taken) >= r.cfg.ProbeTimeout {
			r.fail(now, 0)
		}
		return 0, false
	}
	r.out++
	r.taken = now
	return r.gen, true
}

func (r *reference) record(gen uint64, o outcome, now time.Time, slice int64, retryAfter time.Duration) {
	if gen != r.gen {
		return
	}
	r.out--
	switch o {
	case neutral:
	case throttled:
		if retryAfter > 0 {
			r.open(now, min(retryAfter, r.cfg.MaxResetTimeout))
		}
	default:
		r.calls = append(r.calls, call{slice, o == failed})
		r.judge(o, now, slice, retryAfter)
	}
}

func (r *reference) judge(o outcome, now time.Time, slice int64, retryAfter time.Duration) {
	bad := 0
	for _, c := range r.calls {
		if c.failed {
			bad++
		}
	}
	if r.state == HalfOpen {
		switch {
		case len(r.calls)-bad >= r.cfg.Successes:
			r.enter(Closed, now)
		case bad > r.cfg.Calls-r.cfg.Successes:
			r.fail(now, retryAfter)
		}
		return
	}
	trip := false
	if rule := r.cfg.Rule; rule.Rate > 0 {
		n, bad := 0, 0
		for _, c := range r.calls {
			if c.slice > slice-windowSlices {
				n++
				if c.failed {
					bad++
				}
			}
		}
		trip = o == failed && n >= rule.MinCalls && float64(bad) >= rule.Rate*float64(n)
	} else {
		last := r.calls[max(0, len(r.calls)-rule.Of):]
		n := 0
		for _, c := range last {
			if c.failed {
				n++
			}
		}
		trip = n >= rule.Failures
	}
	if trip {
		if now.Sub(r.since) >= r.cfg.HealthyAfter {
			r.opens = 0
		}
		r.fail(now, retryAfter)
	}
}

func drawConfig(t *rapid.T) Config {
	cfg := Config{
		ResetTimeout: time.Duration(rapid.IntRange(1, 20).Draw(t, "reset")) * time.Second,
		Calls:        rapid.IntRange(1, 4).Draw(t, "calls"),
		Jitter:       -1, HealthyAfter: time.Minute, ProbeTimeout: 15 * time.Second,
	}
	cfg.MaxResetTimeout = cfg.ResetTimeout * time.Duration(rapid.IntRange(1, 9).Draw(t, "max"))
	cfg.Successes = rapid.IntRange(1, cfg.Calls).Draw(t, "successes")
	if rapid.Bool().Draw(t, "counts") {
		cfg.Rule.Failures = rapid.IntRange(1, 4).Draw(t, "failures")
		cfg.Rule.Of = cfg.Rule.Failures + rapid.IntRange(0, 4).Draw(t, "more")
	} else {
		cfg.Rule.Rate = rapid.SampledFrom([]float64{0.1, 0.5, 0.9, 1}).Draw(t, "rate")
		cfg.Rule.Over = time.Duration(rapid.IntRange(1, 20).Draw(t, "over")) * time.Second
		cfg.Rule.MinCalls = rapid.IntRange(1, 6).Draw(t, "min")
	}
	return cfg
}

// TestModel has the core and the reference live through the same calls, in
// any order, with any delay, and compares them after each step.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1_700_000_000, 0)
		cfg := drawConfig(t).withDefaults()
		if err := cfg.validate(); err != nil {
			t.Fatal(err)
		}
		c := newCore(cfg, now)
		r := &reference{cfg: cfg, gen: 1, since: now}
		var out []uint64
		t.Repeat(map[string]func(*rapid.T){
			"call": func(t *rapid.T) {
				gen, refused := c.permit(now)
				want, ok := r.permit(now)
				if (refused == nil) != ok || gen != want {
					t.Fatalf("permit of generation %d, refused: %v; want %d, %v", gen, refused, want, ok)
				}
				if ok {
					out = append(out, gen)
				} else if refused.State == Open && c.mode == Auto && !refused.Until.Equal(r.until) {
					t.Fatalf("refused until %v, want %v", refused.Until, r.until)
				}
			},
			"end": func(t *rapid.T) {
				if len(out) == 0 {
					t.Skip("nothing is under way")
				}
				i := rapid.IntRange(0, len(out)-1).Draw(t, "which")
				o := rapid.SampledFrom([]outcome{succeeded, failed, failed, neutral, throttled}).Draw(t, "outcome")
				after := time.Duration(rapid.IntRange(0, 30).Draw(t, "retry after")) * time.Second
				if o == failed && rapid.Bool().Draw(t, "no hint") {
					after = 0
				}
				slice := int64(c.span(now) / c.window.width)
				switch e := (Evidence{RetryAfter: after}); o {
				case succeeded:
					c.success(out[i], now)
				case failed:
					c.failure(out[i], now, e)
				case neutral:
					c.neutral(out[i])
				case throttled:
					c.throttled(out[i], now, e)
				}
				r.record(out[i], o, now, slice, after)
				out = slices.Delete(out, i, i+1)
			},
			"lose": func(t *rapid.T) {
				if len(out) == 0 {
					t.Skip("nothing is under way")
				}
				i := rapid.IntRange(0, len(out)-1).Draw(t, "which")
				out = slices.Delete(out, i, i+1)
			},
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 20_000).Draw(t, "ms")) * time.Millisecond)
			},
			"trip": func(t *rapid.T) {
				d := time.Duration(rapid.IntRange(0, 60).Draw(t, "seconds")) * time.Second
				c.advance(now)
				c.trip(now, d, "by hand")
				r.advance(now)
				if d == 0 {
					d = r.openTime()
				}
				r.open(now, d)
				r.byHand = true
			},
			"mended": func(t *rapid.T) {
				c.mended(now, "it works again")
				if r.state == HalfOpen || r.state == Open && !r.byHand {
					r.enter(Closed, now)
				}
			},
			"reset": func(t *rapid.T) {
				c.reset(now, "by hand")
				r.opens = 0
				r.enter(Closed, now)
			},
			"force": func(t *rapid.T) {
				m := rapid.SampledFrom([]Mode{Auto, Auto, ForcedOpen, ForcedClosed, Observe}).Draw(t, "mode")
				c.force(now, m)
				r.mode = m
			},
			"restart": func(t *rapid.T) {
				rec := c.record(now)
				r.advance(now)
				next := newCore(cfg, now)
				next.restore(rec, now)
				// What a restart keeps is all but the trial and who is out.
				if next.mode != c.mode || next.opens != c.opens {
					t.Fatalf("restored mode %v and %d opens, were %v and %d", next.mode, next.opens, c.mode, c.opens)
				}
				if s := next.state(); s != c.state() && c.state() != HalfOpen {
					t.Fatalf("restored as %v, was %v", s, c.state())
				}
				if c.state() == Open && !next.until.Equal(c.until) {
					t.Fatalf("restored until %v, was %v", next.until, c.until)
				}
				if a, b := total(&next.window, next.span(now)), total(&c.window, c.span(now)); cfg.Rule.Rate > 0 && c.state() == Closed && a != b {
					t.Fatalf("restored window %+v, was %+v", a, b)
				}
				if !slices.Equal(next.outcomes.list(), c.outcomes.list()) && c.state() == Closed {
					t.Fatalf("restored outcomes %v, were %v", next.outcomes.list(), c.outcomes.list())
				}
			},
			"": func(t *rapid.T) {
				got := fmt.Sprint(c.state(), c.gen, c.mode, c.opens)
				if want := fmt.Sprint(r.state, r.gen, r.mode, r.opens); got != want {
					t.Fatalf("state, generation, mode, opens: %s, want %s", got, want)
				}
				if r.state == Open && !c.until.Equal(r.until) {
					t.Fatalf("open until %v, want %v", c.until, r.until)
				}
			},
		})
	})
}
