package engine

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/syndicate/syndicate/engine/log"
	"github.com/syndicate/syndicate/engine/probe"
	"github.com/syndicate/syndicate/engine/process"
	"github.com/syndicate/syndicate/spec"
)

// serviceWork runs a service: one process, its ready and its live probe.
type serviceWork struct {
	*site
	svc *spec.Service
	out *log.Log
}

// run starts the process and stays with it until it has ended.
func (w *serviceWork) run(ctx context.Context, a *attempt) Outcome {
	cmd, err := w.command(&w.svc.Command, w.svc.Addr.String(), w.servicePort(w.svc))
	if err != nil {
		return permanent("prepare "+w.svc.Addr.String(), err)
	}
	if err := portFree(w.svc.Host, w.servicePort(w.svc)); err != nil {
		return Outcome{Err: err}
	}
	var ready, live *probe.Probe
	defer func() { closeProbes(ready, live) }()
	x, lasting, err := w.execute(&cmd, w.out, func(c *log.Capture) error {
		var err error
		if ready, err = w.newProbe(w.svc.Ready, &cmd, c); err == nil {
			live, err = w.newProbe(w.svc.Live, &cmd, c)
		}
		return err
	})
	if err != nil {
		return Outcome{Err: err, Permanent: lasting}
	}
	a.started(x.proc.PID())
	return w.supervise(ctx, a, x, ready, live)
}

func closeProbes(probes ...*probe.Probe) {
	for _, p := range probes {
		if p != nil {
			p.Close()
		}
	}
}

// supervise waits for the end of a process while its probes look at it.
func (w *serviceWork) supervise(ctx context.Context, a *attempt, x *execution, ready, live *probe.Probe) Outcome {
	watching, cancel := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		watch(watching, a, ready, live, failed)
	}()
	var out Outcome
	stop := func() {
		err := x.stop(signalNamed(w.svc.Stop.Signal), w.svc.Stop.Timeout.Std(), a.hurry)
		out.Err = errors.Join(out.Err, err)
		out.Exit = x.proc.Exit().String()
	}
	select {
	case <-x.proc.Done():
		cancel()
		out = exited(x.proc.Exit())
		out.Err = errors.Join(out.Err, x.end())
	case <-ctx.Done():
		cancel()
		stop()
	case err := <-failed:
		cancel()
		out.Err = fmt.Errorf("not ready: %w", err)
		stop()
	}
	<-watched
	return out
}

// watch waits for readiness and then looks whether the run still lives.
func watch(ctx context.Context, a *attempt, ready, live *probe.Probe, failed chan<- error) {
	if ready != nil {
		if err := ready.Ready(ctx); err != nil {
			if ctx.Err() == nil {
				failed <- err
			}
			return
		}
	}
	a.ready()
	if live == nil {
		return
	}
	live.Live(ctx, func(err error) {
		if err == nil {
			a.health("")
			return
		}
		a.health("live probe: " + err.Error())
	})
}

// command makes the process layer's command of a declared one.
func (s *site) command(c *spec.Command, id string, port int) (process.Command, error) {
	argv, err := s.argv(c)
	if err != nil {
		return process.Command{}, err
	}
	env, err := s.childEnv(c, port)
	if err != nil {
		return process.Command{}, err
	}
	return process.Command{
		Unit: id, Argv: argv, Dir: c.Dir, Env: env, User: c.User, Group: c.Group,
	}, nil
}

// newProbe makes the probe of a run that is about to start, nil without one.
func (w *serviceWork) newProbe(p *spec.Probe, cmd *process.Command, c *log.Capture) (*probe.Probe, error) {
	if p == nil {
		return nil, nil
	}
	cfg := probe.Config{
		Kind: p.Kind, Status: p.Status,
		Interval: p.Interval.Std(), Timeout: p.Timeout.Std(),
		Deadline: p.Deadline.Std(), Failures: p.Failures,
		Slots: w.slots, Lines: c, Files: w.files,
	}
	var err error
	if p.Target.IsSet() {
		if cfg.Target, err = p.Target.Resolve(w.lookup); err != nil {
			return nil, fmt.Errorf("evaluate the target of the %s probe: %w", p.Kind, err)
		}
	}
	for _, arg := range p.Argv {
		v, err := arg.Resolve(w.lookup)
		if err != nil {
			return nil, fmt.Errorf("evaluate the command of the exec probe: %w", err)
		}
		cfg.Argv = append(cfg.Argv, v)
	}
	if len(p.Headers) > 0 {
		cfg.Header = http.Header{}
		for _, h := range p.Headers {
			v, err := h.Value.Resolve(w.lookup)
			if err != nil {
				return nil, fmt.Errorf("evaluate the header %s: %w", h.Name, err)
			}
			w.redact.addText(v)
			cfg.Header.Set(h.Name, v.Reveal())
		}
	}
	switch p.Kind {
	case spec.ProbeExec:
		cfg.Runner = &probeRunner{host: w.host, cmd: *cmd}
	case spec.ProbeNotify:
		if err := w.notifySocket(&cfg, cmd); err != nil {
			return nil, err
		}
	}
	return probe.New(cfg)
}

// notifySocket makes the socket that a unit reports its readiness to, and
// tells the unit of it.
func (w *serviceWork) notifySocket(cfg *probe.Config, cmd *process.Command) error {
	notifier, err := w.notifications()
	if err != nil {
		return err
	}
	uid, err := process.UserID(cmd.User)
	if err != nil {
		return err
	}
	socket, err := notifier.Listen(probe.NotifyConfig{UID: uid, Belongs: func(pid int) bool {
		unit, ok := w.host.UnitOf(pid)
		return ok && unit == cmd.Unit
	}})
	if err != nil {
		return err
	}
	cfg.Notify = socket
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+socket.Path())
	return nil
}

// probeRunner runs exec probes in a unit's place and environment.
type probeRunner struct {
	host *process.Host
	cmd  process.Command
}

// Run implements probe.Runner.
func (r *probeRunner) Run(ctx context.Context, argv []string) error {
	cmd := r.cmd
	cmd.Argv, cmd.Stdout, cmd.Stderr = argv, nil, nil
	result, err := r.host.Run(ctx, cmd)
	if err == nil && !result.Success() {
		err = errors.New(result.String())
	}
	return err
}
