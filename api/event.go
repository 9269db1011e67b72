package api

import "time"

// Event is one transition of a unit.
type Event struct {
	Time    time.Time `json:"time"`
	Unit    string    `json:"unit"`
	Kind    string    `json:"kind"` // service, database, migrations, task
	From    string    `json:"from"`
	To      string    `json:"to"`
	Cause   string    `json:"cause,omitempty"`
	Took    Seconds   `json:"took_seconds,omitzero"` // since the start of the run
	Attempt int       `json:"attempt,omitempty"`     // in the current series
	Next    time.Time `json:"next,omitzero"`         // of the next attempt
}

// Seconds is a span of time that is a number of seconds on the wire.
type Seconds float64

// Duration returns s as the standard library's type.
func (s Seconds) Duration() time.Duration { return time.Duration(float64(s) * float64(time.Second)) }
