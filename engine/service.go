package engine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/syndicate/syndicate/engine/log"
	"github.com/syndicate/syndicate/engine/probe"
	"github.com/syndicate/syndicate/engine/process"
	"github.com/syndicate/syndicate/spec"
)

// serviceWork runs a service: one process, its ready and its live probe.
type serviceWork struct {
	*site
	svc *current[spec.Service]
	out *log.Log

	mu    sync.Mutex
	proc  *process.Process // of the run under way, nil between; guarded by mu
	ready *probe.Probe     // waits for readiness just now, else nil; guarded by mu
}

func newServiceWork(s *site, svc *spec.Service, out *log.Log) *serviceWork {
	return &serviceWork{site: s, svc: newCurrent(svc), out: out}
}

// signal implements signaler.
func (w *serviceWork) signal(sig syscall.Signal) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.proc == nil {
		return errors.New("it does not run")
	}
	return w.proc.Signal(sig)
}

func (w *serviceWork) setProcess(p *process.Process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.proc = p
}

func (w *serviceWork) setReady(p *probe.Probe) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ready = p
}

// describe implements describer.
func (w *serviceWork) describe(s *UnitStatus) (moving bool) {
	if s.State != Starting {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s.Seen = ""
	if w.ready != nil {
		s.Seen = w.redact.clean(w.ready.Seen().Error())
	} else if _, stalled := w.out.Stalled(); stalled && w.proc == nil {
		s.Seen = "its log waits for the disk, which does not answer"
	}
	return true
}

// run starts the process and stays with it until it has ended.
func (w *serviceWork) run(ctx context.Context, a *attempt) (out Outcome) {
	defer w.conceal(&out)
	svc := w.svc.get()
	cmd, err := w.command(&svc.Command, svc.Addr.String(), w.servicePort(svc))
	if err != nil {
		return permanent("prepare "+svc.Addr.String(), err)
	}
	if err := portFree(svc.Host, w.servicePort(svc)); err != nil {
		return Outcome{Err: err}
	}
	p := probes{w: w, cmd: &cmd}
	defer func() { p.close() }()
	x, lasting, err := w.execute(ctx, &cmd, w.out, func(c *log.Capture) error {
		p.capture = c
		return p.open(svc)
	})
	if err != nil {
		return Outcome{Err: err, Permanent: lasting}
	}
	w.setProcess(x.proc)
	defer w.setProcess(nil)
	a.started(x.proc.PID())
	return w.supervise(ctx, a, x, &p)
}

// probes look at one run.
type probes struct {
	w       *serviceWork
	cmd     *process.Command
	capture *log.Capture
	of      *spec.Service // the definition that live is made for
	ready   *probe.Probe
	live    *probe.Probe
}

// open makes both probes of a run that is about to start.
func (p *probes) open(svc *spec.Service) (err error) {
	p.of = svc
	if p.ready, err = p.w.newProbe(svc.Ready, p.cmd, p.capture); err != nil {
		return err
	}
	p.live, err = p.w.newProbe(svc.Live, p.cmd, p.capture)
	return err
}

// exchange makes the live probe of a definition that came during the run.
func (p *probes) exchange(svc *spec.Service) (err error) {
	if svc == p.of {
		return nil
	}
	if p.live != nil {
		p.live.Close()
	}
	p.of = svc
	cmd := *p.cmd // a notify socket is no business of the running process
	p.live, err = p.w.newProbe(svc.Live, &cmd, p.capture)
	return err
}

func (p *probes) close() {
	for _, p := range []*probe.Probe{p.ready, p.live} {
		if p != nil {
			p.Close()
		}
	}
}

// supervise waits for the end of a process while its probes look at it.
func (w *serviceWork) supervise(ctx context.Context, a *attempt, x *execution, p *probes) Outcome {
	watching, cancel := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		p.watch(watching, a, failed)
	}()
	var out Outcome
	stop := func() {
		how := w.svc.get().Stop
		err := x.stop(signalNamed(how.Signal), how.Timeout.Std(), a.hurry)
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
func (p *probes) watch(ctx context.Context, a *attempt, failed chan<- error) {
	if p.ready != nil {
		p.w.setReady(p.ready)
		err := p.ready.Ready(ctx)
		p.w.setReady(nil)
		if err != nil {
			if ctx.Err() == nil {
				failed <- err
			}
			return
		}
		p.w.answers(p.of)
	}
	a.ready()
	p.w.svc.each(ctx, func(ctx context.Context, svc *spec.Service) {
		if err := p.exchange(svc); err != nil {
			a.health(p.w.redact.clean("live probe: " + err.Error()))
			<-ctx.Done()
			return
		}
		if p.live == nil {
			a.health("") // whatever an earlier one has found
			<-ctx.Done()
			return
		}
		p.live.Live(ctx, func(err error) {
			if err == nil {
				a.health("")
				return
			}
			a.health(p.w.redact.clean("live probe: " + err.Error()))
		})
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
	if w.probed != nil {
		cfg.Observe = func(took time.Duration, err error) { w.probed(p.Kind, took, err == nil) }
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
	made, err := probe.New(cfg)
	if err != nil && cfg.Notify != nil {
		return nil, errors.Join(err, cfg.Notify.Close())
	}
	return made, err
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
