package event

import (
	"encoding/json"
	"math"
	"time"
)

// Kind says what sort of thing happened.
type Kind string

// The kinds of events. Readers keep those that they do not know.
const (
	Transition Kind = "transition" // a unit went from one state to another
	Command    Kind = "command"    // somebody asked for something
	System     Kind = "system"     // the system as a whole: its state, an apply
	Engine     Kind = "engine"     // the engine itself: its start and end, a loss
	Breaker    Kind = "breaker"    // a circuit breaker opened, tries or closed
	Notice     Kind = "notice"     // something else that is worth knowing of a unit
)

// Event is one thing that happened. Fields that say nothing are zero.
type Event struct {
	// Seq orders events, from 1; it has gaps where events were lost. The
	// store gives it and goes on with it from life to life.
	Seq  uint64
	Time time.Time
	// Life is the engine's life that it happened in.
	Life string
	Kind Kind
	// Unit is the ID of the unit concerned, and UnitKind what that is:
	// service, database, migrations, task.
	Unit, UnitKind string
	// From and To are states, of the unit or of the system. For a command,
	// To is its verb.
	From, To string
	// Cause is why, in words.
	Cause string
	// Actor is who asked for it; empty where the engine acted by itself.
	Actor string
	// Run is the number of the unit's run, Attempt that of the attempt in
	// the current series; both from 1.
	Run, Attempt int
	// Restarts is how often the unit was started again since the engine began, as
	// api.Unit counts it.
	Restarts int
	// Took is how long it took, from the start of the run to this state.
	Took time.Duration
	// Next is when the next attempt begins.
	Next time.Time
	// Exit is how a process ended, in words.
	Exit string
}

// wire is the JSON form of an event. Fields are added to it, never renamed.
type wire struct {
	Seq      uint64    `json:"seq,omitempty"`
	Time     time.Time `json:"time"`
	Life     string    `json:"life,omitempty"`
	Kind     Kind      `json:"kind"`
	Unit     string    `json:"unit,omitempty"`
	UnitKind string    `json:"unit_kind,omitempty"`
	From     string    `json:"from,omitempty"`
	To       string    `json:"to,omitempty"`
	Cause    string    `json:"cause,omitempty"`
	Actor    string    `json:"actor,omitempty"`
	Run      int       `json:"run,omitempty"`
	Attempt  int       `json:"attempt,omitempty"`
	Restarts int       `json:"restarts,omitempty"`
	Took     float64   `json:"took_seconds,omitempty"`
	Next     time.Time `json:"next,omitzero"`
	Exit     string    `json:"exit,omitempty"`
}

// MarshalJSON writes times in UTC and spans in seconds.
func (e Event) MarshalJSON() ([]byte, error) {
	w := wire{
		Seq: e.Seq, Time: e.Time.UTC(), Life: e.Life, Kind: e.Kind, Unit: e.Unit, UnitKind: e.UnitKind,
		From: e.From, To: e.To, Cause: e.Cause, Actor: e.Actor, Run: e.Run, Attempt: e.Attempt,
		Restarts: e.Restarts, Took: e.Took.Seconds(), Exit: e.Exit,
	}
	if !e.Next.IsZero() {
		w.Next = e.Next.UTC()
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON wrote, and what later versions write
// as far as this one knows it.
func (e *Event) UnmarshalJSON(data []byte) error {
	var w wire
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*e = Event{
		Seq: w.Seq, Time: w.Time, Life: w.Life, Kind: w.Kind, Unit: w.Unit, UnitKind: w.UnitKind,
		From: w.From, To: w.To, Cause: w.Cause, Actor: w.Actor, Run: w.Run, Attempt: w.Attempt,
		Restarts: w.Restarts, Took: span(w.Took), Next: w.Next, Exit: w.Exit,
	}
	return nil
}

// span turns seconds into a duration; what no duration can hold becomes the
// longest.
func span(seconds float64) time.Duration {
	ns := math.Round(seconds * float64(time.Second))
	switch {
	case ns >= math.MaxInt64:
		return math.MaxInt64
	case ns <= math.MinInt64:
		return math.MinInt64
	}
	return time.Duration(ns)
}
