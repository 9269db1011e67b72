package metric

import (
	"strings"
	"time"
)

// Breaker is what is known of one circuit breaker.
type Breaker struct {
	ID       string // breaker.ollama
	State    string // closed, half_open, open
	Mode     string // auto, open, closed, observe
	InFlight int64
	// Calls are the calls by their outcome: success, failure, neutral.
	Calls                            map[string]uint64
	Slow, Rejected, Observed, Opened uint64
	// Full are the calls that were refused since too many were under way,
	// Fallbacks the answers of fallbacks by their kind.
	Full      uint64
	Fallbacks map[string]uint64
	// Waiting are the calls in line, Retries further attempts, Exhausted
	// those that the budget did not allow.
	Waiting            int
	Retries, Exhausted uint64
	// Latency counts calls by their time to the first byte: for each bound
	// those that took at most that and more than the one before, last the
	// rest.
	Bounds     []time.Duration
	Latency    []uint64
	LatencySum time.Duration
}

// breakers writes what is told of each circuit breaker, in the order of the
// list.
func breakers(p *page, list []Breaker) {
	if len(list) == 0 {
		return
	}
	each := func(name, kind, help string, write func(b *Breaker, sample func(v float64, labels ...string))) {
		p.family("syndicate_breaker_"+name, kind, help)
		for i := range list {
			write(&list[i], func(v float64, labels ...string) {
				p.sample(v, append([]string{"breaker", list[i].ID}, labels...)...)
			})
		}
	}
	plain := func(name, kind, help string, value func(b *Breaker) float64) {
		each(name, kind, help, func(b *Breaker, sample func(float64, ...string)) { sample(value(b)) })
	}
	one := func(name, help, label string, all []string, of func(b *Breaker) string) {
		each(name, gauge, help, func(b *Breaker, sample func(float64, ...string)) {
			for _, v := range all {
				sample(truth(v == of(b)), label, v)
			}
		})
	}
	by := func(name, help, label string, counts func(b *Breaker) map[string]uint64) {
		each(name, counter, help, func(b *Breaker, sample func(float64, ...string)) {
			of := counts(b)
			for _, key := range sorted(of, strings.Compare) {
				sample(float64(of[key]), label, key)
			}
		})
	}
	one("state", "1 for the state that the breaker is in by itself, 0 for the others.", "state", []string{"closed", "half_open", "open"},
		func(b *Breaker) string { return b.State })
	one("mode", "1 for who decides: auto, or what it was forced to.", "mode", []string{"auto", "open", "closed", "observe"},
		func(b *Breaker) string { return b.Mode })
	plain("in_flight", gauge, "Calls under way.", func(b *Breaker) float64 { return float64(b.InFlight) })
	by("calls_total", "Calls by their outcome; neutral ones tell nothing of the other side.", "outcome", func(b *Breaker) map[string]uint64 { return b.Calls })
	plain("slow_calls_total", counter, "Calls that failed since they were too slow.", func(b *Breaker) float64 { return float64(b.Slow) })
	plain("rejected_total", counter, "Calls that were refused.", func(b *Breaker) float64 { return float64(b.Rejected) })
	plain("observed_total", counter, "Calls that were let through in the mode observe though they would have been refused.", func(b *Breaker) float64 { return float64(b.Observed) })
	plain("full_total", counter, "Calls that were refused since as many as may be were under way.", func(b *Breaker) float64 { return float64(b.Full) })
	plain("waiting", gauge, "Calls that wait in line for one of as many as may be under way.", func(b *Breaker) float64 { return float64(b.Waiting) })
	plain("retries_total", counter, "Further attempts of calls that had failed.", func(b *Breaker) float64 { return float64(b.Retries) })
	plain("retries_exhausted_total", counter, "Further attempts that the budget of retries did not allow.", func(b *Breaker) float64 { return float64(b.Exhausted) })
	plain("opened_total", counter, "How often it has opened.", func(b *Breaker) float64 { return float64(b.Opened) })
	by("fallbacks_total", "Answers of fallbacks by their kind.", "source", func(b *Breaker) map[string]uint64 { return b.Fallbacks })
	p.family("syndicate_breaker_first_byte_seconds", histogram, "Time from a call to the first byte of its answer, or to its failure.")
	for i := range list {
		b := &list[i]
		bounds := make([]float64, len(b.Bounds))
		for n, d := range b.Bounds {
			bounds[n] = d.Seconds()
		}
		p.durations(&durations{counts: b.Latency, sum: b.LatencySum.Seconds()}, bounds, "breaker", b.ID)
	}
}
