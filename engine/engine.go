package engine

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/syndicate/syndicate/engine/breaker"
	"github.com/syndicate/syndicate/engine/event"
	"github.com/syndicate/syndicate/engine/log"
	"github.com/syndicate/syndicate/engine/metric"
	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/probe"
	"github.com/syndicate/syndicate/engine/process"
	"github.com/syndicate/syndicate/handover"
	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
)

// Config describes one life of a system.
type Config struct {
	System     *spec.System
	Plan       *plan.Plan // of System, with nothing running
	ConfigPath string     // absolute: the file or directory
	Life       string     // a random mark for recognising leftovers
	Ports      Ports      // a number for each "auto"
	Log        hclog.Logger
	Version    string // of syndicate, which ledgers keep
	Key        []byte // of the digests of sensitive settings
	// Guardian has a guardian end everything should the engine be killed.
	// The program's main must call process.Guardian.
	Guardian bool

	// Inherited are the sockets that the engine before listened on, and
	// Passed those that the service manager passed. The engine owns them.
	Inherited []handover.Socket
	Passed    Passed

	// By says who begins the life, in words: "root (uid 0, pid 4711)". Empty
	// is nobody in particular, and no event of a command.
	By string

	// Held are the units that a person stopped before, and who did and when,
	// in words that follow "stopped".
	Held map[string]string
	// Completed are the one-shot units that completed earlier in this life,
	// with the run digest of what they were then.
	Completed map[string]string

	// Observe is told of each transition, and Settled once of the system's
	// state when everything was started, or failed. Hold is told when a
	// person's hold on a unit begins or, with an empty reason, ends, and
	// Completion when a one-shot unit has completed. All are called in
	// order, by one goroutine at a time, and must not block.
	Observe    func(event.Event)
	Settled    func(state Health, cause string)
	Hold       func(unit, by string)
	Completion func(unit, runDigest string)
	// Ended is called when nothing runs any more, before Run gives back what
	// units shared and returns. It must not block.
	Ended func()
	// Snapshot is told how everything is at the beginning, when that has
	// settled, after each change, and every so many transitions; what Observe
	// is told after it leads from there on. It is called like Observe.
	Snapshot func(Status)
	// Probed is told of each look of a probe, by any goroutine; nil: nobody is.
	Probed func(kind spec.ProbeKind, took time.Duration, ok bool)
	// Guards are what SaveGuard was told last of the breakers, by unit: their
	// state goes on from there. SaveGuard is told of it by any goroutine, at
	// each change and every few seconds as calls are counted, and must not
	// block; nil: nobody is.
	Guards    map[string][]byte
	SaveGuard func(unit string, record []byte)
	// Journal says since when what Observe is told cannot be kept, and why; a
	// nil error is that it can. Any goroutine calls it; nil: nothing is kept.
	Journal func() (since time.Time, err error)
	// Merger gets all output besides the log files; nil: nobody does.
	Merger *log.Merger
}

// Engine is one life of a system.
type Engine struct {
	cfg   Config
	site  *site
	core  *core
	turns turns
	since time.Time
	// build makes the unit of a step; a test lets that run no process.
	build func(*plan.Step, blocks) (member, error)

	memory    memoryLook
	unwritten unwritten

	mu      sync.Mutex
	logs    map[string]*log.Log          // guarded by mu
	current declaration                  // what is in force; guarded by mu
	waits   map[*operation]chan struct{} // for their ends; guarded by mu
	guards  map[spec.Addr]*breaker.Guard // of databases and breakers; guarded by mu
	tallies map[spec.Addr]*metric.Tally  // of databases; guarded by mu
	targets map[spec.Addr]string         // that breakers were aimed at last; guarded by mu

	// servers are the managed databases: a database stands before its
	// migrations in the plan. Who has the turn owns it.
	servers map[spec.Addr]*pg.Server
}

// declaration is what up was told last.
type declaration struct {
	system   *spec.System
	ports    Ports
	settings []plan.Value // of the system, as plans compare them
}

