package spec

import (
	"net"
	"slices"
	"strconv"
	"strings"
)

// System is a whole configuration. Slices are in order of address; every
// default is filled in. It is read-only once decoded.
type System struct {
	Name        string
	Range       Range  // of the syndicate block, zero without one
	Dir         string // absolute: the directory of the configuration
	StateDir    string // absolute
	Parallelism int    // starts at once; 0 is unlimited
	Degraded    string // allow | fail
	OnFailure   string // continue | stop
	HTTP        *HTTP

	Variables  []*Variable
	Services   []*Service
	Tasks      []*Task
	Databases  []*Database
	Breakers   []*Breaker
	Queues     []*Queue
	Thresholds []*Threshold
	Boundaries []*Boundary
	Notifies   []*Notify

	// Edges are all dependencies between blocks, in order of From, To and
	// Condition: at most one for each such triple.
	Edges []Edge

	// Disabled are the blocks that are declared and do not exist: messages
	// speak of them.
	Disabled []Disabled

	// Unbuilt are the declared features whose runtime comes later: up
	// refuses them, validate and plan accept them.
	Unbuilt []Feature

	// Environ is the base environment of every child: PATH, HOME and the
	// others that the language lists, as the caller has them. NAME=value,
	// sorted.
	Environ []string
}

// Disabled is a block that does not exist because of an attribute of its own:
// enabled, profiles or an empty webhook.
type Disabled struct {
	Addr  Addr
	Range Range // of that attribute
	// Profiles are those that bring the block into being; none where it is
	// disabled whatever is active.
	Profiles []string
}

// Reason says why the block does not exist, to follow its address and "is".
func (d Disabled) Reason() string {
	switch at := d.Range.String(); {
	case len(d.Profiles) > 0:
		return "in no active profile (" + ProfileFlags(d.Profiles) + ")"
	case at == "":
		return "disabled"
	default:
		return "disabled " + at
	}
}

// ProfileFlags lists the flags any of which activates one of the profiles.
func ProfileFlags(profiles []string) string {
	return "--profile " + strings.Join(profiles, ", or --profile ")
}

// Feature is something declared that this version cannot run.
type Feature struct {
	Addr  Addr
	Name  string // as written: breaker, pool, query_timeout
	Range Range
}

// Edge says that From starts only once Condition of To holds.
type Edge struct {
	From, To  Addr
	Condition string // ready, started, completed, migrated
	// Soft edges (after) are also satisfied when To failed or is stopped.
	Soft    bool
	Reasons []Reason // in source order, never empty
}

// Reason is why an edge exists.
type Reason struct {
	Text  string `json:"text"` // env.DATABASE_URL, depends_on, after, queue
	Range Range  `json:"range"`
}

// Variable is an input, with the value in force.
type Variable struct {
	Name        string
	Range       Range
	Type        string // as written: string, list(number)
	Description string
	Sensitive   bool
	Nullable    bool
	// Origin says where the value in force comes from: "default",
	// "SYNDICATE_VAR_port", "--var port", or a file and line; empty
	// without a value.
	Origin string
	Value  Text // rendered as an HCL expression
}

// HTTP is the endpoint for people and scrapers.
type HTTP struct {
	Range   Range
	Listen  string
	Token   Expr[Text]
	Metrics string // token | public
	TLSCert string
	TLSKey  string
}

// Block is what every block has.
type Block struct {
	Addr     Addr
	Range    Range // of the header
	Critical bool
}

// Backoff says how long to wait between attempts. The first new attempt
// after health comes at once, the next after Delay, then each after Factor
// times the one before, up to MaxDelay; Jitter spreads each by that share
// in both directions. It begins anew after two minutes of health.
type Backoff struct {
	Delay    Duration
	MaxDelay Duration
	Factor   float64
	Jitter   Share
}

// DefaultBackoff is what the language declares.
var DefaultBackoff = Backoff{
	Delay:    Duration(250e6),
	MaxDelay: Duration(30e9),
	Factor:   2,
	Jitter:   0.2,
}

