package breaker

import (
	"math"
	"testing"
	"testing/synctest"
	"time"
)

func TestConfigure(t *testing.T) {
	base := Config{Rule: Rule{Failures: 3}, Jitter: -1, Calls: 2, Successes: 2, ResetTimeout: time.Minute}
	with := func(change func(*Config)) Config {
		cfg := base
		change(&cfg)
		return cfg
	}
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, base)
		fail(t, g, 2)
		must := func(cfg Config) {
			t.Helper()
			if err := g.Configure(cfg); err != nil {
				t.Fatal(err)
			}
		}
		must(with(func(c *Config) { c.Calls, c.Successes = 4, 1; c.ProbeTimeout = time.Hour }))
		fail(t, g, 1)
		in(t, g, Open) // what was counted stays, where the rule does
		must(with(func(c *Config) { c.Rule.Failures = 1 }))
		in(t, g, Open)
		must(with(func(c *Config) { c.ResetTimeout = 10 * time.Second }))
		if left := time.Until(g.Snapshot().Until); left != 10*time.Second {
			t.Errorf("open for %v, want the shorter time", left)
		}
		time.Sleep(10 * time.Second)
		lost := allowed(t, g)
		must(with(func(c *Config) { c.Calls, c.Successes = 1, 1 }))
		lost.Failure(Evidence{}) // of a trial that is no more
		allowed(t, g).Success()
		in(t, g, Closed)
		fail(t, g, 2)
		must(with(func(c *Config) { c.Rule.Failures = 4 }))
		fail(t, g, 3)
		in(t, g, Closed)
		if err := g.Configure(Config{Calls: 1, Successes: 2}); err == nil {
			t.Error("more successes than calls are taken")
		}
	})
}

// An edit does not take back what the other side asked for.
func TestConfigureKeepsToRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := Config{Rule: Rule{Failures: 1}, Jitter: -1, ResetTimeout: time.Minute}
		for name, end := range map[string]func(*Permit){
			"throttled": func(p *Permit) { p.Throttled(Evidence{Status: "429", RetryAfter: 5 * time.Minute}) },
			"failed":    func(p *Permit) { p.Failure(Evidence{Status: "503", RetryAfter: 5 * time.Minute}) },
		} {
			g := newGuard(t, base)
			end(allowed(t, g))
			for _, reset := range []time.Duration{2 * time.Minute, time.Minute} {
				cfg := base
				cfg.ResetTimeout = reset
				if err := g.Configure(cfg); err != nil {
					t.Fatal(err)
				}
				if left := time.Until(g.Snapshot().Until); left != 5*time.Minute {
					t.Errorf("%s, reset after %v: open for %v", name, reset, left)
				}
			}
			cfg := base
			cfg.ResetTimeout = 6 * time.Second // and ten times that at most
			if err := g.Configure(cfg); err != nil {
				t.Fatal(err)
			}
			if left := time.Until(g.Snapshot().Until); left != time.Minute {
				t.Errorf("%s, bounded by a minute: open for %v", name, left)
			}
		}
	})
}

func TestConfigIsChecked(t *testing.T) {
	for _, cfg := range []Config{
		{Rule: Rule{Failures: -1}}, {Rule: Rule{Failures: 5, Of: 4}}, {Rule: Rule{Rate: 1.1}}, {Rule: Rule{Rate: math.NaN()}},
		{Rule: Rule{Rate: 0.5, Failures: 1}}, {Rule: Rule{Rate: 0.5, Over: -1}}, {Rule: Rule{Rate: 0.5, MinCalls: -1}}, {Factor: 0.5},
		{Jitter: 2}, {ResetTimeout: -1}, {MaxResetTimeout: 1}, {Calls: -1}, {Successes: 2}, {ProbeTimeout: -1}, {SlowCall: -1}, {HealthyAfter: -1},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
}
