package engine

import "time"

// State is where a unit is in its life: see the diagram in doc.go.
type State string

// The states of a unit.
const (
	Pending   State = "pending"
	Starting  State = "starting"
	Ready     State = "ready"
	Unhealthy State = "unhealthy"
	Backoff   State = "backoff"
	Blocked   State = "blocked"
	Stopping  State = "stopping"
	Stopped   State = "stopped"
	Failed    State = "failed"
	Completed State = "completed"
)

// Health is the state of the system as a whole.
type Health string

// The states of a system.
const (
	SystemStarting Health = "starting"
	SystemReady    Health = "ready"
	SystemDegraded Health = "degraded"
	SystemFailed   Health = "failed"
	SystemStopping Health = "stopping"
	SystemStopped  Health = "stopped"
)

// Status is a snapshot of a running system.
type Status struct {
	Name   string
	Config string // absolute path of the file or directory
	Life   string // random mark of this life, for recognising leftovers
	PID    int    // of the engine
	Since  time.Time
	State  Health
	Cause  string // why degraded or failed
	Units  []UnitStatus
	// Holds are those of persons on what is declared no longer: by ID, who
	// stopped it and when.
	Holds map[string]string
	// Notices tell of what the engine cannot write.
	Notices []Notice
}

// UnitStatus is a snapshot of one unit.
type UnitStatus struct {
	ID         string // service.api, database.main.migrations
	Kind       string // service, database, migrations, task
	State      State
	Critical   bool
	Since      time.Time     // of the state
	Started    time.Time     // of the current run, zero without one
	ReadyAfter time.Duration // from start to readiness of this run
	PID        int           // of the current run, 0 without one
	Memory     int64         // in RAM of its whole process tree, in bytes; 0 where nobody measured
	// MemoryOfCgroup says that Memory is what the kernel accounts to the
	// unit's own cgroup; else it is added up over its processes.
	MemoryOfCgroup bool
	Port           int
	URL            string    // without credentials
	Attempt        int       // of the current series, from 1
	Restarts       int       // as api.Unit counts them
	WaitingFor     []string  // conditions that do not hold: "database.main ready"
	Next           time.Time // of the next attempt in backoff
	Seen           string    // what its readiness probe has seen so far, while it is starting
	Cause          string    // why it is in this state, in words
	LastExit       string    // "exit status 1", "signal: killed", empty before
	Held           string    // who stopped it until further notice, empty for nobody

	Database *DatabaseStatus // of a database, else nil
	Breaker  *BreakerStatus  // of a breaker, else nil
}