// Command is how to start a process.
type Command struct {
	Range Range
	// Argv is the program and its arguments. Where Shell is set it has one
	// element, a literal string for /bin/sh -c.
	Argv       []Expr[string]
	Shell      bool
	Dir        string // absolute
	Env        []EnvVar
	EnvFiles   []EnvFile
	InheritEnv []string // names and NAME_* patterns, as written
	Inherited  []string // what they matched: NAME=value, sorted
	User       string
	Group      string
}

// Given are the names of variables that the command itself decides about:
// what it inherits, reads from files, sets or removes. All others it gets
// from the base environment, or not at all.
func (c *Command) Given() map[string]bool {
	given := map[string]bool{}
	for _, pair := range c.Inherited {
		name, _, _ := strings.Cut(pair, "=")
		given[name] = true
	}
	for _, f := range c.EnvFiles {
		for _, v := range f.Vars {
			given[v.Name] = true
		}
	}
	for _, v := range c.Env {
		given[v.Name] = true
	}
	return given
}

// EnvVar is one entry of env. A null Value removes the name.
type EnvVar struct {
	Name  string
	Null  bool
	Value Expr[Text]
	Range Range
}

// EnvFile is a file of NAME=value lines, read while decoding.
type EnvFile struct {
	Path     string // absolute
	Optional bool
	Missing  bool
	Vars     []EnvVar // sensitive all of them, in file order
	Range    Range
}

// Port is a fixed port, or one that syndicate chooses once and keeps.
type Port struct {
	Number int // 0 where Auto
	Auto   bool
	Range  Range
}

// Service is a process that runs until it is stopped.
type Service struct {
	Block
	Command
	Host    string          // 127.0.0.1 unless declared
	Port    *Port           // nil without one
	Ports   map[string]Port // further named ports
	Ready   *Probe          // nil: ready once executed
	Live    *Probe          // nil: none
	Start   Start
	Restart Restart
	Stop    Stop
	Log     Log
	Memory  *Memory // nil: only measured
	Runtime string  // auto | node | jvm | go | python | none
	// OnDependencyRestart is keep or restart.
	OnDependencyRestart string
	Orphans             string // "" | keep
	MayEnqueue          []Addr
}

// Start bounds the attempts until the first readiness.
type Start struct {
	Attempts int
	Backoff
}

// Restart says what happens when a service ends after it was ready once.
type Restart struct {
	On         string // always | failure | never
	Limit      int
	Within     Duration
	AgainAfter Duration // 0: never again after giving up
	Backoff
}

// Stop says how a process is ended.
type Stop struct {
	Signal  string // SIGTERM
	Timeout Duration
}

// Log bounds the log files of a unit.
type Log struct {
	MaxSize Size
	Keep    int // rotated files beside the current one
}

// ProbeKind is how a probe looks.
type ProbeKind string

// The kinds of probes.
const (
	ProbeHTTP   ProbeKind = "http"
	ProbeTCP    ProbeKind = "tcp"
	ProbeGRPC   ProbeKind = "grpc"
	ProbeExec   ProbeKind = "exec"
	ProbeLog    ProbeKind = "log"
	ProbeFile   ProbeKind = "file"
	ProbeNotify ProbeKind = "notify"
)

// Probe is a ready or live block.
type Probe struct {
	Range Range
	Kind  ProbeKind
	// Target is the full URL (http), host:port (tcp, and grpc followed by
	// an optional /SERVICE), an absolute path (file), or a regular
	// expression (log).
	Target  Expr[string]
	Argv    []Expr[string] // exec
	Status  []int          // http: accepted codes; empty is 200 to 399
	Headers []EnvVar       // http

	Interval Duration
	Timeout  Duration
	Deadline Duration // ready only
	Failures int      // live only: in a row
	Do       []Action // live only: instead of a restart
}

// Memory are the thresholds of one service.
type Memory struct {
	Range    Range
	Warning  Size
	Critical Size
	Max      Size // 0: none
	Cleanup  []Action
	Leak     *Rate
	// AtCritical is restart or notify.
	AtCritical string
	Declared   bool // warning and critical are the user's, not defaults
}

