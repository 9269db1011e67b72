package metric

import (
	"math"
	"sync"
	"time"
)

// The shape of a window: how long one of its slots is, how far it looks back,
// and which durations its buckets tell apart. Each bucket is a quarter wider
// than the one before, so that a percentile is at most a quarter too high.
const (
	slotLength  = 5 * time.Second
	slots       = 180
	leastBucket = 50 * time.Microsecond
	widening    = 1.25
	buckets     = 64
)

// WindowLongest is how far back a Window can look.
const WindowLongest = slots * slotLength

// Window keeps what happened lately: how often, how long it took, and whether
// it went well. Its zero value is ready for use, also by many goroutines; it
// takes no memory before the first call of Observe.
type Window struct {
	mu    sync.Mutex
	slots []slot // a ring, by the number of the slot; guarded by mu
}

// slot is what happened within one slotLength.
type slot struct {
	number int64 // of slotLengths since 1970
	ok     uint32
	failed uint32
	sum    time.Duration
	counts [buckets]uint32
}

// Summary is what a Window says of a span of time. Where nothing happened
// Count is 0, and the rest says nothing.
type Summary struct {
	Count   int
	Average time.Duration
	P95     time.Duration // 95 of 100 took no longer
	Success float64       // the share that went well
}

// Observe notes one thing that ended at a time.
func (w *Window) Observe(at time.Time, took time.Duration, ok bool) {
	number := at.UnixNano() / int64(slotLength)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.slots == nil {
		w.slots = make([]slot, slots)
	}
	s := &w.slots[number%slots]
	if s.number != number {
		*s = slot{number: number}
	}
	if ok {
		s.ok++
	} else {
		s.failed++
	}
	s.sum += took
	s.counts[bucketOf(took)]++
}

// Summary looks back from a time over a span, at most WindowLongest.
func (w *Window) Summary(now time.Time, over time.Duration) Summary {
	last := now.UnixNano() / int64(slotLength)
	first := last - int64((min(over, WindowLongest)-1)/slotLength)
	var all slot
	w.mu.Lock()
	for i := range w.slots {
		if s := &w.slots[i]; s.number >= first && s.number <= last {
			all.ok += s.ok
			all.failed += s.failed
			all.sum += s.sum
			for b, n := range s.counts {
				all.counts[b] += n
			}
		}
	}
	w.mu.Unlock()
	count := all.ok + all.failed
	if count == 0 {
		return Summary{}
	}
	return Summary{
		Count: int(count), Average: all.sum / time.Duration(count),
		P95: percentile(&all.counts, count), Success: float64(all.ok) / float64(count),
	}
}

// percentile returns the upper bound of the bucket that holds the 95th of
// 100.
func percentile(counts *[buckets]uint32, count uint32) time.Duration {
	rank, seen := uint32(math.Ceil(float64(count)*0.95)), uint32(0)
	for b, n := range counts {
		if seen += n; seen >= rank {
			return boundOf(b)
		}
	}
	return boundOf(buckets - 1)
}

// bucketOf returns the bucket of a duration; the last one has all that are
// longer.
func bucketOf(took time.Duration) int {
	if took <= leastBucket {
		return 0
	}
	b := int(math.Ceil(math.Log(float64(took)/float64(leastBucket)) / math.Log(widening)))
	return min(b, buckets-1)
}

// boundOf returns the longest duration of a bucket.
func boundOf(b int) time.Duration {
	return time.Duration(float64(leastBucket) * math.Pow(widening, float64(b)))
}
