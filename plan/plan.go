package plan

import "github.com/syndicate/syndicate/spec"

// FormatVersion is the version of the JSON form of a Plan.
const FormatVersion = "1.0"

// StepKind says what a step does.
type StepKind string

// The kinds of steps. A database is two: its server (or, for one that runs
// elsewhere, the connection to it) and its migrations.
const (
	StepService    StepKind = "service"
	StepServer     StepKind = "database"
	StepMigrations StepKind = "migrations"
	StepTask       StepKind = "task"
)

// Step starts one unit. Its ID is the unit's name everywhere: the block's
// address, with ".migrations" behind it for a database's migrations.
type Step struct {
	ID       string      `json:"id"`
	Kind     StepKind    `json:"kind"`
	Addr     spec.Addr   `json:"address"`
	Range    spec.Range  `json:"-"`
	Critical bool        `json:"critical"`
	Wave     int         `json:"wave"` // from 1
	Needs    []Need      `json:"needs"`
	Action   Action      `json:"action"`
	Reason   string      `json:"reason,omitempty"` // why, for a change
	Values   []Value     `json:"values,omitempty"` // attributes, for -v
	Notes    []string    `json:"notes,omitempty"`  // source, port, pending migrations
	Files    []Migration `json:"migrations,omitempty"`
}

// Need is one condition that must hold before a step starts.
type Need struct {
	Step      string        `json:"step"`
	Condition string        `json:"condition"` // started, ready, completed
	Soft      bool          `json:"soft,omitempty"`
	Reasons   []spec.Reason `json:"-"`
}

// Action is what a step means for what runs.
type Action string

// The actions: + ~ - and nothing.
const (
	Start   Action = "start"
	Restart Action = "restart"
	Stop    Action = "stop"
	Keep    Action = "keep"
)

// Value is one attribute of a step as it is shown.
type Value struct {
	Name string `json:"name"`
	Text string `json:"text"` // (sensitive value), (known after start)
}

// Migration is one pending file.
type Migration struct {
	Version uint64 `json:"version"`
	Name    string `json:"name"`
}
