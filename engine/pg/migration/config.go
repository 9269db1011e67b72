package migration

import (
	"sync"
	"time"

	"github.com/syndicate/syndicate/engine/pg"
)

// Config says what to migrate, and how.
type Config struct {
	Endpoint pg.Endpoint
	Dir      string // absolute
	// LockTimeout bounds the wait of one statement for a table's lock; 0 is
	// 3 seconds. What fails of it was undone, and is tried again.
	LockTimeout time.Duration
	// Tool is what the ledger says of who migrated: a version of syndicate.
	Tool string
	// DryRun changes nothing: the result has the SQL that would run.
	DryRun bool
	// Confirm is asked under the lock before the first step; its error ends
	// everything. nil is yes.
	Confirm func([]Step) error
	// Progress is told what happens, in order and one at a time, by any
	// goroutine; none of them calls it later. nil drops it.
	Progress func(Event)

	watchEvery time.Duration // 0 is watchEvery
}

// defaultLockTimeout is short: whoever waits for a table's lock makes
// everybody else wait behind.
const defaultLockTimeout = 3 * time.Second

func (cfg Config) withDefaults() Config {
	if cfg.LockTimeout <= 0 {
		cfg.LockTimeout = defaultLockTimeout
	}
	if cfg.watchEvery <= 0 {
		cfg.watchEvery = watchEvery
	}
	cfg.Progress = oneAtATime(cfg.Progress)
	if cfg.Confirm == nil {
		cfg.Confirm = func([]Step) error { return nil }
	}
	return cfg
}

// oneAtATime keeps callers apart.
func oneAtATime(progress func(Event)) func(Event) {
	if progress == nil {
		return func(Event) {}
	}
	var mu sync.Mutex
	return func(ev Event) {
		mu.Lock()
		defer mu.Unlock()
		progress(ev)
	}
}

// EventKind says what an Event tells.
type EventKind string

// What can happen.
const (
	EventWaiting  EventKind = "waiting"  // Holder holds the migrations' lock, or, with a File, what that waits for
	EventAdopted  EventKind = "adopted"  // another tool applied, or undid, versions: Text
	EventStarted  EventKind = "started"  // File begins
	EventResumed  EventKind = "resumed"  // File goes on after Done of its Of units
	EventMended   EventKind = "mended"   // an invalid index is gone: Text
	EventApplied  EventKind = "applied"  // File is done: Took
	EventRetrying EventKind = "retrying" // what was undone comes again: Err, Took is the wait
	EventGaveWay  EventKind = "gave-way" // Holder, which waits for the lock inside of the server, is let in: Text
	EventNotice   EventKind = "notice"   // PostgreSQL says something: Text
)

// Event is one thing that happened while migrating.
type Event struct {
	Kind     EventKind
	File     File
	Down     bool // its down file
	Took     time.Duration
	Done, Of int
	Holder   Holder
	Text     string
	Err      error
}

// Result is what was done.
type Result struct {
	Steps  []Step    // done, in order
	SQL    []Planned // of a dry run, in order
	Ledger Ledger    // afterwards
}

// Planned is a step that a dry run would do.
type Planned struct {
	Step
	SQL string // every statement, as it would be sent
}
