package engine

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
	"github.com/syndicate/syndicate/engine/breaker/proxy"
	"github.com/syndicate/syndicate/engine/metric"
	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
)

// breakerWork is a proxy with a circuit breaker inside.
type breakerWork struct {
	*site
	engine  *Engine
	def     *current[spec.Breaker]
	guard   *breaker.Guard
	running atomic.Pointer[breakerProxy] // of the run under way, nil between
	// others are the guards of fallbacks that call another upstream, by its
	// URL. Who makes a policy owns it: run, and then what adopts.
	others map[string]*breaker.Guard

	shared   atomic.Pointer[sharing] // nil: nothing is
	joined   *breaker.Member         // of the database joinedTo; run owns them
	joinedTo spec.Addr
}

// breakerProxy is what a run serves.
type breakerProxy interface {
	Numbers() proxy.Numbers
	// adopt takes what of a definition changes while it runs.
	adopt(w *breakerWork, b *spec.Breaker, target *url.URL) error
	serve(ctx context.Context, l net.Listener, stop time.Duration, hurry <-chan struct{}) error
}

// short says what clients wait for, or are refused for want of.
func (w *breakerWork) short(err error) {
	args := []any{"unit", w.def.get().Addr.String(), "error", err}
	if errors.Is(err, syscall.EMFILE) {
		args = append(args, "limit", "ulimit -n, or LimitNOFILE= of systemd")
	}
	w.log.Warn("a breaker cannot accept or connect for now; its calls wait or fail", args...)
}

// run listens, and forwards until it is told to stop. What it stands before
// need not run.
func (w *breakerWork) run(ctx context.Context, a *attempt) (out Outcome) {
	defer w.conceal(&out)
	b := w.def.get()
	p, err := w.proxy(b)
	if err != nil {
		return permanent("prepare "+b.Addr.String(), err)
	}
	host, port := w.breakerAddress(b)
	l, err := w.listeners.listen(b.Addr.String(), host, port)
	if err != nil {
		return Outcome{Err: err}
	}
	w.engine.resume(b.Addr, w.guard)
	w.running.Store(&p)
	defer w.running.Store(nil)
	a.started(0)
	a.ready()
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		started := b
		w.def.each(watching, func(ctx context.Context, now *spec.Breaker) {
			if now != started {
				w.adopt(a, p, now)
			}
			started = nil // it may come again, after another one
			var both sync.WaitGroup
			defer both.Wait()
			both.Go(func() { w.share(ctx, now) })
			w.keep(ctx)
		})
	}()
	err = p.serve(ctx, l, breakerStop, a.hurry)
	stop()
	<-watched
	w.engine.saveGuard(b.Addr, w.guard)
	return Outcome{Err: err}
}

// adopt puts what changes in place in force. Where that is not possible what
// was before stays, and the unit is unhealthy.
func (w *breakerWork) adopt(a *attempt, p breakerProxy, b *spec.Breaker) {
	problem := ""
	target, err := w.resolveURL(b.Target)
	if err != nil {
		err = fmt.Errorf("evaluate its target: %w", err)
	} else if err = p.adopt(w, b, target); err == nil {
		w.engine.aimed(b.Addr, w.guard, target.String())
	}
	if err != nil {
		problem = w.redact.clean(err.Error())
	}
	a.health(problem)
}

const (
	// breakerStop is how long calls have to end once their breaker stops.
	breakerStop = 10 * time.Second
	// keepAfter is how long what a breaker has counted may be unwritten: a
	// crash of the engine forgets no more than that. Changes of its state are
	// written at once.
	keepAfter = time.Second
)

// keep writes down what the guard has counted, until ctx ends.
func (w *breakerWork) keep(ctx context.Context) {
	wait := time.NewTimer(0)
	<-wait.C
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.guard.Unsaved():
		}
		wait.Reset(keepAfter)
		select {
		case <-ctx.Done():
		case <-wait.C:
		}
		w.engine.saveGuard(w.def.get().Addr, w.guard)
	}
}

// proxy makes what forwards to the target.
func (w *breakerWork) proxy(b *spec.Breaker) (breakerProxy, error) {
	target, err := w.resolveURL(b.Target)
	if err != nil {
		return nil, fmt.Errorf("evaluate its target: %w", err)
	}
	w.engine.aimed(b.Addr, w.guard, target.String())
	if target.Scheme == "tcp" {
		return w.tcpProxy(b, target)
	}
	return w.httpProxy(b, target)
}

// resolveURL evaluates a URL and keeps its password out of all messages.
func (s *site) resolveURL(e spec.Expr[spec.Text]) (*url.URL, error) {
	text, err := e.Resolve(s.lookup)
	if err != nil {
		return nil, err
	}
	s.redact.addText(text)
	u, err := url.Parse(text.Reveal())
	if err != nil {
		return nil, errors.New("it is no URL") // the error would quote it
	}
	if password, ok := u.User.Password(); ok {
		s.redact.add(password)
	}
	return u, nil
}

