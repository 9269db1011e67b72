package proxy

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Rules are what is expected of a call and done for it.
type Rules struct {
	// SlowCall is the time to the first byte from which on a call counts as
	// a failure, in a route; for the rest the guard's Config says it.
	SlowCall time.Duration
	// Timeout bounds the upstream's silence up to the first byte of its
	// answer, IdleTimeout that within it; zero: as long.
	Timeout, IdleTimeout time.Duration
	// CallTimeout bounds the whole call with its retries, save what was
	// upgraded. Zero: nothing does.
	CallTimeout time.Duration
	// Failure are the statuses of failures, Neutral those that tell
	// nothing; Neutral goes first. Nil: 500 to 599 but 501 and 505, and 429.
	Failure, Neutral Statuses
	// FailureGRPC are the codes of gRPC's failures. Nil: UNKNOWN,
	// DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE and DATA_LOSS.
	FailureGRPC []int
	Retry       *Retry // nil: none
	Fallbacks   []Fallback
}

// Route has rules of its own for the calls that match a pattern of
// http.ServeMux.
type Route struct {
	Pattern string
	// Exclude lets calls pass whatever the state, and counts none of them.
	Exclude bool
	Rules
}

// StatusRange are the HTTP statuses from From to To.
type StatusRange struct{ From, To int }

// Statuses is a set of them.
type Statuses []StatusRange

func (s Statuses) has(status int) bool {
	for _, r := range s {
		if r.From <= status && status <= r.To {
			return true
		}
	}
	return false
}

// codes is a set of gRPC's status codes, of which the largest is 16.
type codes uint32

func codesOf(list []int) codes {
	var c codes
	for _, code := range list {
		c |= 1 << code
	}
	return c
}

func (c codes) has(code int) bool { return c&(1<<code) != 0 }

// rules are Rules at work.
type rules struct {
	Rules
	route       bool // not those of the rest
	exclude     bool
	failureGRPC codes
	retryGRPC   codes
	fallbacks   []fallback
	// forwards is whether one of them calls another upstream.
	forwards bool
}

func (p *HTTP) newRules(from Rules, old *policy) (*rules, error) {
	if from.Timeout <= 0 {
		return nil, errors.New("the timeout is not positive")
	}
	from.IdleTimeout = cmp.Or(from.IdleTimeout, from.Timeout)
	if from.Failure == nil {
		from.Failure = Statuses{{500, 500}, {502, 504}, {506, 599}}
	}
	if from.Neutral == nil {
		from.Neutral = Statuses{{http.StatusTooManyRequests, http.StatusTooManyRequests}}
	}
	if from.FailureGRPC == nil {
		from.FailureGRPC = []int{2, 4, 13, 14, 15}
	}
	r := &rules{Rules: from, failureGRPC: codesOf(from.FailureGRPC)}
	if from.Retry != nil {
		r.retryGRPC = codesOf(from.Retry.GRPC)
	}
	for i := range from.Fallbacks {
		f, err := p.newFallback(i, &from.Fallbacks[i], old)
		if err != nil {
			return nil, fmt.Errorf("fallback %d: %w", i+1, err)
		}
		r.forwards = r.forwards || f.source() == "upstream"
		r.fallbacks = append(r.fallbacks, f)
	}
	return r, nil
}

// keeps is how much of a request's body is kept to be sent again, in bytes.
func (r *rules) keeps() int {
	switch {
	case r.Retry != nil:
		return r.Retry.MaxBody
	case r.forwards:
		return defaultMaxBody
	}
	return 0
}

// lastGood finds the fallback that keeps good answers.
func (r *rules) lastGood() *lastGood {
	for _, f := range r.fallbacks {
		if l, ok := f.(*lastGood); ok {
			return l
		}
	}
	return nil
}

// routes finds the rules of a call.
type routes struct {
	mux       *http.ServeMux // nil: none; it only matches, and serves nothing
	byPattern map[string]*rules
}

func (p *HTTP) newRoutes(list []Route, old *policy) (out routes, err error) {
	if len(list) == 0 {
		return routes{}, nil
	}
	out = routes{http.NewServeMux(), map[string]*rules{}}
	for _, route := range list {
		r, err := p.newRules(route.Rules, old)
		if err == nil {
			r.route, r.exclude = true, route.Exclude
			err = out.add(route.Pattern, r)
		}
		if err != nil {
			return routes{}, fmt.Errorf("route %q: %w", route.Pattern, err)
		}
	}
	return out, nil
}

// add adds a pattern. ServeMux panics over wrong ones.
func (t routes) add(pattern string, r *rules) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the pattern: %v", p)
		}
	}()
	t.mux.Handle(pattern, http.NotFoundHandler())
	t.byPattern[pattern] = r
	return nil
}

// of returns the rules of a request, or nil where no route has it.
func (t routes) of(r *http.Request) *rules {
	if t.mux == nil {
		return nil
	}
	_, pattern := t.mux.Handler(r)
	return t.byPattern[pattern]
}
