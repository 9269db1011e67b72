package main

import (
	"runtime/debug"
	"testing"
	"time"
)

// A process in a hurry may have more garbage, and only for as long as it is
// in one.
func TestTempo(t *testing.T) {
	before := debug.SetGCPercent(pace)
	defer debug.SetGCPercent(before)
	inForce := func() int {
		now := debug.SetGCPercent(pace)
		debug.SetGCPercent(now)
		return now
	}
	tempo := newTempo()
	defer tempo.over.Stop()
	now := time.Now()
	for range 3 {
		now = now.Add(hurried)
		tempo.collected(now)
	}
	if got := inForce(); got != pace {
		t.Errorf("in no hurry the pace is %d, not %d", got, pace)
	}
	tempo.collected(now.Add(hurried - 1))
	if got := inForce(); got != tempo.percent || got < pace {
		t.Errorf("in a hurry the pace is %d, and %d is noted", got, tempo.percent)
	}
	asUsual() // a start or a change is over
	if got := inForce(); got != tempo.percent {
		t.Errorf("in a hurry still the pace is %d, not %d", got, tempo.percent)
	}
	tempo.ease()
	if got := inForce(); got != pace || tempo.percent != 0 {
		t.Errorf("afterwards the pace is %d, and %d is noted", got, tempo.percent)
	}
	for live, percent := range map[uint64]int{0: 3200, 8 << 20: 400, 1 << 40: pace} {
		if got := hurriedPercent(live); got != percent {
			t.Errorf("beside %d bytes the pace is %d, not %d", live, got, percent)
		}
	}
}
