package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/syndicate/syndicate/engine/process"
)

// Who asks often does not measure often, nor wait for it, and what has started
// since is never told by what was before.
func TestMemoryIsLookedAtOnceInAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l memoryLook
		looks := 0
		now := func() (map[string]process.Memory, bool) {
			looks++
			time.Sleep(time.Millisecond)
			return map[string]process.Memory{"service.a": {Bytes: int64(looks)}}, true
		}
		started := time.Now().Add(-time.Hour)
		ask := func(what string, want int64, wait time.Duration) {
			t.Helper()
			begin := time.Now()
			units := []UnitStatus{{ID: "service.a", Started: started}}
			if _, ok := l.added(units, now, false); ok != (wait == 0) {
				t.Errorf("%s: without waiting: %t", what, ok)
			}
			got, _ := l.added(units, now, true)
			if again, ok := l.added(units, now, false); !ok || &again[0] != &got[0] {
				t.Errorf("%s: of the same units another list is made", what)
			}
			if units[0].Memory != 0 {
				t.Errorf("%s: the list that was given is changed", what)
			}
			if got := got[0].Memory; got != want {
				t.Errorf("%s: got look %d, want %d", what, got, want)
			}
			if took := time.Since(begin); took != wait {
				t.Errorf("%s: took %s, want %s", what, took, wait)
			}
		}
		ask("first", 1, time.Millisecond)
		for range 100 {
			ask("at once again", 1, 0)
		}
		time.Sleep(memoryAge)
		ask("later, the next look begins", 1, 0)
		ask("while it is taken", 1, 0)
		time.Sleep(2 * time.Millisecond)
		ask("when it is there", 2, 0)
		started = time.Now()
		time.Sleep(time.Nanosecond)
		ask("after a start", 3, time.Millisecond)
		ask("and again", 3, 0)
		time.Sleep(memoryGrace)
		ask("much later", 4, time.Millisecond)
		if looks != 4 {
			t.Errorf("%d looks", looks)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if _, ok := l.added([]UnitStatus{{ID: "service.a", Started: started}}, now, false); ok {
			t.Error("while somebody looks: it did not wait")
		}
	})
}