// breakerAddress is where a breaker listens.
func (s *site) breakerAddress(b *spec.Breaker) (host string, port int) {
	host, p := b.Address()
	return host, s.number(b.Addr, "", p)
}

// breakerURL is what services call instead of the target.
func (s *site) breakerURL(b *spec.Breaker) string {
	host, port := s.breakerAddress(b)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	u := url.URL{Scheme: b.Scheme(), Host: net.JoinHostPort(host, strconv.Itoa(port))}
	return u.String()
}

// breakerMember builds the unit of a breaker.
func (e *Engine) breakerMember(id string, b *spec.Breaker) (member, error) {
	cfg := e.breakerConfig(b, b.Addr.String())
	guard, err := e.guardOf(b.Addr, cfg)
	if err != nil {
		return member{}, err
	}
	host, port := e.site.breakerAddress(b)
	backoff := spec.DefaultBackoff
	return member{
		policy: policy{
			first:   spec.Start{Attempts: 3, Backoff: backoff},
			restart: spec.Restart{On: "always", Limit: 5, Within: spec.Duration(healthyAgain), Backoff: backoff},
			claims:  []string{claim(host, port)},
		},
		port: port, url: e.site.breakerURL(b),
		work: &breakerWork{site: e.site, engine: e, def: newCurrent(b), guard: guard},
		adopt: func(w work) {
			work := w.(*breakerWork)
			// The decoder has checked what could be wrong with it.
			if err := work.guard.Configure(cfg); err != nil {
				e.cfg.Log.Error("a breaker keeps its rules", "unit", id, "error", err)
			}
			work.def.set(b)
		},
	}, nil
}

// breakerConfig is what the guard of a breaker goes by.
func (e *Engine) breakerConfig(b *spec.Breaker, unit string) breaker.Config {
	cfg := policyConfig(&b.BreakerPolicy)
	cfg.SlowCall, cfg.ProbeTimeout, cfg.Judge = b.SlowCall.Std(), b.Timeout.Std(), judgement(b)
	cfg.OnChange = func(c breaker.Change) {
		e.breakerChanged(unit, plan.StepBreaker, c)
		e.mu.Lock()
		g := e.guards[b.Addr]
		e.mu.Unlock()
		if g != nil && unit == b.Addr.String() {
			e.saveGuard(b.Addr, g)
		}
	}
	return cfg
}

// judgement says what tells failures from successes, in some form: what was
// counted by another judgement says nothing.
func judgement(b *spec.Breaker) string {
	hash := fnv.New64a()
	of := func(r *spec.CallRules) {
		_, _ = fmt.Fprintln(hash, r.FailureStatus, r.NeutralStatus, r.FailureGRPC, r.SlowCall)
	}
	of(&b.CallRules)
	for i := range b.Routes {
		r := &b.Routes[i]
		_, _ = fmt.Fprintln(hash, r.Pattern, r.Exclude)
		of(&r.CallRules)
	}
	return strconv.FormatUint(hash.Sum64(), 36)
}

// describe implements describer.
func (w *breakerWork) describe(s *UnitStatus) (moving bool) {
	out := breakerStatus(w.guard)
	if p := w.running.Load(); p != nil {
		n := (*p).Numbers()
		out.Full, out.Waiting, out.Retries, out.Exhausted, out.Fallbacks = n.Full, n.Waiting, n.Retries, n.Exhausted, n.Fallbacks
	}
	for i := range out.Failures {
		out.Failures[i].Text = w.redact.clean(out.Failures[i].Text)
	}
	if target, err := w.resolveURL(w.def.get().Target); err == nil {
		target.User = nil
		out.Target = w.redact.clean(target.String())
	}
	out.Shared = w.shared.Load().text()
	s.Breaker = out
	return true
}

// Breakers are the figures of all breakers, in the order in which they are
// declared.
func (e *Engine) Breakers() []metric.Breaker {
	var list []metric.Breaker
	for _, m := range e.core.inForce() {
		w, ok := m.work.(*breakerWork)
		if !ok {
			continue
		}
		s := w.guard.Snapshot()
		n := s.Numbers
		figures := metric.Breaker{
			ID: m.id, State: s.State.String(), Mode: s.Mode.String(), InFlight: n.InFlight,
			Calls: map[string]uint64{"success": n.Successes, "failure": n.Failures, "neutral": n.Neutral},
			Slow:  n.Slow, Rejected: n.Rejected, Observed: n.Observed, Opened: n.Opened,
			Bounds: breaker.LatencyBounds[:], Latency: n.Latency[:], LatencySum: n.LatencySum,
		}
		if p := w.running.Load(); p != nil {
			forwarded := (*p).Numbers()
			figures.Full, figures.Waiting, figures.Fallbacks = forwarded.Full, forwarded.Waiting, forwarded.Fallbacks
			figures.Retries, figures.Exhausted = forwarded.Retries, forwarded.Exhausted
		}
		list = append(list, figures)
	}
	return list
}

// breaker implements guarded.
func (w *breakerWork) breaker() *breaker.Guard { return w.guard }
