package proxy

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Only the upstream's silence counts: not a client that is slow to send, nor
// one that is slow to read.
func TestWatch(t *testing.T) {
	for _, test := range []struct {
		name    string
		steps   func(*watch)
		expired bool
	}{
		{"an answer in time", func(w *watch) { time.Sleep(time.Second - 1); w.set(&w.waiting, false); time.Sleep(time.Hour) }, false},
		{"no answer", func(*watch) { time.Sleep(time.Second + 1) }, true},
		{"a slow upload", func(w *watch) {
			for range 10 {
				w.set(&w.sending, true)
				time.Sleep(time.Hour)
				w.set(&w.sending, false)
				time.Sleep(time.Second / 2)
			}
		}, false},
		{"nothing after the upload", func(w *watch) {
			w.set(&w.sending, true)
			w.set(&w.sending, false)
			time.Sleep(time.Second + 1)
		}, true},
		{"a slow reader", func(w *watch) {
			for range 10 {
				w.set(&w.waiting, true)
				time.Sleep(time.Second / 2)
				w.set(&w.waiting, false)
				time.Sleep(time.Hour)
			}
		}, false},
		{"silence within an answer", func(w *watch) {
			w.set(&w.waiting, false)
			time.Sleep(time.Hour)
			w.set(&w.waiting, true)
			time.Sleep(time.Second + 1)
		}, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			var w watch
			told := false
			w.start(time.Second, func() { told = true })
			test.steps(&w)
			synctest.Wait()
			w.stop()
			if w.silent() != test.expired || told != test.expired {
				t.Errorf("%s: expired: %v, told: %v", test.name, w.silent(), told)
			}
		})
	}
}

func TestLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l limiter
		ctx := t.Context()
		l.set(limits{calls: 1, waiting: 2, wait: time.Second})
		if err := l.enter(ctx); err != nil {
			t.Fatal(err)
		}
		var order []int
		for i := range 2 {
			go func() {
				if err := l.enter(ctx); err != nil {
					t.Error(err)
				}
				order = append(order, i)
				l.leave()
			}()
			synctest.Wait()
		}
		if err := l.enter(ctx); err != errFull {
			t.Errorf("more wait than may: %v", err)
		}
		l.leave()
		synctest.Wait()
		if len(order) != 2 || order[0] != 0 || l.inside != 0 {
			t.Errorf("admitted %v, %d are inside", order, l.inside)
		}
		// Nobody waits longer than they may.
		_ = l.enter(ctx)
		began := time.Now()
		if err := l.enter(ctx); !errors.Is(err, errFull) || time.Since(began) != time.Second || len(l.waiters) != 0 {
			t.Errorf("waited %v: %v", time.Since(began), err)
		}
		// More room lets in who waits.
		in := make(chan error, 1)
		go func() { in <- l.enter(ctx) }()
		synctest.Wait()
		l.set(limits{calls: 2})
		if err := <-in; err != nil || l.inside != 2 {
			t.Errorf("%d are inside: %v", l.inside, err)
		}
	})
}
