package front

import (
	"sync"
	"testing"
)

// Whoever steps back comes back, however many there are.
func TestStepBack(t *testing.T) {
	turns := newTurnstile()
	var all sync.WaitGroup
	for range 4 * cap(turns.free) {
		all.Go(func() {
			for range 50 {
				turns.stepBack()
			}
		})
	}
	all.Wait()
	if len(turns.free) != cap(turns.free) {
		t.Errorf("%d of %d turns are free", len(turns.free), cap(turns.free))
	}
	turns.close()
	turns.stepBack() // where the kernel had no descriptors left
}
