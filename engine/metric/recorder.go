package metric

import (
	"cmp"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
)

// Recorder counts durations. Its zero value is ready for use, also by many
// goroutines; a nil *Recorder counts nothing.
type Recorder struct {
	mu     sync.Mutex
	starts map[string]*durations // by kind of unit; guarded by mu
	probes map[probe]*durations  // guarded by mu
}

// probe is what looks are told apart by.
type probe struct {
	kind string
	ok   bool
}

// maxKinds bounds the kinds that are counted, whatever a caller says.
const maxKinds = 32

// Started counts a start of a unit that led to readiness, or to the end of a
// task.
func (r *Recorder) Started(kind string, took time.Duration) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	add(&r.starts, kind, took, startBounds)
}

// Probed counts one look of a probe.
func (r *Recorder) Probed(kind string, took time.Duration, ok bool) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	add(&r.probes, probe{kind, ok}, took, probeBounds)
}

func add[K comparable](all *map[K]*durations, key K, took time.Duration, bounds []float64) {
	d := (*all)[key]
	if d == nil {
		if len(*all) >= maxKinds {
			return
		}
		if *all == nil {
			*all = map[K]*durations{}
		}
		d = &durations{counts: make([]uint64, len(bounds)+1)}
		(*all)[key] = d
	}
	d.add(took.Seconds(), bounds)
}

// The upper bounds of the buckets, in seconds.
var (
	startBounds = []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300}
	probeBounds = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
)

// durations is a histogram.
type durations struct {
	counts []uint64 // for each bound those that fit under it and not under the one before; the last: the rest
	sum    float64
}

func (d *durations) add(seconds float64, bounds []float64) {
	d.counts[sort.SearchFloat64s(bounds, seconds)]++
	d.sum += seconds
}

func (p probe) result() string {
	if p.ok {
		return "success"
	}
	return "failure"
}

func (p probe) compare(q probe) int {
	return cmp.Or(strings.Compare(p.kind, q.kind), strings.Compare(p.result(), q.result()))
}

// sorted returns the keys of a map in order.
func sorted[K comparable, V any](m map[K]V, compare func(K, K) int) []K {
	return slices.SortedFunc(maps.Keys(m), compare)
}
