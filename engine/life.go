package engine

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/syndicate/syndicate/engine/log"
	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/probe"
	"github.com/syndicate/syndicate/engine/process"
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

	// Observe is told of each transition, and Settled once of the system's
	// state when everything was started, or failed. Both are called in
	// order, by one goroutine, and must not block.
	Observe func(Event)
	Settled func(state Health, cause string)
	// Merger gets all output besides the log files; nil: nobody does.
	Merger *log.Merger
}

// Engine is one life of a system.
type Engine struct {
	cfg   Config
	site  *site
	core  *core
	logs  map[string]*log.Log
	since time.Time
	// servers are the managed databases: a database stands before its
	// migrations in the plan.
	servers map[spec.Addr]*pg.Server
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
	host, err := process.New(process.Config{Life: cfg.Life, Logger: cfg.Log.Named("process")})
	if err != nil {
		return nil, fmt.Errorf("build the engine: %w", err)
	}
	e := &Engine{
		cfg: cfg,
		site: &site{
			system: cfg.System, life: cfg.Life, ports: cfg.Ports, log: cfg.Log,
			host: host, files: new(probe.Files), slots: probe.NewSlots(max(runtime.NumCPU()/2, 1)),
			buffers:  log.NewBuffers(),
			services: make(map[spec.Addr]*spec.Service, len(cfg.System.Services)),
		},
		logs:    make(map[string]*log.Log, len(cfg.Plan.Steps)),
		servers: map[spec.Addr]*pg.Server{},
	}
	for _, svc := range cfg.System.Services {
		e.site.services[svc.Addr] = svc
	}
	members, err := e.members()
	if err != nil {
		e.close()
		return nil, fmt.Errorf("build the engine: %w", err)
	}
	e.core = newCore(members, cfg.Observe, cfg.Settled)
	e.core.machine.parallelism = cfg.System.Parallelism
	e.core.machine.failDegraded = cfg.System.Degraded == "fail"
	e.core.machine.stopOnFail = cfg.System.OnFailure == "stop"
	e.since = time.Now()
	return e, nil
}

// Run brings the system up, supervises it and stops it in reverse: when ctx
// ends, after Stop, or when it fails in a way that ends it. Nothing that it
// started is left when it returns.
func (e *Engine) Run(ctx context.Context) Result {
	result := e.core.run(ctx)
	e.close()
	return result
}

// close releases everything that units share.
func (e *Engine) close() {
	if err := e.site.host.Close(); err != nil {
		e.cfg.Log.Error("cannot end every process", "error", err)
	}
	for _, l := range e.logs {
		_ = l.Close()
	}
	e.site.files.Close()
	if e.site.notifier != nil {
		_ = e.site.notifier.Close()
	}
}

// Stop stops everything in order and returns once that is done, or when ctx
// ends. The system stops all the same.
func (e *Engine) Stop(ctx context.Context, cause string) error {
	e.core.stop(cause)
	select {
	case <-e.core.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Hurry makes every stop a quick one: what has not ended is killed.
func (e *Engine) Hurry() { e.core.quicken() }

// Status returns the state of everything at one moment.
func (e *Engine) Status() Status {
	state, cause, units := e.core.snapshot()
	return Status{
		Name: e.cfg.System.Name, Config: e.cfg.ConfigPath, Life: e.cfg.Life,
		PID: pid(), Since: e.since, State: state, Cause: e.site.redact.clean(cause), Units: units,
	}
}

// Tail returns the last lines, at most n, that the latest run of a unit
// wrote, with sensitive values replaced.
func (e *Engine) Tail(unit string, n int) []string {
	l := e.logs[unit]
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

// openLog opens the log of a unit.
func (e *Engine) openLog(id string, bounds spec.Log) (*log.Log, error) {
	l, err := log.Open(log.Config{
		Dir: LogDir(e.cfg.System.StateDir), Unit: id,
		MaxSize: int64(bounds.MaxSize), Keep: bounds.Keep,
		Buffers: e.site.buffers, Merger: e.cfg.Merger,
		OnError: func(err error) { e.cfg.Log.Warn("log trouble", "unit", id, "error", err) },
	})
	if err != nil {
		return nil, err
	}
	e.logs[id] = l
	return l, nil
}
