package breaker

import (
	"sync"
	"testing"
)

// Whoever saves at the same time, the newest record is the last.
func TestSaveWritesTheNewestLast(t *testing.T) {
	g := newGuard(t, Config{Rule: Rule{Failures: 1000, Of: 1000}})
	var written []int
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 25 {
				fail(t, g, 1)
				g.Save(func(r Record) { written = append(written, len(r.Outcomes)) })
			}
		})
	}
	all.Wait()
	for i := 1; i < len(written); i++ {
		if written[i] < written[i-1] {
			t.Fatalf("a record of %d outcomes was written after one of %d", written[i], written[i-1])
		}
	}
	if last := written[len(written)-1]; last != 100 {
		t.Errorf("the last record holds %d outcomes of 100", last)
	}
	select {
	case <-g.Unsaved():
	default:
		t.Error("nobody was told that there was something to save")
	}
	select {
	case <-g.Unsaved():
		t.Error("told twice of the same")
	default:
	}
}
