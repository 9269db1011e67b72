package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/api/client"
	"github.com/syndicate/syndicate/api/server"
	"github.com/syndicate/syndicate/engine"
	"github.com/syndicate/syndicate/engine/event"
	"github.com/syndicate/syndicate/engine/log"
	"github.com/syndicate/syndicate/handover"
	"github.com/syndicate/syndicate/localsocket"
	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/spec/decode"
	"github.com/syndicate/syndicate/statedir"
)

// upCmd starts a system and stays with it, or changes the one that runs.
type upCmd struct {
	target
	inputs
	targets

	Plan       string        `name:"plan" placeholder:"FILE" help:"Do exactly the plan that plan --out wrote to FILE, or refuse." completion-predictor:"path"`
	Detach     bool          `name:"detach" short:"d" help:"Leave the system running in the background."`
	Wait       bool          `name:"wait" help:"In the background, too, but return only once everything is ready, degraded where that is allowed, or failed."`
	Timeout    spec.Duration `name:"timeout" placeholder:"DURATION" help:"With --wait, or for a change of a running system: how long to wait. After it the exit code is 4, and the engine goes on."`
	NoRollback bool          `name:"no-rollback" help:"Keep a change to a running system that fails, instead of bringing back what was declared before."`
}

// The causes that a system stops with.
var (
	errInterrupt = errors.New("Ctrl-C")
	errTerminate = errors.New("SIGTERM")
	errHangup    = errors.New("the terminal was closed")
)

// Run starts what is declared, shows it, and stops it in reverse. Where it
// runs already, it is changed to what is declared.
func (c *upCmd) Run(s *session) error {
	// SIGPIPE is heard, by nobody, so that a closed pipe ends the output and
	// not the system. That lasts until the process ends: what is written too
	// slowly for the last words is still being written then.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	s.manager = findServiceManager()
	var err error
	if s.passed, err = handover.Passed(); err != nil {
		return failWith(err, "")
	}
	if len(s.passed) > 0 && (c.Detach || c.Wait) {
		return usage("sockets were passed to this process (LISTEN_FDS), and the engine would be another one: leave --detach and --wait away")
	}
	configuration := demand{operand: c.Path, inputs: c.inputs, values: true, migrates: true}
	if c.Plan == "" && len(c.Target) == 0 && len(s.passed) == 0 {
		if err := c.guess(s, configuration); !errors.Is(err, errUnsure) {
			return err
		}
	}
	loaded, bundle, err := s.record(configuration)
	if err != nil {
		return err
	}
	sys := loaded.System
	config, err := s.configPath(c.Path)
	if err != nil {
		return err
	}
	ctx, stop := c.patience()
	defer stop()
	confined, want, err := c.aim(ctx, s, loaded, bundle)
	if err != nil {
		return err
	}
	if diags := unbuilt(sys); diags.HasErrors() {
		return s.refuse(diags, loaded.Sources)
	}
	for {
		err := statedir.Look(sys.StateDir, statedir.Info{Name: sys.Name, Config: config})
		if taken(err) {
			runs, err := s.answers(ctx, sys.StateDir)
			if err != nil && ctx.Err() != nil {
				return c.lostEngine(ctx, s, sys.StateDir, err)
			}
			if err != nil {
				return err
			}
			if runs && len(s.passed) > 0 {
				return failWith(errors.New("sockets were passed to this process (LISTEN_FDS), and the system runs already: they would be of no use to it"), s.here("down"))
			}
			if runs {
				req := client.ApplyRequest{Bundle: bundle.Bytes(), NoRollback: c.NoRollback, Targets: addressTexts(confined)}
				if want != nil {
					req.PlanDigest, req.Offline = want.Plan.Digest, want.Offline
				}
				return c.change(ctx, s, sys.StateDir, req)
			}
			continue
		}
		if err != nil {
			return failWith(err, "")
		}
		if c.Detach || c.Wait {
			if err := c.detach(ctx, s, config, loaded, bundle, confined); !errors.Is(err, errLate) {
				return err
			}
			continue
		}
		home, err := s.moveIn(sys, config)
		if taken(err) {
			continue // somebody was faster
		}
		if err != nil {
			return err
		}
		stop()
		defer home.leave()
		return s.begin(home, loaded, confined, nil)
	}
}

// patience is the context of waiting for somebody: it ends with an interrupt
// and after --timeout.
func (c *upCmd) patience() (context.Context, func()) {
	ctx, stop := interruptible()
	if c.Timeout <= 0 {
		return ctx, stop
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout.Std(), errSlow)
	return ctx, func() { cancel(); stop() }
}

