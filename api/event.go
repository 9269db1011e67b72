package api

import "time"

// The kinds of events.
const (
	EventTransition = "transition" // a unit changed its state
	EventCommand    = "command"    // a person, or a rule, asked for something
	EventSystem     = "system"     // the system as a whole changed its state
	EventEngine     = "engine"     // the engine has something to say of itself
	EventBreaker    = "breaker"    // a circuit breaker opened, tries or closed
	EventNotice     = "notice"     // something else that is worth knowing of a unit
)

// Event is something that happened, as the journal keeps it.
type Event struct {
	Seq      uint64    `json:"seq,omitzero" doc:"Grows with each event of this state directory. An event that is not in the journal has none."`
	Time     time.Time `json:"time"`
	Life     string    `json:"life,omitempty" doc:"The mark of the life that it happened in: from the first start to down."`
	Kind     string    `json:"kind" enum:"transition,command,system,engine,breaker,notice"`
	Unit     string    `json:"unit,omitempty"`
	UnitKind string    `json:"unit_kind,omitempty" doc:"service, database, migrations or task."`
	From     string    `json:"from,omitempty"`
	To       string    `json:"to,omitempty" doc:"The state of the unit or the system, or the verb of a command."`
	Cause    string    `json:"cause,omitempty"`
	Actor    string    `json:"actor,omitempty" doc:"Who asked for it; empty where nobody did."`
	Run      int       `json:"run,omitempty" doc:"Number of the unit's run in this life, from 1."`
	Attempt  int       `json:"attempt,omitempty" doc:"Number of the attempt in the current series, from 1."`
	Restarts int       `json:"restarts,omitempty" doc:"The restarts of the unit until now, as its status counts them."`
	Took     Seconds   `json:"took_seconds,omitzero" doc:"Since the start of the run."`
	Next     time.Time `json:"next,omitzero" doc:"When the next attempt begins."`
	Exit     string    `json:"exit,omitempty" doc:"How the process ended."`
}

// Seconds is a span of time that is a number of seconds on the wire.
type Seconds float64

// Duration returns s as the standard library's type.
func (s Seconds) Duration() time.Duration { return time.Duration(float64(s) * float64(time.Second)) }
