package api

import (
	"fmt"
	"strings"
	"time"
)

// FormatVersion is the version of all that this package describes.
const FormatVersion = "1.0"

// Readable returns an error where something of another version cannot be
// read by this one.
func Readable(version string) error {
	major, _, _ := strings.Cut(version, ".")
	mine, _, _ := strings.Cut(FormatVersion, ".")
	if major != mine {
		return fmt.Errorf("the engine speaks format version %q and this program %q: use the program that started the system", version, FormatVersion)
	}
	return nil
}

// The states of a system on the wire: those of the engine, and one for a
// system whose engine is gone without an orderly end.
const (
	SystemStarting = "starting"
	SystemReady    = "ready"
	SystemDegraded = "degraded"
	SystemFailed   = "failed"
	SystemStopping = "stopping"
	SystemStopped  = "stopped"
	SystemLost     = "lost"
)

// Status is a snapshot of a system.
type Status struct {
	FormatVersion string    `json:"format_version"`
	Name          string    `json:"name"`
	Config        string    `json:"config"`
	StateDir      string    `json:"state_dir"`
	Life          string    `json:"life,omitempty"`
	PID           int       `json:"pid" doc:"Of the engine."`
	Since         time.Time `json:"since,omitzero"`
	Now           time.Time `json:"now" doc:"When the snapshot was taken."`
	State         string    `json:"state" enum:"starting,ready,degraded,failed,stopping,stopped,lost"`
	Cause         string    `json:"cause,omitempty"`
	Died          time.Time `json:"died,omitzero" doc:"When the engine of a lost system did, where somebody saw it."`
	LastSign      time.Time `json:"last_sign,omitzero" doc:"When the engine of a lost system still lived, for all that is known: the units are as they were then."`
	Holds         []Hold    `json:"holds,omitempty" doc:"Of persons on what is declared no longer; start ends them."`
	Notices       []Notice  `json:"notices,omitempty" doc:"What the engine cannot write. Nothing that runs is harmed by it, and it ends by itself."`
	Units         []Unit    `json:"units"`
	// Leftovers are processes of a lost system that still run.
	Leftovers []Leftover `json:"leftovers,omitempty"`
	Kept      []string   `json:"kept,omitempty" doc:"The addresses of breakers and gateways at which connections wait for the next up, for a minute after the engine died."`
}

// Hold is a person's hold on a unit.
type Hold struct {
	ID   string `json:"id"`
	Held string `json:"held" doc:"Who stopped it, and when."`
}

// What a Notice is about.
const (
	NoticeJournal = "journal"
	NoticeLogs    = "logs"
)

// Notice tells of something that the engine cannot write, as on a full disk.
type Notice struct {
	What    string    `json:"what" enum:"journal,logs" doc:"journal: events wait in memory. logs: lines of units are lost."`
	Units   []string  `json:"units,omitempty" doc:"Whose logs."`
	Since   time.Time `json:"since"`
	Cause   string    `json:"cause" doc:"What the system says: no space left on device."`
	Stalled bool      `json:"stalled,omitempty" doc:"The disk does not answer. No line is lost by that: what has more to write waits."`
}

// Degraded reports whether something that should run well does not.
func (s Status) Degraded() bool {
	if s.State == SystemDegraded || s.State == SystemFailed || s.State == SystemLost {
		return true
	}
	for _, u := range s.Units {
		if u.State == "failed" || u.State == "unhealthy" || u.State == "blocked" {
			return true
		}
	}
	return false
}

// AsOf returns when the units were as the snapshot says.
func (s Status) AsOf() time.Time {
	if s.State == SystemLost {
		return s.LastSign
	}
	return s.Now
}

// Unit is a snapshot of one unit.
type Unit struct {
	ID         string    `json:"id"`
	Kind       string    `json:"kind"`
	State      string    `json:"state"`
	Critical   bool      `json:"critical"`
	Since      time.Time `json:"since,omitzero" doc:"Of the state."`
	Started    time.Time `json:"started,omitzero" doc:"Of the current run."`
	ReadyAfter Seconds   `json:"ready_after_seconds,omitzero"`
	PID        int       `json:"pid,omitempty"`
	Memory     int64     `json:"memory_bytes,omitempty" doc:"What the whole process tree of the unit has in RAM; left out where nothing of it runs, or nobody can tell."`
	MemoryOf   string    `json:"memory_of,omitempty" enum:"processes,cgroup" doc:"What that was read from: its processes (what each has for itself, and once what they share) or its own cgroup (memory.current without inactive_file)."`
	Port       int       `json:"port,omitempty"`
	URL        string    `json:"url,omitempty"`
	Attempt    int       `json:"attempt,omitempty"`
	Restarts   int       `json:"restarts" doc:"How often it was started again since the engine began: after it had been ready once and ended or was unhealthy, by restart, or with what it needs. Attempts before it was ever ready, and starts after a stop or for a change, do not count."`
	WaitingFor []string  `json:"waiting_for,omitempty"`
	Next       time.Time `json:"next,omitzero" doc:"When the next attempt begins."`
	Seen       string    `json:"seen,omitempty" doc:"What its readiness probe has seen so far, while it is starting."`
	Cause      string    `json:"cause,omitempty"`
	Lines      []string  `json:"lines,omitempty" doc:"The last lines of its log, without sensitive values, where they were asked for and it is not well."`
	Held       string    `json:"held,omitempty" doc:"Who stopped it until it is told to start, and when; empty for nobody."`
	LastExit   string    `json:"last_exit,omitempty"`
	Database   *Database `json:"database,omitempty" doc:"What the engine knows of a database from its own use of it."`
	Breaker    *Breaker  `json:"breaker,omitempty" doc:"Of a breaker."`
}

