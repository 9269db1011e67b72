package breaker

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func newGuard(t *testing.T, cfg Config) *Guard {
	t.Helper()
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// allowed asks for a permit that must be given.
func allowed(t *testing.T, g *Guard) *Permit {
	t.Helper()
	p, err := g.Permit()
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	return &p
}

// refused asks for a permit that must not be given.
func refused(t *testing.T, g *Guard) *OpenError {
	t.Helper()
	_, err := g.Permit()
	var open *OpenError
	if !errors.As(err, &open) {
		t.Fatalf("not refused: %v", err)
	}
	return open
}

func in(t *testing.T, g *Guard, want State) {
	t.Helper()
	if s := g.Snapshot(); s.State != want {
		t.Fatalf("it is %v (%s), want %v", s.State, s.Reason, want)
	}
}

func fail(t *testing.T, g *Guard, times int) {
	t.Helper()
	for range times {
		allowed(t, g).Failure(Evidence{Status: "503"})
	}
}

func TestTrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, Config{Rule: Rule{Failures: 3}, Calls: 3, Successes: 2, Jitter: -1})
		fail(t, g, 2)
		in(t, g, Closed)
		allowed(t, g).Failure(Evidence{Error: "connection refused", Latency: 20 * time.Millisecond})
		open := refused(t, g)
		if want := "3 failures in a row, the last: connection refused after 20ms"; open.Reason != want {
			t.Errorf("the reason is %q, want %q", open.Reason, want)
		}
		time.Sleep(10*time.Second + 1)
		if d := open.RetryAfter(time.Now()); d != 20*time.Second {
			t.Errorf("retry after %v, want 20s", d)
		}
		time.Sleep(20*time.Second - 1)
		a, b, c := allowed(t, g), allowed(t, g), allowed(t, g)
		if open := refused(t, g); open.State != HalfOpen || open.RetryAfter(time.Now()) != time.Second {
			t.Errorf("refused by %+v", open)
		}
		a.Success()
		b.Neutral()
		d := allowed(t, g) // the place of b
		c.Failure(Evidence{})
		in(t, g, HalfOpen)
		d.Success()
		in(t, g, Closed)
	})
}

func TestOpensLongerEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, Config{Rule: Rule{Failures: 1}, ResetTimeout: 10 * time.Second, MaxResetTimeout: 30 * time.Second, Jitter: -1, HealthyAfter: time.Minute})
		for _, want := range []time.Duration{10 * time.Second, 20 * time.Second, 30 * time.Second, 30 * time.Second} {
			fail(t, g, 1)
			if left := time.Until(g.Snapshot().Until); left != want {
				t.Fatalf("open for %v, want %v", left, want)
			}
			time.Sleep(want)
		}
		allowed(t, g).Success()
		fail(t, g, 1) // soon after: it goes on
		if left := time.Until(g.Snapshot().Until); left != 30*time.Second {
			t.Errorf("open for %v soon after", left)
		}
		time.Sleep(30 * time.Second)
		allowed(t, g).Success()
		time.Sleep(time.Minute)
		fail(t, g, 1)
		if left := time.Until(g.Snapshot().Until); left != 10*time.Second {
			t.Errorf("open for %v after a minute of health", left)
		}
	})
}

func TestJitterStaysInBounds(t *testing.T) {
	for _, random := range []float64{0, 0.5, 0.999999} {
		c := newCore(Config{ResetTimeout: 10 * time.Second, Jitter: 0.2, Random: func() float64 { return random }}.withDefaults(), time.Now())
		want := 10 * time.Second * time.Duration(800+400*random) / 1000
		if d := c.openTime(); (d - want).Abs() > 10*time.Millisecond {
			t.Errorf("random %g: open for %v, want %v", random, d, want)
		}
	}
}

// A call that began before a trip ends well after it: that closes nothing.
func TestStaleOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, Config{Rule: Rule{Failures: 1}})
		old, older := allowed(t, g), allowed(t, g)
		fail(t, g, 1)
		old.Success()
		in(t, g, Open)
		time.Sleep(time.Minute)
		probe := allowed(t, g)
		older.Success()
		in(t, g, HalfOpen)
		refused(t, g)
		probe.Success()
		in(t, g, Closed)
	})
}

func TestLostTrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, Config{Rule: Rule{Failures: 1}, ProbeTimeout: 5 * time.Second, Jitter: -1})
		fail(t, g, 1)
		time.Sleep(30 * time.Second)
		lost := allowed(t, g)
		time.Sleep(5*time.Second - 1)
		refused(t, g)
		time.Sleep(time.Nanosecond)
		if open := refused(t, g); open.State != Open || !strings.Contains(open.Reason, "came back within 5s") {
			t.Errorf("refused by %+v", open)
		}
		lost.Success() // too late
		in(t, g, Open)
		time.Sleep(time.Minute)
		allowed(t, g).Success()
		in(t, g, Closed)
	})
}

func TestRateLooksBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, Config{Rule: Rule{Rate: 0.5, Over: 10 * time.Second, MinCalls: 4}})
		fail(t, g, 3)
		in(t, g, Closed) // too few
		time.Sleep(11 * time.Second)
		fail(t, g, 1)
		if s := g.Snapshot(); s.State != Closed || s.WindowCalls != 1 {
			t.Fatalf("old calls count: %v, %d", s.State, s.WindowCalls)
		}
		for range 2 {
			allowed(t, g).Success()
		}
		fail(t, g, 1)
		if open := refused(t, g); !strings.HasPrefix(open.Reason, "2 of 4 calls within 10s failed") {
			t.Errorf("the reason is %q", open.Reason)
		}
	})
}

func TestSlowCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, Config{Rule: Rule{Failures: 1}, SlowCall: 2 * time.Second})
		p := allowed(t, g)
		time.Sleep(time.Second)
		p.Answered()
		time.Sleep(time.Hour) // a long stream is not slow
		p.Success()
		in(t, g, Closed)
		p = allowed(t, g)
		time.Sleep(2 * time.Second)
		p.Answered()
		in(t, g, Open) // at once
		p.Success()
		s := g.Snapshot()
		if s.Numbers.Slow != 1 || s.Numbers.Failures != 1 || s.Numbers.Successes != 1 {
			t.Errorf("counted %+v", s.Numbers)
		}
	})
}

func TestThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, Config{Rule: Rule{Failures: 3}, MaxResetTimeout: time.Minute})
		allowed(t, g).Throttled(Evidence{Status: "429", RetryAfter: 7 * time.Second})
		if open := refused(t, g); open.RetryAfter(time.Now()) != 7*time.Second {
			t.Errorf("refused by %+v", open)
		}
		time.Sleep(7 * time.Second)
		allowed(t, g).Throttled(Evidence{Status: "429", RetryAfter: 24 * time.Hour})
		if open := refused(t, g); open.RetryAfter(time.Now()) != time.Minute {
			t.Errorf("nothing bounds it: %+v", open)
		}
		if n := g.Snapshot().Numbers; n.Failures != 0 || n.Neutral != 2 {
			t.Errorf("counted %+v", n)
		}
	})
}

func TestModes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, Config{Rule: Rule{Failures: 1}, Jitter: -1})
		g.Force(ForcedOpen, "a person")
		if open := refused(t, g); !open.Until.IsZero() || open.RetryAfter(time.Now()) != 0 {
			t.Errorf("forced open until %v", open.Until)
		}
		g.Force(ForcedClosed, "a person")
		fail(t, g, 10)
		in(t, g, Closed)
		g.Force(Observe, "a person")
		fail(t, g, 1)
		in(t, g, Open)
		allowed(t, g).Success() // nobody is refused, and that closes nothing
		in(t, g, Open)
		if n := g.Snapshot().Numbers.Observed; n != 1 {
			t.Errorf("observed %d", n)
		}
		g.Force(Auto, "a person")
		refused(t, g)
		g.Reset("a person")
		allowed(t, g).Success()
	})
}

func TestTripByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, Config{Jitter: -1})
		g.Trip(time.Hour, "a person") // beyond any bound of its own
		time.Sleep(time.Hour - 1)
		refused(t, g)
		time.Sleep(time.Nanosecond)
		allowed(t, g).Success()
		g.Trip(0, "a person")
		if left := time.Until(g.Snapshot().Until); left != 30*time.Second {
			t.Errorf("open for %v", left)
		}
	})
}