// Action is something that a unit can be told to do.
type Action struct {
	Addr  Addr
	Name  string   // gc, stop, run, …; the default action where bare
	Args  []string // of a call: signal(service.api, "SIGHUP")
	Range Range
}

// Task is a process that ends.
type Task struct {
	Block
	Command
	HTTP        *HTTPCall // instead of a command
	Run         string    // demand | up
	Queue       Addr
	Priority    string // critical | high | normal | low
	Timeout     Duration
	MaxMemory   Size
	Concurrency int
	Schedule    string
	Timezone    string
	Missed      string // once | all | skip
	Needs       []Addr
	Retry       Retry
	Stop        Stop
	Log         Log
}

// HTTPCall is a request that a task makes.
type HTTPCall struct {
	Range  Range
	Method string
	URL    Expr[string]
}

// Retry bounds attempts.
type Retry struct {
	Attempts int
	Backoff
}

// Database is a PostgreSQL database.
type Database struct {
	Block
	// Source is what is in force: managed, shared, url or parts.
	Source      string
	SourceRange Range
	Managed     *Managed     // where Source is managed
	Shared      *Shared      // where Source is shared
	URL         Expr[Text]   // where Source is url
	Host        Expr[string] // where Source is parts, and the following
	Port        Expr[int]
	DBName      Expr[string]
	User        Expr[string]
	Password    Expr[Text]
	SSL         string

	Retry        Retry
	Health       Health
	Migrations   *Migrations
	Pool         *Pool
	Gateway      *Gateway
	QueryTimeout Duration
	Breaker      *BreakerPolicy
	Schema       []Table
	Stop         Stop // of the managed server
	Log          Log  // of the managed server
}

// Managed is a PostgreSQL server that syndicate runs.
type Managed struct {
	Range      Range
	Version    int    // major; 0: that of the data directory, else the newest
	DataDir    string // absolute
	BinDir     string // "" : looked for
	Port       Port
	User       string // operating-system user of the server where the engine is root
	Durability string // on | off
	Settings   map[string]string
	Extensions []string
}

// Server returns the managed database whose server a database is in: itself,
// or the one that it shares; nil where the server runs elsewhere.
func (s *System) Server(db *Database) *Database {
	switch {
	case db.Managed != nil:
		return db
	case db.Shared == nil:
		return nil
	}
	for _, host := range s.Databases {
		if host.Addr == db.Shared.Server && host.Managed != nil {
			return host
		}
	}
	return nil
}

// Shared is a database of its own in the server of another block.
type Shared struct {
	Range      Range
	Server     Addr // of a database whose Source is managed
	Extensions []string
}

// Health says how often a database is checked.
type Health struct {
	Interval Duration
	Timeout  Duration
}

// Migrations are the SQL files of a database.
type Migrations struct {
	Range       Range
	Path        string // absolute
	OnUp        string // apply | refuse | skip
	LockTimeout Duration
}

// Pool bounds the engine's own connections.
type Pool struct {
	Range          Range
	Min, Max       int
	AcquireTimeout Duration
}

// Gateway is the listener that services reach a database through.
type Gateway struct {
	Range           Range
	Listen          string // host:port; "" : a free port of 127.0.0.1
	MaxConn         int    // connections to the server
	MaxWaiting      int    // clients that wait for one
	AcquireTimeout  Duration
	SlowQuery       Duration // 0: none is noted
	TLSCert, TLSKey string   // paths; "" : clients get no encryption
	Pooler          string   // "" | pgbouncer
}

// Address is where a gateway listens. Where its port is chosen, Number is 0.
func (g *Gateway) Address() (host string, port Port) { return listenAddress(g.Listen, g.Range) }

func listenAddress(listen string, at Range) (host string, port Port) {
	port = Port{Auto: true, Range: at}
	host, number, err := net.SplitHostPort(listen)
	n, numErr := strconv.Atoi(number)
	if listen == "" || err != nil || numErr != nil {
		return "127.0.0.1", port
	}
	port.Auto, port.Number = false, n
	return host, port
}

