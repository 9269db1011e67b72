package main

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/syndicate/syndicate/footprint"
)

// firstCollection is the size of memory at which garbage is collected first,
// in bytes. Most commands are over before.
const firstCollection = 32 << 20

// pace is how much garbage there may be from then on, in percent of what is
// in use: a little less than Go's own 100, for configurations of ten thousand
// blocks.
const pace = 90

// relax puts the garbage collector off until memory has grown to
// firstCollection: at Go's own pace, decoding a thousand services is
// collected ten times, for a third of its time. From the first collection on
// the collector works as usual. Whoever sets GOGC or GOMEMLIMIT is obeyed.
func relax() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(firstCollection)
	runtime.SetFinalizer(new([16]byte), func(*[16]byte) {
		debug.SetGCPercent(pace)
		debug.SetMemoryLimit(math.MaxInt64)
	})
}

// settle gives back the memory that a start took and nothing needs any more.
func settle() {
	debug.FreeOSMemory()
	footprint.Shed()
}
