package breaker

import (
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// State is where a breaker stands by itself, whatever its mode.
type State uint8

// The states, by how much they let through.
const (
	Closed   State = iota // every call
	HalfOpen              // a bounded number of them, on trial
	Open                  // none
)

var stateNames = [...]string{Closed: "closed", HalfOpen: "half_open", Open: "open"}

func (s State) String() string { return stateNames[s] }

// MarshalText writes the state as events and files have it.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *State) UnmarshalText(text []byte) error { return named(s, stateNames[:], text) }

// Mode says who decides.
type Mode uint8

// The modes. Auto is that of a breaker which nobody forced.
const (
	Auto         Mode = iota // the state decides
	ForcedOpen               // nothing passes
	ForcedClosed             // everything passes, and nothing is judged
	Observe                  // everything passes; the state says what would have been refused
)

var modeNames = [...]string{Auto: "auto", ForcedOpen: "open", ForcedClosed: "closed", Observe: "observe"}

func (m Mode) String() string { return modeNames[m] }

// MarshalText writes the mode as `breaker force` takes it.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (m *Mode) UnmarshalText(text []byte) error { return named(m, modeNames[:], text) }

func named[T ~uint8](into *T, names []string, text []byte) error {
	for i, name := range names {
		if name == string(text) {
			*into = T(i)
			return nil
		}
	}
	return fmt.Errorf("%q is none of %q", text, names)
}

func stateOf(s circuitbreaker.State) State {
	switch s {
	case circuitbreaker.OpenState:
		return Open
	case circuitbreaker.HalfOpenState:
		return HalfOpen
	}
	return Closed
}

// OpenError says why a call was refused. It is made once for each change, so
// refusing costs nothing.
type OpenError struct {
	// State is Open, or HalfOpen where all calls of the trial are under way.
	State State
	// Until is when it is worth trying again. Zero: nobody knows, since it
	// was forced.
	Until time.Time
	// Reason is why, in words: "5 failures in a row".
	Reason string
}

func (e *OpenError) Error() string {
	if e.State == HalfOpen {
		return "the circuit breaker is half-open: " + e.Reason
	}
	return "the circuit breaker is open: " + e.Reason
}

// RetryAfter is how long to wait as of now, at least a second, as the header
// of that name has it (RFC 9110, section 10.2.3); zero where nobody knows.
func (e *OpenError) RetryAfter(now time.Time) time.Duration {
	if e.Until.IsZero() {
		return 0
	}
	left := e.Until.Sub(now)
	return max(time.Second, (left+time.Second-1)/time.Second*time.Second)
}