// Table is what must hold of one table after migrating.
type Table struct {
	Name    string
	Range   Range
	Columns map[string]string // name to type
	NotNull []string
	Indexes []string
}

// BreakerPolicy are a circuit breaker's rules.
type BreakerPolicy struct {
	Failures     int
	Of           int   // the last so many calls; 0: in a row
	Rate         Share // 0: Failures counts
	Over         Duration
	MinCalls     int
	ResetTimeout Duration
	HalfOpen     HalfOpen
}

// HalfOpen bounds the trial of a breaker.
type HalfOpen struct{ Calls, Successes int }

// Breaker is a local proxy with a circuit breaker inside.
type Breaker struct {
	Block
	BreakerPolicy
	CallRules
	Routes         []Route
	Target         Expr[Text]
	Listen         string // "" : a free port
	ConnectTimeout Duration
	TLS            *ClientTLS // nil: as the system does
	PreserveHost   bool
	OnOpen         string // of a tcp target: reset, refuse
	Probe          *Talk  // before a trial of a tcp target; nil: none
	MaxCalls       int    // 0: any number
	MaxWaiting     int
	QueueTimeout   Duration
	Share          Addr
}

// Address is where a breaker listens. Where its port is chosen, Number is 0.
func (b *Breaker) Address() (host string, port Port) { return listenAddress(b.Listen, b.Range) }

// Scheme is that of a breaker's url: tcp where it forwards connections, else
// http, also to a target with https.
func (b *Breaker) Scheme() string {
	target, known := b.Target.Value()
	if known && strings.HasPrefix(target.Reveal(), "tcp:") || !known && strings.HasPrefix(b.Target.Source(), `"tcp:`) {
		return "tcp"
	}
	return "http"
}

// Fallback answers while a breaker is open.
type Fallback struct {
	Range    Range
	LastGood Duration
	Upstream Expr[Text]
	File     string // absolute
	Argv     []Expr[string]
	Dir      string // of the command, absolute
	Status   int
	Body     Expr[string]
}

// Queue holds tasks until a worker is free.
type Queue struct {
	Block
	Store     Addr // zero: embedded in state_dir
	Workers   int  // 0: one per core
	MaxDepth  int
	MaxMemory Size
	SuspendOn []Addr
}

// Threshold watches a metric.
type Threshold struct {
	Block
	Watch    Metric
	Interval Duration
	Over     Duration
	Warning  *Level
	Critical *Level
}

// Metric is a number that moves.
type Metric struct {
	Addr  Addr
	Name  string
	Unit  string // share | size | duration | rate | count
	Range Range
}

// Level is one bound of a threshold. Values are in the metric's unit: a
// share, bytes, seconds, per second, a count.
type Level struct {
	Range   Range
	Above   *float64
	Below   *float64
	Clear   *float64
	Hold    Duration
	Do      []Action
	OnClear []Action
}

// Boundary is an error domain. Nil Units are all services and tasks, no
// Matches all their errors.
type Boundary struct {
	Block
	Units   []Addr // empty, but not nil: all that are named are disabled
	Matches []Match
	Class   string // transient | permanent | config | resource | bug
	Recover *Recovery
	GiveUp  []Action
}

// Match says what belongs to a boundary: all attributes that are set must
// fit, each by any of its values.
type Match struct {
	Range     Range
	Log       []string
	ExitCode  []int
	Signal    []string
	OOM       *bool
	Exception []string
	SQLState  []string
	Breaker   []Addr // empty, but not nil: all that are named are disabled
}

// Idle reports whether nothing can belong to a boundary: its units, or the
// breakers that each of its matches wants open, are all disabled.
func (b *Boundary) Idle() bool {
	gone := func(named []Addr) bool { return named != nil && len(named) == 0 }
	fits := func(m Match) bool { return !gone(m.Breaker) }
	return gone(b.Units) || len(b.Matches) > 0 && !slices.ContainsFunc(b.Matches, fits)
}

// Recovery is what a boundary does about an error.
type Recovery struct {
	Do []Action
	Retry
}