// aim finds what the command is confined to, and the plan that it is to carry
// out where one is given.
func (c *upCmd) aim(ctx context.Context, s *session, loaded *decode.Result, bundle *decode.Bundle) (confined []spec.Addr, want *plan.File, err error) {
	confined, err = c.addresses(s, loaded.System)
	if err != nil || c.Plan == "" {
		return confined, nil, err
	}
	if len(confined) > 0 {
		return nil, nil, usage("--plan and --target: the plan says what it is confined to")
	}
	if want, err = s.checkPlanFile(ctx, c.Plan, loaded, bundle); err != nil {
		return nil, nil, err
	}
	confined, err = parseTargets(want.Plan.Targets)
	return confined, want, err
}

// configPath returns the configuration's path, absolute.
func (s *session) configPath(operand string) (string, error) {
	path, err := s.path(operand)
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

// begin runs a life of a system in a state directory that is held.
func (s *session) begin(h *home, loaded *decode.Result, confined []spec.Addr, r *reporter) error {
	p, diags := plan.Build(loaded.System, plan.Facts{Key: h.key, Targets: confined})
	other, err := h.settleKey()
	if err != nil {
		return failWith(err, s.here("doctor"))
	}
	if other {
		p, diags = plan.Build(loaded.System, plan.Facts{Key: h.key, Targets: confined})
	}
	if diags.HasErrors() {
		return s.refuse(diags, loaded.Sources)
	}
	return s.live(loaded, p, h, r)
}

// live runs one life of a system, and reports how it comes up.
func (s *session) live(loaded *decode.Result, p *plan.Plan, h *home, r *reporter) error {
	sys := loaded.System
	show := newUpDisplay(s, sys, p)
	usual := unhurried() // until everything has been started, and a moment longer
	var merger *log.Merger
	if !s.stdout.unread {
		merger = &log.Merger{}
	}
	logger := s.engineLog(show, r)
	rec, err := h.remember(sys.Environ, logger.Named("store"))
	if err != nil {
		return failWith(err, s.anew("doctor"))
	}
	finish := sync.OnceFunc(func() {
		if err := rec.Close(); err != nil {
			logger.Warn("the journal is not complete", "error", err)
		}
	})
	defer finish()
	living := *sys
	living.Environ = rec.environ
	sys = &living
	bus := new(event.Bus)
	defer bus.Close()
	meter := newMeter(sys.Name)
	unwatch := func() {}
	eng, err := engine.New(engine.Config{
		System: sys, Plan: p, ConfigPath: h.config, Life: h.life, Ports: h.ports,
		Key: h.key, Log: logger, Merger: merger, Guardian: true, Version: ownVersion(),
		By:     cmp.Or(s.by, self()),
		Probed: func(kind spec.ProbeKind, took time.Duration, ok bool) { meter.recorder.Probed(string(kind), took, ok) },
		Held:   rec.held, Completed: rec.completed, Hold: rec.hold, Completion: rec.complete,
		Inherited: h.inherited.Sockets, Passed: h.passed,
		Guards: rec.guards, SaveGuard: rec.saveGuard, Snapshot: rec.saw, Journal: rec.Trouble,
		Observe: s.witness(rec, meter, show, bus),
		Ended:   func() { unwatch(); rec.windUp() },
		Settled: func(state engine.Health, cause string) {
			show.settled(state, cause)
			r.end(settledResult(state, cause))
			if err := s.manager.tell("READY=1"); err != nil {
				logger.Warn("it would wait for this system for ever", "error", err)
			}
			usual()
			settle()
			keepTempo()
		},
	})
	if err != nil {
		return failWith(err, "")
	}
	h.inherited.Take()
	meter.engine = eng
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	var control *server.Server
	op := &operator{engine: eng, home: h, bus: bus, journal: rec.Store, asked: loaded.Questions, applied: func(sys *spec.System, p *plan.Plan) {
		show.declared(sys, p)
		if err := h.listen(control, sys); err != nil {
			logger.Error("the HTTP endpoint is not as declared", "error", err)
		}
	}}
	control, err = s.control(&controlled{Engine: eng, show: show}, op, sys, meter, logger)
	if err != nil {
		cancel(err)
		eng.Run(ctx) // releases what New took
		return failWith(err, s.anew("doctor"))
	}
	defer listen(cancel, eng, show, r != nil)()
	unwatch = h.stay(control, eng, logger)
	shown := show.start(eng, merger)
	r.begin(eng, bus)
	result := eng.Run(ctx)
	if result.Failure != "" && !result.Settled {
		r.end(failedResult(eng, result.Failure))
	}
	r.close()
	defer show.waitForDisk(sys.StateDir)()
	op.keep() // before somebody else has the directory
	if err := control.Close(); err != nil {
		logger.Warn("cannot close the control socket", "error", err)
	}
	finish()  // before somebody else opens it
	h.leave() // before the last words: an output that stalls holds up nobody
	last, err := s.upExit(result, context.Cause(ctx), show)
	shown(last)
	return err
}

// engineLog is what an engine says of itself, to who watches it come up.
func (s *session) engineLog(show *upDisplay, r *reporter) hclog.Logger {
	var output io.Writer = show
	if r != nil {
		output = io.MultiWriter(show, r)
	}
	level := hclog.Warn
	if s.verbose {
		level = hclog.Debug
	}
	return hclog.New(&hclog.LoggerOptions{Name: "syndicate", Output: output, Level: level, DisableTime: true})
}

// witness returns what is told of each event of a life.
func (s *session) witness(rec *record, meter *meter, show *upDisplay, bus *event.Bus) func(event.Event) {
	return func(ev event.Event) {
		ev = rec.Append(ev)
		rec.seq = ev.Seq
		meter.observe(ev)
		if ev.Kind != event.Command || ev.To == "up" && ev.Actor != cmp.Or(s.by, self()) || ev.Unit != "" {
			show.observe(ev) // what began or ends this life is shown anyway
		}
		bus.Publish(ev)
	}
}

// control opens the control socket, and the endpoint where one is declared.
func (s *session) control(system *controlled, op *operator, sys *spec.System, m *meter, logger hclog.Logger) (*server.Server, error) {
	control, err := server.New(server.Config{
		System: system, StateDir: sys.StateDir, Logger: logger.Named("api"),
		Operator: op, Journal: op, Metrics: m.write, Breakers: op.engine, Tail: op.engine.Tail,
		DegradedFails: func() bool { return system.System().Degraded == "fail" },
	})
	if err != nil {
		return nil, err
	}
	if err := op.home.listen(control, sys); err != nil {
		return nil, errors.Join(err, control.Close())
	}
	return control, nil
}

// controlled is an engine that shows when another shell stops it.
type controlled struct {
	*engine.Engine
	show *upDisplay
	once sync.Once
}

// Stop implements server.System.
func (c *controlled) Stop(ctx context.Context, cause string) error {
	c.once.Do(func() { c.show.stopping(cause, false) })
	by, _ := api.ActorOf(ctx)
	return c.Engine.Stop(ctx, cause, by.String())
}

// upExit returns what says how it ended, and the exit code.
func (s *session) upExit(r engine.Result, cause error, show *upDisplay) (last func(), err error) {
	stopped := func() { show.view.Stopped(r.Degraded) }
	switch {
	case r.Failure != "" && r.Cause == r.Failure:
		unit, _, _ := strings.Cut(r.Failure, " ")
		return func() {
			next := s.nextOf(unit, show.view, len(show.engine.Tail(unit, 1)) > 0)
			show.view.Fail(unit, s.spelt(r.Failure), next, s.withheldAtStart(unit, r.Settled))
		}, exit(exitFailed)
	case errors.Is(cause, errInterrupt):
		return stopped, exit(exitInterrupted)
	}
	return stopped, nil
}

// self names this process as the journal does whoever asks for something.
func self() string {
	return api.Actor{Peer: localsocket.Peer{UID: os.Geteuid(), PID: os.Getpid()}}.String()
}

// newLife returns a random mark for one life of a system.
func newLife() string { return strings.ToLower(rand.Text()) }

// unbuilt refuses what this version can read and not run.
func unbuilt(sys *spec.System) spec.Diagnostics {
	var diags spec.Diagnostics
	for _, f := range sys.Unbuilt {
		context := "syndicate"
		if !f.Addr.IsZero() {
			context = fmt.Sprintf("%s %q", f.Addr.Kind, f.Addr.Name)
		}
		diags = append(diags, spec.Diagnostic{
			Severity: spec.Error, Code: decode.CodeUnbuilt, Context: context,
			Summary: "Not in this version", Subject: f.Range,
			Detail: fmt.Sprintf("%s can be declared, validated and planned; a later version runs it. "+
				"Until then up refuses it rather than run less than is declared: take it out, or write enabled = false in its block.", f.Name),
		})
	}
	return diags
}