// New builds the units of a plan. It starts nothing yet, but the engine has
// to be Run, or closed by a Run whose context has ended.
func New(cfg Config) (*Engine, error) {
	if n := len(cfg.System.Unbuilt); n > 0 {
		return nil, fmt.Errorf("build the engine: %d declared features have no runtime in this version, first %s", n, cfg.System.Unbuilt[0].Name)
	}
	if cfg.Log == nil {
		cfg.Log = hclog.NewNullLogger()
	}
	var host *process.Host
	var hostErr error
	var opening sync.WaitGroup // beside the building of the members, which start nothing
	opening.Go(func() {
		host, hostErr = process.New(process.Config{
			Life: cfg.Life, Guardian: cfg.guardian(), Home: cfg.System.StateDir,
			Expected: len(cfg.Plan.Steps), Logger: cfg.Log.Named("process"),
		})
	})
	e := &Engine{
		cfg:     cfg,
		site:    newSite(cfg.System, cfg.Life, cfg.Ports, cfg.Log),
		logs:    make(map[string]*log.Log, len(cfg.Plan.Steps)),
		waits:   map[*operation]chan struct{}{},
		current: declaration{cfg.System, cfg.Ports, plan.Settings(cfg.System, cfg.Key)},
		servers: map[spec.Addr]*pg.Server{},
	}
	e.build = e.newMember
	e.site.probed, e.site.report, e.site.answers = cfg.Probed, e.report, e.answers
	e.site.files, e.site.slots = new(probe.Files), probe.NewSlots(0)
	members, err := e.members(cfg.System, cfg.Plan, nil)
	opening.Wait()
	if hostErr != nil {
		e.closeUnits()
		return nil, fmt.Errorf("build the engine: %w", hostErr)
	}
	e.site.host, e.site.listeners = host, newListeners(host, &cfg, e.site.log)
	if err != nil {
		e.close()
		return nil, fmt.Errorf("build the engine: %w", err)
	}
	e.core = newCore(members, watcher{
		observe:   e.observe,
		settled:   e.settled,
		held:      cfg.Hold,
		ended:     e.operationEnded,
		completed: cfg.Completion,
		seen:      e.seen,
	})
	e.core.machine.by = cfg.By
	e.core.machine.configure(settingsOf(cfg.System))
	e.core.machine.remember(cfg.Held, cfg.Completed)
	e.cfg.Inherited, e.cfg.Passed = nil, nil
	e.cfg.System, e.cfg.Plan, e.cfg.Ports = nil, nil, nil // current has what is declared
	e.since = time.Now()
	e.turns.begin(strings.TrimSuffix("up by "+cfg.By, " by "))
	return e, nil
}

// observe hands on what happened, without sensitive values.
func (e *Engine) observe(ev event.Event) {
	ev.Life, ev.Cause = e.site.life, e.site.redact.clean(ev.Cause)
	if e.cfg.Observe != nil {
		e.cfg.Observe(ev)
	}
}

// seen hands on how everything is.
func (e *Engine) seen(state Health, cause string, units []UnitStatus) {
	if e.cfg.Snapshot != nil {
		e.cfg.Snapshot(e.status(state, cause, units))
	}
}

// guardian is the name of the guardian's system, empty where it has none.
func (c *Config) guardian() string {
	if !c.Guardian {
		return ""
	}
	return c.System.Name
}

// settled ends the turn of the first start.
func (e *Engine) settled(state Health, cause string) {
	e.turns.end()
	e.site.listeners.leave()
	if e.cfg.Settled != nil {
		e.cfg.Settled(state, cause)
	}
}

