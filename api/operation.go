package api

import (
	"encoding/json"
	"time"
)

// MaxBundle bounds the body of an apply, in bytes.
const MaxBundle = 64 << 20

// Questions are what the configuration that was applied last asked of the
// world. An engine whose configuration gave warnings tells none.
type Questions struct {
	FormatVersion string   `json:"format_version"`
	Env           []string `json:"env,omitempty" doc:"Names of environment variables."`
	Inherit       []string `json:"inherit,omitempty" doc:"Patterns of inherit_env."`
	Files         []string `json:"files,omitempty" doc:"Absolute paths of files that were read."`
	Dirs          []string `json:"dirs,omitempty" doc:"Of directories that were listed."`
	Paths         []string `json:"paths,omitempty" doc:"Of what was looked at."`
	Users         []string `json:"users,omitempty"`
	Groups        []string `json:"groups,omitempty"`
}

// CommandRequest tells units to do something.
type CommandRequest struct {
	Verb  string   `json:"verb" doc:"start, stop, restart, or the name of an action of the units."`
	Units []string `json:"units" doc:"Addresses as status has them; start without any means all that are held."`
	Args  []string `json:"args,omitempty" doc:"Arguments of an action."`
}

// Progress is one event of the answer to an apply or a command: exactly one
// of turn, plan, event, waiting and result is set. The result is the last one.
type Progress struct {
	Elapsed Seconds         `json:"elapsed_seconds"`
	Turn    *Turn           `json:"turn,omitempty" doc:"Another operation goes first."`
	Plan    json.RawMessage `json:"plan,omitempty" doc:"What is about to be done, in the form of plan --json, without the steps that stay as they are."`
	Event   *Event          `json:"event,omitempty" doc:"A unit changed its state."`
	Waiting []Waiting       `json:"waiting,omitempty" doc:"What is waited for; comes once a second while nothing else does."`
	Result  *Result         `json:"result,omitempty" doc:"How it ended."`
}

// Turn is the operation that another one waits for.
type Turn struct {
	Operation string    `json:"operation" doc:"In words: up, restart service.api."`
	Actor     string    `json:"actor,omitempty" doc:"Whose it is."`
	Since     time.Time `json:"since"`
}

// Waiting is a unit that is on its way to another state.
type Waiting struct {
	Unit  string    `json:"unit"`
	State string    `json:"state"`
	Since time.Time `json:"since"`
	For   []string  `json:"for,omitempty" doc:"Conditions that do not hold yet."`
	Seen  string    `json:"seen,omitempty" doc:"What the unit's readiness probe has seen so far."`
}

// The outcomes of an operation.
const (
	OutcomeDone       = "done"        // a command: what was asked for holds
	OutcomeReady      = "ready"       // an apply: everything is ready
	OutcomeDegraded   = "degraded"    // an apply: everything critical is ready
	OutcomeFailed     = "failed"      // something critical is not, or a command failed
	OutcomeRolledBack = "rolled_back" // it failed, and what was there before is back
	OutcomeCancelled  = "cancelled"   // a down, or the client's end, came between
	OutcomeRefused    = "refused"     // nothing was done
	OutcomeUnsure     = "unsure"      // an apply of a guess: nothing was done, decode the configuration
)

// Result is how an operation ended.
type Result struct {
	Outcome string          `json:"outcome" enum:"done,ready,degraded,failed,rolled_back,cancelled,refused,unsure"`
	Cause   string          `json:"cause,omitempty" doc:"Why, in words, where it did not go well."`
	Report  json.RawMessage `json:"report,omitempty" doc:"What is wrong with the configuration, in the form of validate --format json, where that is the cause."`
	Unit    string          `json:"unit,omitempty" doc:"The unit that is to blame."`
	Lines   []string        `json:"lines,omitempty" doc:"The last lines of its log, without sensitive values."`
	Lifted  []string        `json:"lifted,omitempty" doc:"Holds that a restart ended, in words."`
	Unkept  string          `json:"unkept,omitempty" doc:"Why the hold that began or ended is not on disk: it is lost where the engine dies before it is."`
	Waited  Seconds         `json:"waited_seconds,omitzero" doc:"For its turn, before it began."`
	Output  string          `json:"output,omitempty" doc:"What an action said."`
}

// Failed reports whether the operation did not do what was asked for.
func (r Result) Failed() bool {
	switch r.Outcome {
	case OutcomeDone, OutcomeReady, OutcomeDegraded:
		return false
	}
	return true
}
