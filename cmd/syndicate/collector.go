package main

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/syndicate/syndicate/footprint"
)

// firstCollection is the size of memory at which garbage is collected first,
// in bytes. Most commands are over before.
const firstCollection = 64 << 20

// pace is how much garbage there may be from then on, in percent of what is
// in use: a little less than Go's own 100, for configurations of ten thousand
// blocks.
const pace = 90

// changeGarbage is how much garbage a change of a running system may make
// before it is collected, in bytes: about what decoding two thousand services
// leaves.
const changeGarbage = 64 << 20

// relax puts the garbage collector off until memory has grown to
// firstCollection: at Go's own pace, decoding a thousand services is
// collected ten times, for a third of its time. From the first collection on
// the collector works as usual. Whoever sets GOGC or GOMEMLIMIT is obeyed.
func relax() {
	if ownPace() {
		return
	}
	putOff(firstCollection)
}

// unhurried puts the garbage collector off for a change of a running system,
// which is over long before there is too much: a collection in the middle
// looks at every stack of a thousand supervised services, and takes half of
// the change's time. The function that it returns ends that, but only after
// settle has cleared up, where it does: one collection is enough for both.
func unhurried() func() {
	if ownPace() {
		return func() {}
	}
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	putOff(int64(now.Sys-now.HeapReleased) + changeGarbage)
	return func() { time.AfterFunc(2*settleAfter, asUsual) }
}

// ownPace reports whether whoever started this process has set the pace.
func ownPace() bool { return os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" }

// putOff has garbage collected only once the process has so much memory, and
// as usual from that collection on.
func putOff(limit int64) {
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(limit)
	runtime.SetFinalizer(new([16]byte), func(*[16]byte) { asUsual() })
}

// usual is the pace that holds but for a start and a change, in percent.
var usual = struct {
	sync.Mutex
	percent int
}{percent: pace}

// asUsual ends what putOff began.
func asUsual() {
	usual.Lock()
	defer usual.Unlock()
	debug.SetGCPercent(usual.percent)
	debug.SetMemoryLimit(math.MaxInt64)
}

// setUsual makes another pace the usual one, from now on.
func setUsual(percent int) {
	usual.Lock()
	defer usual.Unlock()
	usual.percent = percent
	debug.SetGCPercent(percent)
}

// settleAfter is how long what was started has the processors for itself
// before the engine clears up behind its start.
const settleAfter = time.Second

// settle gives back the memory that a start or a change took and nothing needs
// any more, in a moment: unless the timer is stopped.
func settle() *time.Timer {
	return time.AfterFunc(settleAfter, func() {
		debug.FreeOSMemory()
		footprint.Shed()
	})
}

// settler settles what changes leave that may follow one another: not before
// the last of them is over.
type settler struct {
	mu    sync.Mutex
	timer *time.Timer // guarded by mu
}

func (s *settler) settle() {
	s.putOff()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer = settle()
}

func (s *settler) putOff() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
	}
}
