package front

import (
	"sync"
	"testing"
)

// Whoever steps back comes back, however many there are.
func TestStepBack(t *testing.T) {
	turns := newTurnstile()
	var all sync.WaitGroup
	for range 4 * width {
		all.Go(func() {
			for range 50 {
				turns.stepBack()
			}
		})
	}
	all.Wait()
	if len(turns.free) != width {
		t.Errorf("%d of %d turns are free", len(turns.free), width)
	}
	turns.close()
	turns.stepBack() // where the kernel had no descriptors left
}
