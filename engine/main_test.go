package engine

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"

	"go.uber.org/goleak"
)

// modelRuns names the variable with how many random systems each model test
// tries: so many fake ones, and a tenth as many real ones. Without it there are
// usualRuns fake ones, a thing of seconds, and as many real ones as fit in 40 s.
// See make model.
const modelRuns = "SYNDICATE_MODEL_RUNS"

const usualRuns = 1000

func TestMain(m *testing.M) {
	if mode := os.Getenv(childVariable); mode != "" {
		child(mode)
		os.Exit(0)
	}
	if err := flag.Set("rapid.checks", strconv.Itoa(cmp.Or(wantedRuns(), usualRuns))); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// oneProcessor has a test's goroutines take turns on one processor. Under the
// race detector all timers of a testing/synctest bubble have one context of the
// detector, which two processors corrupt that find a timer due at once
// (runtime.timer.unlockAndRun in go1.26): after some ten thousand bubbles the
// detector crashes.
func oneProcessor(t *testing.T) {
	before := runtime.GOMAXPROCS(1)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

// wantedRuns is that number, 0 where there is none.
func wantedRuns() int {
	text := os.Getenv(modelRuns)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		panic(fmt.Sprintf("%s is %q, and must be a number from 1 on", modelRuns, text))
	}
	return n
}
