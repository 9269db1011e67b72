package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/syndicate/syndicate/engine/process"
)

// Who asks often does not measure often.
func TestMemoryIsLookedAtOnceInAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l memoryLook
		looks := 0
		now := func() (map[string]process.Memory, bool) {
			looks++
			return map[string]process.Memory{"service.a": {Bytes: int64(looks)}}, true
		}
		for range 100 {
			if got := l.look(now)["service.a"].Bytes; got != 1 {
				t.Fatalf("got %d", got)
			}
		}
		time.Sleep(memoryAge)
		if got := l.look(now)["service.a"].Bytes; got != 2 || looks != 2 {
			t.Errorf("later: got %d after %d looks", got, looks)
		}
	})
}
