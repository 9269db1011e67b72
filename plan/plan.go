package plan

import (
	"slices"
	"strings"

	"github.com/syndicate/syndicate/spec"
)

// FormatVersion is the version of the JSON form of a Plan. Within a major
// version nothing is renamed or removed; the minor one grows when fields are
// added.
const FormatVersion = "1.5"

// Plan is what up will do: steps in an order in which each comes after all
// it needs. It is read-only once built.
type Plan struct {
	FormatVersion string `json:"format_version"`
	System        string `json:"system"`
	// Digest names this plan: two plans with the same digest do the same.
	Digest string `json:"digest"`
	// Running says whether the plan is a difference to a running system.
	Running bool `json:"running"`
	// Steps are in order of wave and then ID, those to keep included.
	Steps []Step `json:"steps"`
	// Stops are units that run and are declared no longer, in order of ID.
	Stops []Stopped `json:"stops"`
	// Followers are units beyond the targets to which something happens since
	// something happens to what they need: in order of ID.
	Followers []Follower `json:"followers,omitempty"`
	// Holds are those of a person on what is not declared, in order of ID:
	// they count when it is declared again, until start.
	Holds []Hold `json:"holds,omitempty"`
	// Targets are the addresses that the plan is confined to, with what
	// they need; none: everything.
	Targets []string `json:"targets,omitempty"`
	// Settings are those of the system as a whole that differ from what
	// runs: they change in place, without a step.
	Settings []Change `json:"settings,omitempty"`
	// CriticalPath is a longest chain of steps, first step first.
	CriticalPath []string `json:"critical_path"`
	// Watchers have no place in the order: they begin when what they watch
	// exists.
	Watchers []Watcher `json:"watchers"`
	// Skipped are the migrations that nothing here applies, by on_up =
	// "skip", of databases where some are pending or do not fit.
	Skipped []Skipped `json:"skipped,omitempty"`
	// Unbuilt is what is declared and cannot run in this version: up
	// refuses it.
	Unbuilt []Unbuilt `json:"unbuilt"`
	Summary Summary   `json:"summary"`
}

// StepKind says what a step does.
type StepKind string

// The kinds of steps. A database is two: its server (or, for one that runs
// elsewhere, the connection to it) and its migrations.
const (
	StepService    StepKind = "service"
	StepServer     StepKind = "database"
	StepMigrations StepKind = "migrations"
	StepGateway    StepKind = "gateway"
	StepTask       StepKind = "task"
	StepBreaker    StepKind = "breaker"
	StepQueue      StepKind = "queue"
)

// Step starts one unit. Its ID is the unit's name everywhere: the block's
// address, with ".migrations" behind it for a database's migrations.
type Step struct {
	ID       string     `json:"id"`
	Kind     StepKind   `json:"kind"`
	Addr     spec.Addr  `json:"address"`
	Range    spec.Range `json:"range"`
	Critical bool       `json:"critical"`
	Wave     int        `json:"wave"` // from 1
	Needs    []Need     `json:"needs"`
	// Beyond are soft needs of what runs and is no step of this plan, which
	// is confined to targets.
	Beyond []Need `json:"-"`
	// Takes are the blocks whose addresses stand in its values and are known
	// only once ports are chosen, whether or not it waits for them.
	Takes []spec.Addr `json:"-"`
	// Ports are the keys of the chosen ports that its run depends on, as
	// AutoPorts lists them.
	Ports []string `json:"-"`
	// Follows says that it is declared to restart with what it needs, or has
	// to.
	Follows bool   `json:"-"`
	Action  Action `json:"action"`
	Reason  string `json:"reason,omitempty"` // why, for a change
	// Held says who stopped the unit and when: it stays stopped until
	// start, whatever its action is.
	Held string `json:"held,omitempty"`
	// Blocked says why a step that changes does not run afterwards, though
	// nobody stopped it: "needs service.db, which is stopped".
	Blocked string `json:"blocked,omitempty"`
	// Digest is that of the definition: the unit is unchanged as long as
	// it and Needs stay. RunDigest is that of what a process of it was
	// started with: as long as it stays, no process has to be replaced.
	// Neither tells anything about sensitive values.
	Digest    string      `json:"digest"`
	RunDigest string      `json:"run_digest"`
	Values    []Value     `json:"values,omitempty"`     // attributes, for -v
	Changes   []Change    `json:"changes,omitempty"`    // of a restart or an update
	Notes     []string    `json:"notes,omitempty"`      // command, source, port, probe: in few words
	Problem   string      `json:"problem,omitempty"`    // why it will fail, with what helps: lines
	Ledger    *Ledger     `json:"ledger,omitempty"`     // of a migrations step
	Files     []Migration `json:"migrations,omitempty"` // the pending ones
	// Lint is what is wrong with the pending ones, errors first. It is no
	// part of what the plan does.
	Lint []LintFinding `json:"lint,omitempty"`
}

// Need is one condition that must hold before a step starts.
type Need struct {
	Step      string        `json:"step"`
	Condition string        `json:"condition"`      // started, ready, completed
	Soft      bool          `json:"soft,omitempty"` // also met when the other failed or is stopped
	Reasons   []spec.Reason `json:"reasons,omitempty"`
}