// What the memory of a unit is read from.
const (
	MemoryOfProcesses = "processes"
	MemoryOfCgroup    = "cgroup"
)

// Database is what the engine knows of a database from its own use of it.
type Database struct {
	Pool           Pool          `json:"pool"`
	Connections    int           `json:"connections,omitempty" doc:"Sessions of the whole server, at the last check that it answered."`
	MaxConnections int           `json:"max_connections,omitempty" doc:"Sessions that the server takes."`
	Standby        bool          `json:"standby,omitempty" doc:"Nothing can be written to it: it follows another server."`
	Queries        Calls         `json:"queries" doc:"Statements over the pool and through the gateway in the last minute, without health checks."`
	Waits          Calls         `json:"waits" doc:"Waits for a connection of the pool in the last minute."`
	Breaker        *Breaker      `json:"breaker,omitempty"`
	Checks         []HealthCheck `json:"checks,omitempty" doc:"The last health checks, the oldest first."`
	Recovered      Seconds       `json:"recovery_seconds,omitzero" doc:"Time that the last start took to recover from a crash."`
}

// Pool is the engine's own connections to a database.
type Pool struct {
	Max     int `json:"max"`
	InUse   int `json:"in_use"`
	Idle    int `json:"idle"`
	Waiting int `json:"waiting" doc:"Uses that wait for a connection."`
}

// Breaker is a circuit breaker, or the one before a database.
type Breaker struct {
	State    string    `json:"state" doc:"closed, half_open or open."`
	Mode     string    `json:"mode,omitempty" doc:"Who decides: auto, or what it was forced to: open, closed, observe."`
	Since    time.Time `json:"since,omitzero" doc:"Of the state."`
	Until    time.Time `json:"until,omitzero" doc:"When it tries again; only while it is open."`
	Reason   string    `json:"reason,omitempty"`
	Opened   uint64    `json:"opened" doc:"How often it has opened."`
	Rejected uint64    `json:"rejected" doc:"How many uses it has refused."`

	Target      string            `json:"target,omitempty" doc:"What it stands before, without credentials."`
	Shared      string            `json:"shared,omitempty" doc:"The database through which other engines share its state, or why it is on its own."`
	InFlight    int64             `json:"in_flight,omitempty" doc:"Calls under way."`
	Observed    uint64            `json:"observed,omitempty" doc:"Calls that were let through in the mode observe though it would have refused them."`
	Calls       uint64            `json:"calls,omitempty" doc:"Calls of the last minute."`
	FailureRate float64           `json:"failure_rate,omitempty" doc:"The share of them that failed."`
	LatencyP95  Seconds           `json:"latency_p95_seconds,omitzero" doc:"Time to the first byte that 95 % of them stayed below."`
	Full        uint64            `json:"full,omitempty" doc:"Calls that were refused since as many as may be were under way."`
	Waiting     int               `json:"waiting,omitempty" doc:"Calls in line for one of as many as may be under way."`
	Retries     uint64            `json:"retries,omitempty" doc:"Further attempts of calls that had failed."`
	Exhausted   uint64            `json:"retries_exhausted,omitempty" doc:"Further attempts that the budget of retries did not allow."`
	Fallbacks   map[string]uint64 `json:"fallbacks,omitempty" doc:"Answers of fallbacks by their kind."`
	Failures    []CallFailure     `json:"failures,omitempty" doc:"The last calls that failed, the oldest first."`
}

// CallFailure is what is known of a call that failed.
type CallFailure struct {
	At      time.Time `json:"at"`
	Error   string    `json:"error" doc:"What came back, or did not: 503, connection refused."`
	Latency Seconds   `json:"latency_seconds,omitzero"`
}

// Calls sums up what happened in a span of time.
type Calls struct {
	Count   int     `json:"count"`
	Average Seconds `json:"average_seconds,omitzero"`
	P95     Seconds `json:"p95_seconds,omitzero"`
	Success float64 `json:"success" doc:"The share that went well; 1 where nothing happened."`
}

// HealthCheck is one look at a database.
type HealthCheck struct {
	At    time.Time `json:"at"`
	Took  Seconds   `json:"took_seconds"`
	Error string    `json:"error,omitempty" doc:"Empty where it answered."`
}

// Leftover is a process of a lost system.
type Leftover struct {
	PID  int    `json:"pid"`
	Unit string `json:"unit,omitempty"`
}

// Health says that the engine answers, or that the system is ready.
type Health struct {
	FormatVersion string `json:"format_version"`
	Status        string `json:"status" doc:"ok, or the state of the system."`
	PID           int    `json:"pid" doc:"Of the engine."`
}

// Login is a link that lets a browser in, once.
type Login struct {
	FormatVersion string    `json:"format_version"`
	URL           string    `json:"url"`
	Expires       time.Time `json:"expires"`
}

// Heartbeat is the longest silence of a stream.
const Heartbeat = 10 * time.Second

// VersionHeader is the header that names the format version of a stream.
const VersionHeader = "Syndicate-Format-Version"

// DownRequest asks for the orderly stop of everything.
type DownRequest struct {
	Cause string `json:"cause,omitempty" doc:"In words, for the journal."`
	Hurry bool   `json:"hurry,omitempty" doc:"Kill what has not ended."`
}

// DownProgress is one event of the answer to a DownRequest. It comes when
// something changed, and once a second.
type DownProgress struct {
	// Stopping are the units that are being stopped, Waiting those that
	// stop after them, both in order of address.
	Stopping []string `json:"stopping,omitempty"`
	Waiting  []string `json:"waiting,omitempty"`
	Stopped  []string `json:"stopped,omitempty" doc:"Since the event before, in the order in which they did."`
	Elapsed  Seconds  `json:"elapsed_seconds"`
	Done     bool     `json:"done" doc:"Everything has stopped: the last event."`
}
