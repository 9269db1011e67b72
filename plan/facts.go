package plan

import (
	"slices"

	"github.com/syndicate/syndicate/spec"
)

// Facts is what was asked from the world before planning. The zero Facts
// say that nothing runs and nothing is known.
type Facts struct {
	// Key makes digests of sensitive values that nobody without it can
	// check a guess against. Without a key such values are not part of any
	// digest, so give one wherever a digest is compared.
	Key []byte
	// Ledgers say, per database with migrations, what is applied.
	Ledgers map[spec.Addr]Ledger
	// Databases say what was found for each database.
	Databases map[spec.Addr]Found
	// Ports are those that "auto" was decided to be: by unit, and by unit,
	// dot and name for those of a service's ports.
	Ports map[string]int
	// Running is nil where no engine answers.
	Running *Running
	// Held says, where nothing runs, which units a person has stopped until
	// further notice, in the words of RunningUnit.
	Held map[string]string
	// Completed are, where an engine died, the tasks that have completed in
	// the life that goes on, with their run digests.
	Completed map[string]string
	// Targets confine the plan to some blocks and all that they need, not
	// softly. Whatever else is declared is left as it is. None: everything.
	Targets []spec.Addr
	// NotesOnly leaves the steps' Values empty, for who does not show them.
	NotesOnly bool
}

// Found is what this machine has for a database.
type Found struct {
	Notes  []string // in few words: managed PostgreSQL 15.18, will be created
	Values []Value  // for -v: where the binaries are
	// Problem is why the database will not start, with what helps, in lines.
	Problem string
}

// Running is a system that runs now. Its JSON form is that of the API and of
// what a state directory keeps.
type Running struct {
	Units []RunningUnit `json:"units"`
	// Settings are what the function Settings returned for the system; nil
	// where they are not known.
	Settings []Value `json:"settings,omitempty"`
	// Held are the holds of what is declared no longer, as in Facts.
	Held map[string]string `json:"held,omitempty"`
	// Ports are those that "auto" was decided to be, as in Facts.
	Ports map[string]int `json:"ports,omitempty"`
}

// Completed reports whether a unit is known to have completed. Nothing has
// where nothing runs.
func (r *Running) Completed(id string) bool {
	return r != nil && slices.ContainsFunc(r.Units, func(u RunningUnit) bool { return u.ID == id && u.State == "completed" })
}

// RunningUnit is one unit of a running system: what it was started with and,
// where they are known, how it is and what its attributes were.
type RunningUnit struct {
	ID        string   `json:"id"`
	Digest    string   `json:"digest"`
	RunDigest string   `json:"run_digest"`
	Needs     []string `json:"needs,omitempty"` // as Need.Wait says them, in order
	// Held says who stopped the unit and when, in words that follow
	// "stopped": "by anna at 12:03:10". Empty where nobody holds it.
	Held  string `json:"held,omitempty"`
	State string `json:"state,omitempty"` // an engine state: ready, failed, …
	// WasReady says that it was ready before, by whatever definition: what
	// follows it restarts when it comes back.
	WasReady bool `json:"was_ready,omitempty"`
	// Listens are the addresses, as host:port, that nobody else can have.
	Listens []string `json:"listens,omitempty"`
	// Follows are the units with which it restarts, in order.
	Follows []string `json:"follows,omitempty"`
	Values  []Value  `json:"values,omitempty"`
}

// The sources of a Ledger.
const (
	LedgerAsked    = "asked"    // the database told
	LedgerRecorded = "recorded" // as it was when the server last ran
	LedgerEmpty    = "empty"    // a data directory that will be created
	LedgerUnknown  = "unknown"  // not asked, or no answer
)

// Misfit is a version of a database that does not fit the files.
type Misfit struct {
	Version uint64 `json:"version"`
	Name    string `json:"name"`
	State   string `json:"state"` // edited, missing, out of order, dirty, …
	Code    string `json:"code"`  // for `syndicate explain`
}

// Ledger is what is known of a database's migrations. Its zero value is
// unknown.
type Ledger struct {
	Source  string `json:"source"`
	Version uint64 `json:"version"` // applied last; 0 is none
	Dirty   bool   `json:"dirty,omitempty"`
	Files   int    `json:"files"`          // up files, applied or not
	Note    string `json:"note,omitempty"` // why unknown, when recorded
	// Misfits are versions that do not fit the files: up refuses.
	Misfits []Misfit    `json:"misfits,omitempty"`
	Pending []Migration `json:"-"` // all files where unknown; the step has them
}
