package api

import "time"

// Permit is the answer of a circuit breaker to whoever asks for one call: the
// first event of a stream. The permit is the stream's: who closes it without
// an outcome has told nothing, and no permit is lost.
type Permit struct {
	ID      string    `json:"id,omitempty" doc:"Names the permit to say how the call went; without it, the call was refused."`
	Breaker string    `json:"breaker"`
	Trial   bool      `json:"trial,omitempty" doc:"The breaker is half-open and waits for the outcome."`
	Reason  string    `json:"reason,omitempty" doc:"Why it was refused."`
	Until   time.Time `json:"until,omitzero" doc:"When it is worth trying again; nobody knows where it was forced."`
}

// The outcomes of a call.
const (
	CallSucceeded = "success"
	CallFailed    = "failure"
	CallNeutral   = "neutral"
)

// Outcome says how a call went.
type Outcome struct {
	ID      string `json:"id" doc:"Of the permit."`
	Outcome string `json:"outcome" doc:"success, failure, or neutral, which counts for nothing."`
	Error   string `json:"error,omitempty" doc:"What went wrong, in a few words and without secrets: exit code 3."`
}
