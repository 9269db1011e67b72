package breaker

import (
	"math"
	"time"
)

// Numbers are what a guard has counted since it was made.
type Numbers struct {
	Successes uint64 `json:"successes"`
	Failures  uint64 `json:"failures"`
	Neutral   uint64 `json:"neutral"`
	Slow      uint64 `json:"slow"` // of the failures
	Rejected  uint64 `json:"rejected"`
	// Observed are the calls that were let through where a guard that is not
	// forced would have refused them.
	Observed uint64 `json:"observed"`
	Opened   uint64 `json:"opened"` // how often
	InFlight int64  `json:"in_flight"`
	// Latency counts the calls by time to first byte: for each of
	// LatencyBounds those that took at most that and more than the one
	// before, last those beyond all of them.
	Latency    [len(LatencyBounds) + 1]uint64 `json:"latency"`
	LatencySum time.Duration                  `json:"latency_sum_ns"`
}

// LatencyBounds are the upper bounds of the buckets of Numbers.Latency.
var LatencyBounds = [...]time.Duration{
	500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
	25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute,
}

// Recent is what the last minute tells.
type Recent struct {
	Calls uint64 `json:"calls"` // successes, failures and neutral ones
	// Failures and Successes are shares of those that were either; NaN
	// without any, which is no value.
	FailureRate float64 `json:"-"`
	SuccessRate float64 `json:"-"`
	// LatencyP95 is the time to first byte under which 95 % of the calls
	// were, up to a tenth; zero without any.
	LatencyP95 time.Duration `json:"latency_p95_ns,omitempty"`
}

// recently is how far Recent looks back.
const recently = time.Minute

// minute is a slice of the last minute.
type minute struct {
	tally
	neutral uint32
	latency [latencySteps]uint32
}

// The steps of the recent latencies grow by a fifth each, from 100 µs to
// beyond ten minutes: what a percentile reads off them is off by at most a
// tenth.
const (
	latencySteps = 88
	latencyFirst = 100 * time.Microsecond
	latencyRatio = 1.2
)

func latencyStep(d time.Duration) int {
	if d <= latencyFirst {
		return 0
	}
	step := math.Ceil(math.Log(float64(d)/float64(latencyFirst)) / math.Log(latencyRatio))
	return min(latencySteps-1, int(step))
}

// counters are the numbers as they grow.
type counters struct {
	Numbers
	minute window[minute]
}

func (c *counters) answered(now, latency time.Duration) {
	i := 0
	for i < len(LatencyBounds) && latency > LatencyBounds[i] {
		i++
	}
	c.Latency[i]++
	c.LatencySum += latency
	c.minute.now(now).latency[latencyStep(latency)]++
}

func (c *counters) recent(now time.Duration) Recent {
	c.minute.now(now)
	var r Recent
	var sums minute
	calls := uint32(0)
	for i := range c.minute.ring {
		m := &c.minute.ring[i]
		sums.successes += m.successes
		sums.failures += m.failures
		sums.neutral += m.neutral
		for step, n := range m.latency {
			sums.latency[step] += n
			calls += n
		}
	}
	judged := float64(sums.successes) + float64(sums.failures)
	r.Calls = uint64(judged) + uint64(sums.neutral)
	r.FailureRate, r.SuccessRate = float64(sums.failures)/judged, float64(sums.successes)/judged
	if calls > 0 {
		rank, seen := uint32(math.Ceil(0.95*float64(calls))), uint32(0)
		for step, n := range sums.latency {
			if seen += n; seen >= rank {
				// The middle of the step.
				r.LatencyP95 = time.Duration(float64(latencyFirst) * math.Pow(latencyRatio, float64(step)-0.5))
				break
			}
		}
	}
	return r
}
