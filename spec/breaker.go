package spec

import (
	"strconv"
	"strings"
)

// CallRules are what a breaker expects of a call and does for it.
type CallRules struct {
	SlowCall    Duration // 0: none is slow
	Timeout     Duration // up to the answer's first byte
	IdleTimeout Duration // between two parts of it; 0: Timeout
	CallTimeout Duration // the whole call; 0: it may take for ever
	// FailureStatus and NeutralStatus say which answers count as failures
	// and which tell nothing; NeutralStatus goes first.
	FailureStatus, NeutralStatus []StatusRange
	FailureGRPC                  []string // names of codes: UNAVAILABLE
	Retry                        *CallRetry
	Fallbacks                    []Fallback
}

// DefaultCallRules are those of a breaker that says nothing of its calls.
func DefaultCallRules() CallRules {
	return CallRules{
		Timeout:       Duration(60e9),
		FailureStatus: []StatusRange{{500, 500}, {502, 504}, {506, 599}},
		NeutralStatus: []StatusRange{{429, 429}},
		FailureGRPC:   []string{"UNKNOWN", "DEADLINE_EXCEEDED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"},
	}
}

// CallRetry says when a call is made again.
type CallRetry struct {
	Range Range
	Retry
	Methods []string // that may be sent twice; an Idempotency-Key allows others
	Status  []StatusRange
	GRPC    []string
	// Budget is the share of the calls that may be made again, above
	// MinPerSecond of them.
	Budget       Share
	MinPerSecond int
	MaxBody      Size // of a request that is kept for it
}

// Route has rules of its own for a part of a breaker's calls.
type Route struct {
	Range   Range
	Pattern string // as http.ServeMux has it: "GET /items/{id}"
	// Exclude lets its calls pass whatever the state, and counts none.
	Exclude bool
	CallRules
}

// Talk is what a tcp target is asked, and what its answer has to hold.
type Talk struct {
	Send, Expect string
	Timeout      Duration
}

// ClientTLS is how a breaker meets an upstream with TLS. Paths are absolute.
type ClientTLS struct {
	CA         string // "": the system's
	Cert, Key  string // "": none
	ServerName string // "": the target's host
}

// StatusRange are the HTTP statuses from From to To.
type StatusRange struct{ From, To int }

// String is 503 or 500-599.
func (r StatusRange) String() string {
	if r.From == r.To {
		return strconv.Itoa(r.From)
	}
	return strconv.Itoa(r.From) + "-" + strconv.Itoa(r.To)
}

// StatusText writes a list of them: 500, 502-504.
func StatusText(list []StatusRange) string {
	texts := make([]string, 0, len(list))
	for _, r := range list {
		texts = append(texts, r.String())
	}
	return strings.Join(texts, ", ")
}

// GRPCCodes are the names of the status codes of gRPC, by their number.
var GRPCCodes = []string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
	"UNAUTHENTICATED",
}
