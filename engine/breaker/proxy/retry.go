package proxy

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Retry says when a call is made again.
type Retry struct {
	// Attempts is how often to try in all.
	Attempts int
	// Delay is the wait before the second attempt; each further one is
	// Factor times as long, up to MaxDelay. All vary by the share Jitter.
	Delay, MaxDelay time.Duration
	Factor, Jitter  float64
	// Methods may be sent twice; others are where the request has an
	// Idempotency-Key, and where no connection came about.
	Methods []string
	// Status and GRPC are answers to try again after.
	Status Statuses
	GRPC   []int
	// Budget is the share of the calls of the last ten seconds that may be
	// made again, above MinPerSecond.
	Budget       float64
	MinPerSecond int
	// MaxBody is how much of a request's body is kept to be sent again, in
	// bytes.
	MaxBody int
}

// defaultMaxBody is how much is kept for another upstream, in bytes.
const defaultMaxBody = 64 << 10

// wait is how long to wait after so many attempts.
func (r *Retry) wait(attempts int) time.Duration {
	d := float64(r.Delay)
	for ; attempts > 1 && d < float64(r.MaxDelay); attempts-- {
		d *= r.Factor
	}
	d = min(d, float64(r.MaxDelay))
	d *= 1 + r.Jitter*(2*rand.Float64()-1)
	return time.Duration(min(d, float64(r.MaxDelay)))
}

// repeatable reports whether a request may be sent twice, by what its client
// says of it (RFC 9110, section 9.2.2).
func (r *Retry) repeatable(in *http.Request) bool {
	return slices.Contains(r.Methods, in.Method) || in.Header["Idempotency-Key"] != nil || in.Header["X-Idempotency-Key"] != nil
}

// again decides whether a call is made again after an attempt, and waits
// until it is time. It returns the next attempt, with a permit. Without one
// the trouble says why, where there is a new reason: res is gone then.
func (c *call) again(a *attempt, out *http.Request, res *http.Response, t *trouble) (*attempt, *trouble, error) {
	retry := c.rules.Retry
	if retry == nil || c.attempts >= retry.Attempts || !c.mayRepeat(a, res, t) {
		return nil, nil, nil
	}
	wait := retry.wait(c.attempts)
	if res != nil {
		after := parseRetryAfter(res.Header, time.Now())
		if after > retry.MaxDelay {
			return nil, nil, nil
		}
		wait = max(wait, after)
	}
	if !c.proxy.budget.take(time.Now(), retry.Budget, retry.MinPerSecond) {
		c.proxy.counted.exhausted.Add(1)
		return nil, nil, nil
	}
	if res != nil {
		a.discard(res)
	}
	a.end()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-out.Context().Done():
		if c.overtime() {
			return nil, c.late(), nil
		}
		return nil, nil, context.Cause(out.Context())
	}
	next := c.attempt(c.policy.target)
	if refused := next.permitted(); refused != nil {
		return nil, opened(refused), nil
	}
	if next.permit.Trial() {
		// A trial has better things to do than the second try of a call
		// that has failed.
		next.permit.Neutral()
		return nil, t, nil
	}
	c.proxy.counted.retries.Add(1)
	return next, nil, nil
}

// mayRepeat reports whether an attempt failed so that it is worth another
// one, and did nothing that must not be done twice.
func (c *call) mayRepeat(a *attempt, res *http.Response, t *trouble) bool {
	switch {
	case !c.body.repeatable() || a.permit.Trial():
		return false
	case res == nil:
		return t != nil && t.reason == "failed" && (!a.connected.Load() || c.rules.Retry.repeatable(c.in))
	case a.grpc && res.Header.Get("Grpc-Status") != "":
		return c.rules.retryGRPC.has(grpcCode(res.Header)) && c.rules.Retry.repeatable(c.in)
	}
	return c.rules.Retry.Status.has(res.StatusCode) && c.rules.Retry.repeatable(c.in)
}

const (
	// budgetSpan is how far back calls allow retries.
	budgetSpan   = 10 * time.Second
	budgetSlices = 10
)

// budget bounds the retries by the calls, as Finagle's does: an upstream that
// is down gets a little more calls than without retries, and not many times
// as many. Its methods may be called by many goroutines at once.
type budget struct {
	mu    sync.Mutex
	start time.Time
	slice int64 // the newest
	ring  [budgetSlices]struct{ calls, retries int }
}

// call notes a call; its retries are none.
func (b *budget) call(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.advance(now)
	b.ring[b.slice%budgetSlices].calls++
}

// take asks for a retry: within the span there may be the share of its calls
// and so many per second.
func (b *budget) take(now time.Time, share float64, perSecond int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.advance(now)
	calls, retries := 0, 0
	for _, s := range b.ring {
		calls += s.calls
		retries += s.retries
	}
	if float64(retries+1) > share*float64(calls)+float64(perSecond)*budgetSpan.Seconds() {
		return false
	}
	b.ring[b.slice%budgetSlices].retries++
	return true
}

// advance drops what is too old. The lock is held.
func (b *budget) advance(now time.Time) {
	if b.start.IsZero() {
		b.start = now
	}
	at := max(b.slice, int64(now.Sub(b.start)/(budgetSpan/budgetSlices)))
	for n := min(at-b.slice, budgetSlices); n > 0; n-- {
		b.ring[(at-n+1)%budgetSlices] = struct{ calls, retries int }{}
	}
	b.slice = at
}
