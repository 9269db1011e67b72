package doctor

import (
	"context"
	"os"
	"runtime"

	"github.com/syndicate/syndicate/spec"
)

// FormatVersion is the version of the JSON form of a Report.
const FormatVersion = "1.0"

// Level says how bad a finding is.
type Level string

// The levels. Only a problem keeps up from working.
const (
	OK      Level = "ok"
	Note    Level = "note"
	Warning Level = "warning"
	Problem Level = "problem"
)

// Finding is one thing that was looked at.
type Finding struct {
	Topic   string   `json:"topic"`
	Level   Level    `json:"level"`
	Summary string   `json:"summary"`
	Details []string `json:"details"` // never null
	Mend    []string `json:"mend"`    // what to do or to run, never null
}

// Report is all that was found, in the order looked at.
type Report struct {
	FormatVersion string    `json:"format_version"`
	Works         bool      `json:"works"` // no problem was found
	Findings      []Finding `json:"findings"`
}

// Config says what to look at. Every func may be nil: its topic is left out
// then.
type Config struct {
	// System is the configuration that is to run here; nil for none, and
	// then only what every system needs is looked at.
	System *spec.System
	// ConfigPath is where System was read from, absolute.
	ConfigPath string

	// Postgres finds PostgreSQL's programs for one managed database, or,
	// with a nil database, for any.
	Postgres func(context.Context, *spec.Database) Postgres
	// State tells who holds a state directory, or held it last.
	State func(dir string) (State, error)
	// Leftovers counts the processes that a dead engine left.
	Leftovers func(life string) int

	OS      string   // runtime.GOOS where empty
	Root    string   // put before /proc and /sys, for tests
	Environ []string // os.Environ() where nil
	// Limits are what the kernel allows this process; nil asks it.
	Limits *Limits
}

// Postgres is what was found of PostgreSQL.
type Postgres struct {
	Found   string   // "15.18 in /usr/lib/postgresql/15/bin", empty where none fits
	Looked  []string // every place, with what was there
	Install []string // how to get it
}

// State is what is known of a state directory.
type State struct {
	Exists bool
	Held   bool // an engine runs
	PID    int
	Life   string // of an engine that did not end in good order
	Config string // that it belongs to
	// Unwritten tells what the engine that runs cannot write there, a sentence
	// each.
	Unwritten []string
}

// Limits bound this process.
type Limits struct {
	FilesSoft, FilesHard uint64
	Superuser            bool
}

// Run looks at the machine.
func Run(ctx context.Context, c Config) *Report {
	if c.OS == "" {
		c.OS = runtime.GOOS
	}
	if c.Environ == nil {
		c.Environ = os.Environ()
	}
	if c.Limits == nil {
		c.Limits = limits()
	}
	e := &exam{Config: c, report: &Report{FormatVersion: FormatVersion, Works: true, Findings: []Finding{}}}
	e.kernel()
	e.cgroups()
	e.files()
	e.pipes()
	e.postgres(ctx)
	e.state()
	e.ports()
	e.programs()
	e.environment()
	return e.report
}

// exam is one Run.
type exam struct {
	Config
	report *Report
	held   bool // the system runs: its ports and state are its own
}

// find adds a finding.
func (e *exam) find(topic string, level Level, summary string, details, mend []string) {
	if level == Problem {
		e.report.Works = false
	}
	f := Finding{Topic: topic, Level: level, Summary: summary, Details: []string{}, Mend: []string{}}
	f.Details = append(f.Details, details...)
	f.Mend = append(f.Mend, mend...)
	e.report.Findings = append(e.report.Findings, f)
}

// read returns a small file below Root, and whether it could be read.
func (e *exam) read(path string) (string, bool) {
	b, err := os.ReadFile(e.Root + path)
	return string(b), err == nil
}
