package event_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/syndicate/syndicate/engine/event"
)

// reader is what the model knows of one subscription.
type reader struct {
	sub  *event.Subscription
	most int
	have []uint64 // published and not read, the lost ones dropped
	lost uint64
}

// TestBusModel compares a bus with its model: whatever is published,
// subscribed, read and closed in whatever order, each reader gets the newest
// events in order and exactly the number of those that it lost.
func TestBusModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var bus event.Bus
		var readers []*reader
		seq, closed := uint64(0), false
		t.Repeat(map[string]func(*rapid.T){
			"publish": func(t *rapid.T) {
				for range rapid.IntRange(1, 40).Draw(t, "n") {
					seq++
					bus.Publish(event.Event{Seq: seq})
					for _, r := range readers {
						if !closed {
							r.publish(seq)
						}
					}
				}
			},
			"subscribe": func(t *rapid.T) {
				most := rapid.IntRange(1, 70).Draw(t, "buffer")
				readers = append(readers, &reader{sub: bus.Subscribe(most), most: most})
			},
			"read": func(t *rapid.T) {
				if len(readers) > 0 {
					rapid.SampledFrom(readers).Draw(t, "reader").read(t, closed)
				}
			},
			"leave": func(t *rapid.T) {
				if len(readers) == 0 {
					return
				}
				i := rapid.IntRange(0, len(readers)-1).Draw(t, "reader")
				readers[i].sub.Close()
				readers[i].sub.Close()
				if _, _, err := readers[i].sub.Next(t.Context()); !errors.Is(err, event.ErrClosed) {
					t.Fatalf("after Close: %v", err)
				}
				readers = append(readers[:i], readers[i+1:]...)
			},
			"close": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
					bus.Close()
					closed = true
				}
			},
		})
	})
}

func (r *reader) publish(seq uint64) {
	r.have = append(r.have, seq)
	if len(r.have) > r.most {
		r.have = r.have[1:]
		r.lost++
	}
}

func (r *reader) read(t *rapid.T, closed bool) {
	ctx, cancel := context.WithCancelCause(t.Context())
	empty := errors.New("nothing there")
	cancel(empty)
	ev, lost, err := r.sub.Next(ctx)
	switch {
	case len(r.have) > 0:
		if err != nil || ev.Seq != r.have[0] || lost != r.lost {
			t.Fatalf("read %d, %d lost, %v; want %d, %d lost", ev.Seq, lost, err, r.have[0], r.lost)
		}
		r.have, r.lost = r.have[1:], 0
	case closed && !errors.Is(err, event.ErrClosed):
		t.Fatalf("read of a closed bus: %v", err)
	case !closed && !errors.Is(err, empty):
		t.Fatalf("read where nothing is: %v", err)
	}
}

// Nobody waits for a reader that does not read, and one that waits is woken
// by an event, by its context and by Close.
func TestBusWaits(t *testing.T) {
	ends := map[string]func(*event.Bus, *event.Subscription, context.CancelCauseFunc){
		"an event":     func(b *event.Bus, _ *event.Subscription, _ context.CancelCauseFunc) { b.Publish(event.Event{Seq: 1}) },
		"the context":  func(_ *event.Bus, _ *event.Subscription, stop context.CancelCauseFunc) { stop(errors.New("enough")) },
		"its Close":    func(_ *event.Bus, s *event.Subscription, _ context.CancelCauseFunc) { s.Close() },
		"the bus's":    func(b *event.Bus, _ *event.Subscription, _ context.CancelCauseFunc) { b.Close() },
		"both of them": func(b *event.Bus, s *event.Subscription, _ context.CancelCauseFunc) { b.Close(); s.Close() },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var bus event.Bus
				sub, asleep := bus.Subscribe(1), bus.Subscribe(3)
				defer asleep.Close()
				ctx, stop := context.WithCancelCause(t.Context())
				defer stop(nil)
				var woken bool
				go func() {
					_, _, _ = sub.Next(ctx)
					woken = true
				}()
				synctest.Wait()
				if woken {
					t.Fatal("it did not wait")
				}
				end(&bus, sub, stop)
				synctest.Wait()
				if !woken {
					t.Fatal("it waits on")
				}
			})
		})
	}
}

// Publishers and readers in many goroutines: every event is read or counted.
func TestBusCounts(t *testing.T) {
	const publishers, each, readers = 4, 2000, 4
	var bus event.Bus
	var reading, publishing sync.WaitGroup
	for range readers {
		sub := bus.Subscribe(32)
		reading.Go(func() {
			defer sub.Close()
			var n uint64
			for {
				_, lost, err := sub.Next(t.Context())
				if err != nil {
					break
				}
				n += lost + 1
			}
			if n != publishers*each {
				t.Errorf("read and lost %d of %d", n, publishers*each)
			}
		})
	}
	for range publishers {
		publishing.Go(func() {
			for i := range each {
				bus.Publish(event.Event{Seq: uint64(i)})
			}
		})
	}
	publishing.Wait()
	bus.Close()
	reading.Wait()
}

func BenchmarkPublish(b *testing.B) {
	var bus event.Bus
	for range 3 {
		defer bus.Subscribe(0).Close()
	}
	ev := event.Event{Kind: event.Transition, Unit: "service.api"}
	b.ReportAllocs()
	for b.Loop() {
		bus.Publish(ev)
	}
}