// parseWait reads what Need.Wait says.
func parseWait(text string) Need {
	var n Need
	text, n.Soft = strings.CutSuffix(text, orFailed)
	at := strings.LastIndexByte(text, ' ')
	if at < 0 {
		return n
	}
	n.Step, n.Condition = text[:at], text[at+1:]
	if n.Condition == migrated {
		n.Step, n.Condition = n.Step+migrationsSuffix, Completed
	}
	return n
}

// String says what is waited for, in the words of the language:
// "service.api ready", "database.main migrated".
func (n Need) String() string {
	if n.migrated() {
		return n.Unit() + " " + migrated
	}
	return n.Step + " " + n.Condition
}

// Unit is who is waited for, in the words of the language: a database also
// where it is its migrations.
func (n Need) Unit() string {
	if db, ok := migrationsOf(n.Step); ok && n.Condition == Completed {
		return db
	}
	return n.Step
}

func (n Need) migrated() bool { return n.Unit() != n.Step }

// Wait is String with what else ends the wait: "service.cache ready or
// failed" for a soft need.
func (n Need) Wait() string {
	if n.Soft {
		return n.String() + orFailed
	}
	return n.String()
}

const orFailed = " or failed"

// The conditions of a step.
const (
	Started   = "started"
	Ready     = "ready"
	Completed = "completed"
)

// Action is what a step means for what runs.
type Action string

// The actions: + ~ - and nothing.
const (
	// Start begins a unit, or begins it anew where it does not run.
	Start Action = "start"
	// Restart stops the process of a unit and starts it as it is declared
	// now.
	Restart Action = "restart"
	// Update gives a unit its new definition and leaves its process alone,
	// if it has one: what changed needs none, or counts from the next start.
	Update Action = "update"
	// Stop ends the process of a unit, which by its new definition needs
	// something that is stopped.
	Stop Action = "stop"
	Keep Action = "keep"
)

// Stopped is a unit that runs and will be stopped for good.
type Stopped struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// Follower is a unit that restarts, stops or starts with another one, without a
// change of its own.
type Follower struct {
	ID     string `json:"id"`
	Action Action `json:"action"` // restart, stop or start
	Reason string `json:"reason"`
}

// Hold says who stopped a unit and when, in the words of Step.Held.
type Hold struct {
	ID   string `json:"id"`
	Held string `json:"held"`
}

// Value is one attribute of a step as it is shown.
type Value struct {
	Name string `json:"name"`
	Text string `json:"text"` // (sensitive value), (known after start)
	// From are the attributes that a value not known yet is made of.
	From []string `json:"from,omitempty"`
	// Digest stands for what Text does not show, where there is a key of
	// digests: it changes with it, and nobody without the key can check a
	// guess against it.
	Digest string `json:"digest,omitempty"`

	// found says that Text is what this machine has; declared is what the
	// definition says instead, if anything.
	found    bool
	declared string
}

// Change is one attribute that differs from what runs. Old or New is empty
// where the attribute is new or gone.
type Change struct {
	Name string `json:"name"`
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
}

// Migration is one pending file.
type Migration struct {
	Version uint64 `json:"version"`
	Name    string `json:"name"`
}

// Skipped are the migrations of one database that up leaves alone.
type Skipped struct {
	Addr   spec.Addr     `json:"address"`
	Range  spec.Range    `json:"range"`
	Notes  []string      `json:"notes"` // how many are pending, and why they stay so
	Ledger Ledger        `json:"ledger"`
	Files  []Migration   `json:"migrations,omitempty"` // the pending ones
	Lint   []LintFinding `json:"lint,omitempty"`       // of these, errors first
}

// LintFinding is something in a pending file that will hurt.
type LintFinding struct {
	Code     string        `json:"code"`
	Severity spec.Severity `json:"severity"`
	File     string        `json:"file"` // its name, without its directory
	Line     int           `json:"line"`
	Summary  string        `json:"summary"`
}

// Watcher is a block that acts on others and is no step itself.
type Watcher struct {
	Addr  spec.Addr  `json:"address"`
	Range spec.Range `json:"range"`
	Notes []string   `json:"notes,omitempty"` // what it watches or waits for
}

// Unbuilt is a declared feature that this version cannot run.
type Unbuilt struct {
	Addr  spec.Addr  `json:"address"`
	Name  string     `json:"name"`
	Range spec.Range `json:"range"`
}

// Summary counts what a plan does.
type Summary struct {
	Start      int `json:"start"` // services, databases, breakers, queues
	Restart    int `json:"restart"`
	Update     int `json:"update"` // in place: units and the system's settings
	Stop       int `json:"stop"`
	Tasks      int `json:"tasks"`
	Migrations int `json:"migrations"` // known to be pending
	// Unknown are files of databases whose ledger could not be read.
	Unknown int `json:"unknown_migrations"`
	Keep    int `json:"keep"`
}

// Empty reports whether there is nothing to do.
func (p *Plan) Empty() bool {
	changes := func(s Step) bool { return s.Action != Keep }
	return len(p.Stops)+len(p.Settings) == 0 && !slices.ContainsFunc(p.Steps, changes)
}
