package gateway

import "strings"

// Guard is a circuit breaker before the server. Its methods are called by
// many goroutines, and do not block.
type Guard interface {
	// Permit lets one session try the server. Where the breaker is open the
	// error says so, and until when.
	Permit() (Permit, error)
}

// Permit is the leave to try once. Exactly one of its methods is called,
// once.
type Permit interface {
	Success()
	Failure(reason string)
	// Neutral says that the server had no part in how it went.
	Neutral()
}

// unguarded is the guard where there is none.
type unguarded struct{}

func (unguarded) Permit() (Permit, error) { return granted{}, nil }

type granted struct{}

func (granted) Success()       {}
func (granted) Failure(string) {}
func (granted) Neutral()       {}

// connectionClass reports whether an SQLSTATE says that the server is not
// there for anybody, rather than that it does not like what was asked.
func connectionClass(state string) bool {
	switch state {
	case "57P01", "57P02", "57P03", tooManyConns:
		return true
	}
	// 08P01 is what a server says of a client that breaks the protocol.
	return strings.HasPrefix(state, "08") && state != protocolViolation
}