func TestFirstOutcomeCounts(t *testing.T) {
	g := newGuard(t, Config{})
	func() {
		defer func() { _ = recover() }()
		p := allowed(t, g)
		defer p.Neutral()
		panic("in the call")
	}()
	p := allowed(t, g)
	p.Success()
	p.Failure(Evidence{})
	p.Neutral()
	if n := g.Snapshot().Numbers; n.Successes != 1 || n.Failures != 0 || n.Neutral != 1 || n.InFlight != 0 {
		t.Errorf("counted %+v", n)
	}
	var none Permit
	none.Answered()
	none.Success()
}

// Changes are told one after the other and in order, and whoever is told may
// ask and change again.
func TestChangesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []Change
		var g *Guard
		g = newGuard(t, Config{Rule: Rule{Failures: 2}, Jitter: -1, OnChange: func(c Change) {
			g.Snapshot() // no lock is held
			if told = append(told, c); len(told) == 1 {
				g.Force(Observe, "the callback")
			}
		}})
		fail(t, g, 2)
		time.Sleep(30 * time.Second)
		g.Reset("a person")
		var got []string
		for _, c := range told {
			got = append(got, c.From.String()+">"+c.To.String()+" "+c.Mode.String()+" "+c.By)
		}
		want := []string{"closed>open auto ", "open>open observe the callback", "open>half_open observe ", "half_open>closed observe a person"}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("told of %q, want %q", got, want)
		}
		if len(told[0].Failures) != 2 || told[0].Failures[1].Status != "503" || told[0].Until.IsZero() {
			t.Errorf("told %+v", told[0])
		}
	})
}

func TestRestart(t *testing.T) {
	cfg := Config{Rule: Rule{Failures: 3}, Jitter: -1}
	restart := func(t *testing.T, g *Guard, next Config, off time.Duration) *Guard {
		t.Helper()
		text, err := json.Marshal(g.Record())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(off)
		var r Record
		if err := json.Unmarshal(text, &r); err != nil {
			t.Fatal(err)
		}
		g = newGuard(t, next)
		g.Restore(r)
		return g
	}
	t.Run("what is left of open", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newGuard(t, cfg)
			fail(t, g, 3)
			g = restart(t, g, cfg, 10*time.Second)
			if open := refused(t, g); open.RetryAfter(time.Now()) != 20*time.Second || !strings.Contains(open.Reason, "3 failures") {
				t.Errorf("refused by %+v", open)
			}
			if s := g.Snapshot(); len(s.Failures) != 3 {
				t.Errorf("remembers %d failures", len(s.Failures))
			}
			g = restart(t, g, cfg, time.Minute)
			in(t, g, HalfOpen)
		})
	})
	t.Run("the clock ran back", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newGuard(t, cfg)
			fail(t, g, 3)
			r := g.Record()
			r.Since, r.Until = r.Since.Add(24*time.Hour), r.Until.Add(24*time.Hour)
			g = newGuard(t, cfg)
			g.Restore(r)
			if left := time.Until(g.Snapshot().Until); left != 30*time.Second {
				t.Errorf("open for %v", left)
			}
		})
	})
	t.Run("failures in a row", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newGuard(t, cfg)
			fail(t, g, 2)
			g = restart(t, g, cfg, time.Second)
			fail(t, g, 1)
			in(t, g, Open)
		})
	})
	t.Run("another rule", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newGuard(t, cfg)
			fail(t, g, 2)
			g = restart(t, g, Config{Rule: Rule{Failures: 2}}, 0)
			fail(t, g, 1)
			in(t, g, Closed)
		})
	})
	t.Run("a mode", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newGuard(t, cfg)
			g.Force(ForcedOpen, "a person")
			g = restart(t, g, cfg, time.Hour)
			refused(t, g)
		})
	})
	t.Run("a window", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			cfg := Config{Rule: Rule{Rate: 0.5, Over: 10 * time.Second, MinCalls: 4}}
			g := newGuard(t, cfg)
			fail(t, g, 1)
			time.Sleep(5 * time.Second)
			fail(t, g, 2)
			g = restart(t, g, cfg, 6*time.Second)
			if s := g.Snapshot(); s.WindowCalls != 2 {
				t.Errorf("%d calls are in the window", s.WindowCalls)
			}
		})
	})
	t.Run("a record that cannot be", func(t *testing.T) {
		g := newGuard(t, cfg)
		g.Restore(Record{State: Closed, Rule: g.core.cfg.Rule, Outcomes: strings.Repeat("1", 100)})
		in(t, g, Closed)
		g = newGuard(t, cfg)
		g.Restore(Record{State: Open}) // without an end
		allowed(t, g).Success()
	})
}

func TestRecentNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, Config{Rule: Rule{Failures: 1000}})
		if r := g.Snapshot().Recent; r.Calls != 0 || !math.IsNaN(r.FailureRate) || r.LatencyP95 != 0 {
			t.Errorf("before any call: %+v", r)
		}
		for i := range 100 {
			p := allowed(t, g)
			time.Sleep(time.Duration(i+1) * time.Millisecond)
			if i%4 == 0 {
				p.Failure(Evidence{})
			} else {
				p.Success()
			}
		}
		r := g.Snapshot().Recent
		if r.Calls != 100 || r.FailureRate != 0.25 || r.SuccessRate != 0.75 {
			t.Errorf("recent: %+v", r)
		}
		if r.LatencyP95 < 85*time.Millisecond || r.LatencyP95 > 105*time.Millisecond {
			t.Errorf("95 %% are under %v, want 95ms", r.LatencyP95)
		}
		time.Sleep(time.Minute)
		if r := g.Snapshot().Recent; r.Calls != 0 {
			t.Errorf("a minute later: %+v", r)
		}
	})
}

// Many call, fail, trip and look at once; with -race this is the test of the
// lock, and at the end nothing is missing.
func TestManyAtOnce(t *testing.T) {
	var last Change
	g := newGuard(t, Config{Rule: Rule{Failures: 3}, ResetTimeout: time.Microsecond, Calls: 4, Successes: 2, OnChange: func(c Change) {
		if c.From != last.To { // also: no two run at once, or -race tells
			t.Errorf("from %v, the last told was %v", c.From, last.To)
		}
		last = c
	}})
	var all sync.WaitGroup
	var asked, got [8]uint64
	for n := range asked {
		all.Go(func() {
			for i := range 2000 {
				asked[n]++
				p, err := g.Permit()
				if err == nil {
					got[n]++
					switch i % 5 {
					case 0, 1:
						p.Failure(Evidence{Error: "x"})
					case 2:
						p.Neutral()
					default:
						p.Success()
					}
				}
				if i%97 == 0 {
					g.Trip(time.Microsecond, "")
					g.Snapshot()
					g.Record()
				}
			}
		})
	}
	all.Wait()
	n := g.Snapshot().Numbers
	var sum, passed uint64
	for i := range asked {
		sum, passed = sum+asked[i], passed+got[i]
	}
	if n.InFlight != 0 || n.Successes+n.Failures+n.Neutral != passed || passed+n.Rejected != sum {
		t.Errorf("of %d calls, %d passed: %+v", sum, passed, n)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	for name, rule := range map[string]Rule{"in a row": {Failures: 3}, "of the last": {Failures: 30, Of: 50}, "rate": {Rate: 1, MinCalls: 1000}} {
		g := newGuard(t, Config{Rule: rule})
		evidence := Evidence{Status: "503", Error: "x"}
		n := testing.AllocsPerRun(1000, func() {
			p, _ := g.Permit()
			p.Answered()
			p.Success()
			p, _ = g.Permit()
			p.Failure(evidence)
			p, _ = g.Permit()
			defer p.Neutral()
		})
		if n != 0 {
			t.Errorf("%s: a call allocates %g times", name, n)
		}
		g.Trip(time.Hour, "")
		if n := testing.AllocsPerRun(1000, func() { _, _ = g.Permit() }); n != 0 {
			t.Errorf("%s: a refusal allocates %g times", name, n)
		}
	}
}

func BenchmarkCall(b *testing.B) {
	g, _ := New(Config{})
	for b.Loop() {
		p, _ := g.Permit()
		p.Success()
	}
}

func BenchmarkRefusal(b *testing.B) {
	g, _ := New(Config{})
	g.Trip(time.Hour, "")
	for b.Loop() {
		_, _ = g.Permit()
	}
}

func TestOpenedIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, Config{Rule: Rule{Failures: 1}})
		fail(t, g, 1)
		g.Trip(time.Hour, "") // open as it is
		time.Sleep(time.Hour)
		fail(t, g, 1)
		if n := g.Snapshot().Numbers.Opened; n != 2 {
			t.Errorf("opened %d times", n)
		}
	})
}
