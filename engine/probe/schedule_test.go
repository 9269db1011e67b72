package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// fake is a check whose answers are scripted.
type fake struct {
	at     []time.Duration // when it was asked, since began
	began  time.Time
	takes  time.Duration
	answer func(n int) error
}

func (f *fake) look(ctx context.Context, timeout time.Duration) error {
	f.at = append(f.at, time.Since(f.began))
	if f.takes > 0 {
		select {
		case <-time.After(f.takes):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return f.answer(len(f.at))
}

func newFake(cfg Config, look func(n int) error) (*Probe, *fake) {
	f := &fake{began: time.Now(), answer: look}
	cfg.Started = f.began
	return &Probe{cfg: cfg, what: "GET http://127.0.0.1:3000/healthz", check: f, closing: func() {}}, f
}

func TestNextDelay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		elapsed := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "elapsed"))
		interval := time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "interval"))
		got := nextDelay(elapsed, interval)
		switch {
		case got < time.Millisecond:
			t.Fatalf("%s is under the floor", got)
		case got > max(interval, time.Millisecond):
			t.Fatalf("%s is over the interval %s", got, interval)
		case got > time.Millisecond && got < interval && got != elapsed/25:
			t.Fatalf("%s is not 4%% of %s", got, elapsed)
		}
	})
}

func TestReadyLosesFourPercent(t *testing.T) {
	for _, at := range []time.Duration{time.Millisecond, 50 * time.Millisecond, 3 * time.Second, 20 * time.Second} {
		t.Run(at.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				p, _ := newFake(Config{Interval: time.Second, Timeout: time.Second}, func(int) error {
					if time.Since(began) >= at {
						return nil
					}
					return errors.New("connection refused")
				})
				if err := p.Ready(t.Context()); err != nil {
					t.Fatal(err)
				}
				if late := time.Since(began) - at; late > at/25+time.Millisecond {
					t.Errorf("seen %s late", late)
				}
			})
		})
	}
}

func TestReadyNamesWhatItSaw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newFake(Config{Interval: time.Second, Timeout: time.Second, Deadline: time.Minute},
			func(int) error { return errors.New("connection refused") })
		err := p.Ready(t.Context())
		want := fmt.Sprintf("GET http://127.0.0.1:3000/healthz: connection refused (%d tries in 1m)", len(f.at))
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if typed, ok := errors.AsType[*Error](err); !ok || typed.After != time.Minute {
			t.Errorf("got %#v", err)
		}
		if time.Since(f.began) != time.Minute {
			t.Errorf("ended after %s", time.Since(f.began))
		}
	})
}

func TestReadyKeepsTheLastRealFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newFake(Config{Interval: time.Second, Timeout: time.Second, Deadline: 2 * time.Second},
			func(int) error { return errors.New("status 503") })
		f.takes = 700 * time.Millisecond // the deadline cuts off the third
		err := p.Ready(t.Context())
		if typed, ok := errors.AsType[*Error](err); !ok || typed.Last.Error() != "status 503" {
			t.Errorf("got %v", err)
		}
	})
}

func TestReadyReturnsTheCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("the process has ended")
		ctx, cancel := context.WithCancelCause(t.Context())
		p, _ := newFake(Config{Interval: time.Second}, func(int) error { return errors.New("no") })
		time.AfterFunc(time.Second, func() { cancel(cause) })
		if err := p.Ready(ctx); err != cause {
			t.Errorf("got %v", err)
		}
	})
}

func TestLiveReports(t *testing.T) {
	bad, good := errors.New("bad"), error(nil)
	tests := []struct {
		name    string
		answers []error
		want    []bool // reports: true is well
	}{
		{"well", []error{good, good}, nil},
		{"two in a row are not enough", []error{bad, bad, good, bad, bad}, nil},
		{"three are", []error{bad, bad, bad}, []bool{false}},
		{"once only", []error{bad, bad, bad, bad, bad}, []bool{false}},
		{"well again", []error{bad, bad, bad, bad, good, good}, []bool{false, true}},
		{"and ill again", []error{bad, bad, bad, good, bad, bad, bad}, []bool{false, true, false}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				var got []bool
				p, f := newFake(Config{Interval: 10 * time.Second, Failures: 3}, func(n int) error {
					if n == len(test.answers) {
						time.AfterFunc(time.Second, cancel)
					}
					if n > len(test.answers) {
						return nil
					}
					return test.answers[n-1]
				})
				p.Live(ctx, func(err error) { got = append(got, err == nil) })
				if !slices.Equal(got, test.want) {
					t.Errorf("got %v, want %v", got, test.want)
				}
				for i, at := range f.at {
					if want := time.Duration(i+1) * 10 * time.Second; at != want {
						t.Errorf("look %d at %s, want %s", i, at, want)
					}
				}
			})
		})
	}
}

func TestLiveLooksDoNotOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		p, f := newFake(Config{Interval: time.Second, Failures: 1}, func(int) error { return nil })
		f.takes = 2500 * time.Millisecond
		p.Live(ctx, func(error) {})
		for i := 1; i < len(f.at); i++ {
			if f.at[i]-f.at[i-1] < f.takes {
				t.Errorf("looks at %s and %s overlap", f.at[i-1], f.at[i])
			}
		}
		if len(f.at) < 3 {
			t.Errorf("%d looks", len(f.at))
		}
	})
}

func TestSlotsBoundAndFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := NewSlots(2)
		var mu sync.Mutex
		running, most := 0, 0
		count := func(n int) {
			mu.Lock()
			defer mu.Unlock()
			running += n
			most = max(most, running)
		}
		runner := runnerFunc(func(ctx context.Context, _ []string) error {
			count(1)
			defer count(-1)
			<-time.After(time.Second)
			return nil
		})
		done := make(chan error)
		for range 7 {
			p, err := New(Config{Kind: "exec", Argv: []string{"true"}, Runner: runner, Slots: slots, Timeout: 2 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			go func() { done <- p.Ready(t.Context()) }()
		}
		for range 7 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if most != 2 {
			t.Errorf("%d ran at once", most)
		}
	})
}

// runnerFunc is a Runner.
type runnerFunc func(ctx context.Context, argv []string) error

func (f runnerFunc) Run(ctx context.Context, argv []string) error { return f(ctx, argv) }

func TestLooksAreObserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		cfg := Config{Interval: time.Second, Timeout: time.Second, Failures: 3, Observe: func(took time.Duration, err error) {
			seen = append(seen, fmt.Sprintf("%s %v", took, err))
		}}
		p, f := newFake(cfg, func(n int) error {
			if n == 1 {
				return errors.New("refused")
			}
			return nil
		})
		f.takes = 100 * time.Millisecond
		if err := p.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		// The third look is cut off: that says nothing of the unit.
		ctx, cancel := context.WithTimeout(t.Context(), 1050*time.Millisecond)
		defer cancel()
		p.Live(ctx, func(error) {})
		if want := []string{"100ms refused", "100ms <nil>"}; !slices.Equal(seen, want) {
			t.Errorf("got %q, want %q", seen, want)
		}
	})
}