// closeLogs closes the logs of units that there are not, or not any more.
func (e *Engine) closeLogs() {
	known := e.core.definitions()
	if len(known) == 0 && e.core.stopping.Err() != nil {
		return // all of them are closed at the end
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, l := range e.logs {
		if known[id] == nil {
			delete(e.logs, id)
			_ = l.Close()
			e.unwritten.forget(id)
		}
	}
	for addr := range e.guards {
		if known[addr.String()] == nil {
			delete(e.guards, addr)
		}
	}
	for addr := range e.tallies {
		if known[addr.String()] == nil {
			delete(e.tallies, addr)
		}
	}
}

// Run brings the system up, supervises it and stops it in reverse: when ctx
// ends, after Stop, or when it fails in a way that ends it. Nothing that it
// started is left when it returns.
func (e *Engine) Run(ctx context.Context) Result {
	if e.cfg.By != "" { // nothing else is observed before
		e.observe(event.Event{Time: time.Now(), Kind: event.Command, To: "up", Actor: e.cfg.By})
	}
	result := e.core.run(ctx)
	if e.cfg.Ended != nil {
		e.cfg.Ended()
	}
	e.close()
	return result
}

// Asked is what the context of Run is cancelled with where somebody asked for
// that: By says who, in words.
type Asked struct {
	Err error
	By  string
}

func (a *Asked) Error() string { return a.Err.Error() }

// Unwrap returns the cause itself.
func (a *Asked) Unwrap() error { return a.Err }

// close releases everything that units share.
func (e *Engine) close() {
	e.site.listeners.close()
	if err := e.site.host.Close(); err != nil {
		e.cfg.Log.Error("cannot end every process", "error", err)
	}
	e.closeUnits()
}

// closeUnits releases what there is without processes.
func (e *Engine) closeUnits() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, l := range e.logs {
		_ = l.Close()
	}
	e.site.files.Close()
	if e.site.notifier != nil {
		_ = e.site.notifier.Close()
	}
}

// Stop stops everything in order and returns once that is done, or when ctx
// ends. The system stops all the same. by is who asks, in words.
func (e *Engine) Stop(ctx context.Context, cause, by string) error {
	if by != "" && e.core.stopping.Err() == nil {
		e.asked("", "down", by)
	}
	e.core.send(evStop{cause, by})
	select {
	case <-e.core.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Living is a context that ends when the system begins to stop for good.
func (e *Engine) Living() context.Context { return e.core.stopping }

// Hurry makes every stop a quick one: what has not ended is killed.
func (e *Engine) Hurry() { e.core.quicken() }

// Status returns the state of everything at one moment.
func (e *Engine) Status() Status {
	t := e.core.snapshot()
	st := e.status(t.state, t.cause, t.units)
	st.Holds, st.Notices = t.holds, e.notices()
	return st
}

func (e *Engine) status(state Health, cause string, units []UnitStatus) Status {
	return Status{
		Name: e.System().Name, Config: e.cfg.ConfigPath, Life: e.cfg.Life,
		PID: pid(), Since: e.since, State: state, Cause: e.site.redact.clean(cause), Units: units,
	}
}

// Tail returns the last lines, at most n, that the latest run of a unit
// wrote, with sensitive values replaced.
func (e *Engine) Tail(unit string, n int) []string {
	e.mu.Lock()
	l := e.logs[unit]
	e.mu.Unlock()
	if l == nil {
		return nil
	}
	lines, err := l.Tail(n, true)
	if err != nil {
		return []string{"(the log cannot be read: " + err.Error() + ")"}
	}
	texts := make([]string, 0, len(lines))
	for _, line := range lines {
		texts = append(texts, e.site.redact.clean(string(line.Text)))
	}
	return texts
}

// LogDir returns the directory of a system's log files.
func LogDir(stateDir string) string { return filepath.Join(stateDir, "logs") }

// System returns what is declared now.
func (e *Engine) System() *spec.System {
	return e.declared().system
}

// openLog opens the log of a unit, or returns the one that is open.
func (e *Engine) openLog(id string, bounds spec.Log) (*log.Log, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if l := e.logs[id]; l != nil {
		return l, nil
	}
	l, err := log.Open(log.Config{
		Dir: LogDir(e.site.stateDir), Unit: id,
		MaxSize: int64(bounds.MaxSize), Keep: bounds.Keep,
		Buffers: e.site.buffers, Merger: e.cfg.Merger,
		OnError: func(err error) {
			if err := e.unwritten.note(id, err); err != nil {
				e.cfg.Log.Warn("log trouble", "error", err)
			}
		},
	})
	if err != nil {
		return nil, err
	}
	e.logs[id] = l
	return l, nil
}
