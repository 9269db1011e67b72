package breaker

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"time"
)

// Config is what a guard goes by. Zero fields have the defaults named here.
type Config struct {
	Rule Rule
	// SlowCall is the time to the first byte of an answer from which on a
	// call counts as a failure. Zero: none does.
	SlowCall time.Duration
	// Judge names what callers tell failures from successes by, in any form:
	// what was counted under another one says nothing.
	Judge string
	// ResetTimeout is how long it stays open the first time. Default: 30s.
	ResetTimeout time.Duration
	// MaxResetTimeout bounds how long it stays open by itself, after failed
	// trials and by an upstream's Retry-After. Default: ten times
	// ResetTimeout.
	MaxResetTimeout time.Duration
	// Factor is by how much the time grows each time it opens again.
	// Default: 2; 1: it does not grow.
	Factor float64
	// Jitter is the share by which each time varies at random, to both
	// sides, up to 1. Default: 0.1; negative: none.
	Jitter float64
	// HealthyAfter is how long it must have been closed for the time to
	// begin small again. Default: 2m.
	HealthyAfter time.Duration
	// Calls is how many calls a trial lets through at once and judges by,
	// Successes how many of them close it. Default: 1 and 1.
	Calls, Successes int
	// ProbeTimeout is how long a trial waits for a call that never comes
	// back before it counts as failed. Default: 30s.
	ProbeTimeout time.Duration

	// OnChange is told of every change of state and mode, one after the
	// other, in order, with no lock held. It runs on the goroutine of the
	// call that made the change, so it must not wait long.
	OnChange func(Change)
	// Random gives numbers in [0, 1). Default: math/rand.
	Random func() float64
}

// Rule says what opens a breaker: so many failures in a row, so many of the
// last calls, or a share of the calls in a window of time.
type Rule struct {
	// Failures opens it when so many of the last Of calls failed. Of zero:
	// in a row. Default, without Rate: 5.
	Failures, Of int
	// Rate opens it when that share (0 to 1] of the calls within Over
	// failed, if there were at least MinCalls. Zero: Failures counts.
	// Defaults: 30s and 20.
	Rate     float64
	Over     time.Duration
	MinCalls int
}

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	if c.Rule.Rate == 0 {
		c.Rule.Failures = cmp.Or(c.Rule.Failures, 5)
		c.Rule.Of = cmp.Or(c.Rule.Of, c.Rule.Failures)
	} else {
		c.Rule.Over = cmp.Or(c.Rule.Over, 30*time.Second)
		c.Rule.MinCalls = cmp.Or(c.Rule.MinCalls, 20)
	}
	c.ResetTimeout = cmp.Or(c.ResetTimeout, 30*time.Second)
	c.MaxResetTimeout = cmp.Or(c.MaxResetTimeout, 10*c.ResetTimeout)
	c.Factor = cmp.Or(c.Factor, 2)
	c.Jitter = max(0, cmp.Or(c.Jitter, 0.1))
	c.HealthyAfter = cmp.Or(c.HealthyAfter, 2*time.Minute)
	c.Calls = cmp.Or(c.Calls, 1)
	c.Successes = cmp.Or(c.Successes, 1)
	c.ProbeTimeout = cmp.Or(c.ProbeTimeout, 30*time.Second)
	if c.Random == nil {
		c.Random = rand.Float64
	}
	return c
}

// maxCount bounds counts: each takes a bit of memory.
const maxCount = 1_000_000

// validate looks for what cannot work, in a config with its defaults.
func (c Config) validate() error {
	var errs []error
	wrong := func(bad bool, what string) {
		if bad {
			errs = append(errs, errors.New(what))
		}
	}
	r := c.Rule
	if r.Rate == 0 {
		wrong(r.Failures < 1 || r.Failures > maxCount, "Failures is not between 1 and 1000000")
		wrong(r.Of < r.Failures || r.Of > maxCount, "Of is not between Failures and 1000000")
	} else {
		wrong(!(r.Rate > 0 && r.Rate <= 1), "Rate is not above 0 and at most 1")
		wrong(r.Failures != 0 || r.Of != 0, "Failures and Of stand beside Rate")
		wrong(r.Over < windowSlices, "Over is not positive")
		wrong(r.MinCalls < 1, "MinCalls is not positive")
	}
	wrong(c.SlowCall < 0, "SlowCall is negative")
	wrong(c.ResetTimeout <= 0, "ResetTimeout is not positive")
	wrong(c.MaxResetTimeout < c.ResetTimeout, "MaxResetTimeout is below ResetTimeout")
	wrong(!(c.Factor >= 1), "Factor is below 1")
	wrong(!(c.Jitter <= 1), "Jitter is above 1")
	wrong(c.HealthyAfter <= 0, "HealthyAfter is not positive")
	wrong(c.Calls < 1 || c.Calls > maxCount, "Calls is not between 1 and 1000000")
	wrong(c.Successes < 1 || c.Successes > c.Calls, "Successes is not between 1 and Calls")
	wrong(c.ProbeTimeout <= 0, "ProbeTimeout is not positive")
	return errors.Join(errs...)
}
