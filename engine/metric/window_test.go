package metric

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A window says of the last minutes what a list of all that happened says.
func TestWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type event struct {
			at   time.Time
			took time.Duration
			ok   bool
		}
		var w Window
		var all []event
		now := time.Unix(1_700_000_000, 0)
		for range rapid.IntRange(0, 60).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.IntRange(0, 90_000).Draw(t, "pause")) * time.Millisecond)
			e := event{now, time.Duration(rapid.IntRange(1, 60_000_000).Draw(t, "took")) * time.Microsecond, rapid.Bool().Draw(t, "ok")}
			w.Observe(e.at, e.took, e.ok)
			all = append(all, e)
		}
		over := time.Duration(rapid.IntRange(1, 180).Draw(t, "slots")) * slotLength
		// A slot counts as a whole: the window begins with one.
		since := now.Truncate(slotLength).Add(slotLength - over)
		var took []time.Duration
		var sum time.Duration
		good := 0
		for _, e := range all {
			if e.at.Before(since) {
				continue
			}
			took, sum = append(took, e.took), sum+e.took
			if e.ok {
				good++
			}
		}
		got := w.Summary(now, over)
		if got.Count != len(took) {
			t.Fatalf("count %d, want %d", got.Count, len(took))
		}
		if len(took) == 0 {
			return
		}
		slices.Sort(took)
		p95 := took[(len(took)*95+99)/100-1]
		if got.P95 < p95 || float64(got.P95) > float64(max(p95, leastBucket))*widening*1.001 {
			t.Errorf("p95 %v, want %v or a quarter more", got.P95, p95)
		}
		if got.Average != sum/time.Duration(len(took)) || got.Success != float64(good)/float64(len(took)) {
			t.Errorf("average %v of %v, success %v", got.Average, sum, got.Success)
		}
	})
}

func TestWindowForgets(t *testing.T) {
	var w Window
	now := time.Unix(1_700_000_000, 0)
	w.Observe(now, time.Second, true)
	if got := w.Summary(now.Add(WindowLongest), WindowLongest); got.Count != 0 {
		t.Errorf("%+v of %s ago", got, WindowLongest)
	}
	w.Observe(now.Add(WindowLongest), time.Second, false) // in the same place of the ring
	if got := w.Summary(now.Add(WindowLongest), 2*WindowLongest); got.Count != 1 || got.Success != 0 {
		t.Errorf("%+v", got)
	}
}
