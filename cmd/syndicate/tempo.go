package main

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// hurried is the time between two collections below which a process is
	// in a hurry.
	hurried = 500 * time.Millisecond
	// hurriedGarbage is how much garbage there may be then before it is
	// collected, in bytes: half a second of a breaker at 6,000 calls a second.
	hurriedGarbage = 32 << 20
	// calm is for how long nothing must have been collected to be in a hurry
	// no longer.
	calm = 5 * time.Second
)

// tempo lets a process that makes garbage fast have more of it. An engine
// holds a few megabytes, so at the usual pace a busy breaker has them looked
// through ten times a second, for a tenth of its time. Once that is over the
// memory goes back.
type tempo struct {
	mu      sync.Mutex
	last    time.Time   // a collection; guarded by mu
	percent int         // in force, 0: the usual pace; guarded by mu
	over    *time.Timer // guarded by mu
}

// keepTempo begins that, for as long as the process lives.
var keepTempo = sync.OnceFunc(func() {
	if !ownPace() {
		newTempo().await()
	}
})

func newTempo() *tempo {
	t := &tempo{}
	t.over = time.AfterFunc(math.MaxInt64, t.ease)
	return t
}

// await has the next collection noted, and all that follow.
func (t *tempo) await() {
	runtime.SetFinalizer(new([32]byte), func(*[32]byte) {
		t.collected(time.Now())
		t.await()
	})
}

func (t *tempo) collected(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	since := now.Sub(t.last)
	t.last = now
	if since >= hurried && t.percent == 0 {
		return
	}
	t.over.Reset(calm)
	percent := hurriedPercent(liveHeap())
	if t.percent*4 < percent*3 || t.percent > percent*5/4 { // each change stops the world
		t.percent = percent
		setUsual(percent)
	}
}

// hurriedPercent is the pace that leaves hurriedGarbage beside so much that is
// in use, and never a slower one than usual.
func hurriedPercent(live uint64) int {
	return max(pace, int(hurriedGarbage*100/max(live, 1<<20)))
}

// liveHeap is what the last collection has left, in bytes.
func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// ease goes back to the usual pace, and gives the memory back.
func (t *tempo) ease() {
	t.mu.Lock()
	t.percent = 0
	t.mu.Unlock()
	setUsual(pace)
	debug.FreeOSMemory()
}
