package breaker

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Guard is a circuit breaker. Its methods may be called by many goroutines
// at once, also from within Config.OnChange.
type Guard struct {
	mu       sync.Mutex
	core     *core    // guarded by mu
	counted  counters // guarded by mu
	telling  bool     // somebody tells the core's changes; guarded by mu
	revision uint64   // grows with what Record holds; guarded by mu
	unsaved  chan struct{}
	moved    []chan struct{} // of those who watch; guarded by mu

	saving sync.Mutex
	saved  uint64 // the revision that Save has written; guarded by saving
}

// New makes a closed guard.
func New(cfg Config) (*Guard, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("make a circuit breaker: %w", err)
	}
	g := &Guard{core: newCore(cfg, time.Now()), unsaved: make(chan struct{}, 1)}
	g.counted.minute = newWindow[minute](recently, epochSpan)
	return g, nil
}

// Permit allows one call, whose outcome is told to it: exactly one of
// Success, Failure, Neutral and Throttled counts, the first. So a deferred
// Neutral gives back what a panic would lose. A permit must not be copied;
// its methods may be called by several goroutines.
type Permit struct {
	guard    *Guard
	gen      uint64
	start    time.Time
	trial    bool
	slow     time.Duration // from this time to the first byte on it failed; 0: never
	answered atomic.Int64  // the time to the first byte of an answer, or 0
	done     atomic.Bool
}

// Permit asks for a call. Where it is refused, the error is an [*OpenError]
// and the permit is to be left alone.
func (g *Guard) Permit() (Permit, error) {
	now := time.Now()
	g.mu.Lock()
	gen, refused := g.core.permit(now)
	if refused != nil && g.core.mode == Observe {
		g.counted.Observed++
		gen, refused = 0, nil
	}
	trial := gen != 0 && g.core.state() == HalfOpen
	slow := g.core.cfg.SlowCall
	if refused == nil {
		g.counted.InFlight++
	} else {
		g.counted.Rejected++
	}
	g.unlock()
	if refused != nil {
		return Permit{}, refused
	}
	return Permit{guard: g, gen: gen, start: now, trial: trial, slow: slow}, nil
}

// SlowAfter sets another bound than Config.SlowCall for this call: the time
// to its first byte from which on it failed. Zero: none is too slow. It is to
// be called before the call begins.
func (p *Permit) SlowAfter(d time.Duration) { p.slow = d }

// Answered says that the first byte of an answer is there. Where that took
// as long as SlowCall it is a failure, at once; else the outcome is still to
// come, and its latency is known.
func (p *Permit) Answered() {
	latency := max(1, time.Since(p.start))
	if p.guard == nil || !p.answered.CompareAndSwap(0, int64(latency)) {
		return
	}
	if p.slow > 0 && latency >= p.slow {
		p.end(failed, Evidence{Error: "slow answer"})
	}
}

// Success says that the call went well to its end. One that was slower than
// SlowCall is a failure all the same.
func (p *Permit) Success() {
	p.Answered()
	p.end(succeeded, Evidence{})
}

// Failure says that the call failed. Time and latency are filled in where
// they are zero.
func (p *Permit) Failure(e Evidence) { p.end(failed, e) }

// Neutral says that the call tells nothing: the caller gave up, or the call
// was never made.
func (p *Permit) Neutral() { p.end(neutral, Evidence{}) }

// Throttled says that the other side is well and asks to be left alone for
// e.RetryAfter: nothing failed, and the breaker is open until then.
func (p *Permit) Throttled(e Evidence) { p.end(throttled, e) }

type outcome uint8

const (
	succeeded outcome = iota
	failed
	neutral
	throttled
)

func (p *Permit) end(o outcome, e Evidence) {
	if p.guard == nil || !p.done.CompareAndSwap(false, true) {
		return
	}
	now := time.Now()
	latency := time.Duration(p.answered.Load())
	if latency == 0 {
		latency = max(1, now.Sub(p.start))
	}
	if e.Time.IsZero() {
		e.Time = now
	}
	if e.Latency == 0 {
		e.Latency = latency
	}
	g := p.guard
	g.mu.Lock()
	g.counted.InFlight--
	span := g.core.span(now)
	recent := g.counted.minute.now(span)
	switch o {
	case succeeded:
		g.counted.Successes++
		recent.successes++
		g.core.success(p.gen, now)
	case failed:
		g.counted.Failures++
		recent.failures++
		if p.slow > 0 && latency >= p.slow {
			g.counted.Slow++
		}
		g.core.failure(p.gen, now, e)
	case neutral:
		g.counted.Neutral++
		recent.neutral++
		g.core.neutral(p.gen)
	case throttled:
		g.counted.Neutral++
		recent.neutral++
		g.core.throttled(p.gen, now, e)
	}
	if o != neutral {
		g.counted.answered(span, latency)
		g.revised()
	}
	g.unlock()
}

// Trip opens it by hand for d, or, with zero, for as long as its rule would.
// by says who wants it.
func (g *Guard) Trip(d time.Duration, by string) {
	g.change(by, func(now time.Time) { g.core.trip(now, d, "tripped by hand") })
}

// Reset closes it and forgets what was counted against the other side. It
// leaves the mode alone.
func (g *Guard) Reset(by string) {
	g.change(by, func(now time.Time) { g.core.reset(now, "reset by hand") })
}

// Mended closes it since the other side is known to work again, for a reason
// in words: it was started anew, and has answered. What a person opened stays
// open, and so does what is forced.
func (g *Guard) Mended(reason string) {
	g.change("", func(now time.Time) { g.core.mended(now, reason) })
}

// Force sets the mode.
func (g *Guard) Force(m Mode, by string) {
	g.change(by, func(now time.Time) { g.core.force(now, m) })
}

// Configure takes another config, and leaves alone all that does not depend
// on what differs. A config that cannot work changes nothing.
func (g *Guard) Configure(cfg Config) error {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return fmt.Errorf("change a circuit breaker: %w", err)
	}
	g.change("", func(now time.Time) { g.core.configure(cfg, now) })
	return nil
}

// Trial reports whether the call is one of a half-open breaker's, which waits
// for its outcome.
func (p *Permit) Trial() bool { return p.trial }
