package metric

import (
	"slices"
	"sync"
	"time"
)

// LatencyBounds are the upper bounds of a histogram of short waits and
// statements, in seconds.
var LatencyBounds = []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}

// Histogram counts durations since it was made. It is safe for concurrent
// use.
type Histogram struct {
	bounds []float64

	mu sync.Mutex
	d  durations // guarded by mu
}

// NewHistogram returns one with buckets up to each bound, in seconds and in
// order.
func NewHistogram(bounds []float64) *Histogram {
	return &Histogram{bounds: bounds, d: durations{counts: make([]uint64, len(bounds)+1)}}
}

// Observe counts one duration.
func (h *Histogram) Observe(took time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.d.add(took.Seconds(), h.bounds)
}

// snapshot copies what was counted.
func (h *Histogram) snapshot() *durations {
	h.mu.Lock()
	defer h.mu.Unlock()
	return &durations{counts: slices.Clone(h.d.counts), sum: h.d.sum}
}
