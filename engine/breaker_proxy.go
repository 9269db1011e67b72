package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
	"github.com/syndicate/syndicate/engine/breaker/proxy"
	"github.com/syndicate/syndicate/engine/process"
	"github.com/syndicate/syndicate/spec"
)

// httpBreaker forwards HTTP.
type httpBreaker struct{ *proxy.HTTP }

func (w *breakerWork) httpProxy(b *spec.Breaker, target *url.URL) (breakerProxy, error) {
	policy, err := w.httpPolicy(b)
	if err != nil {
		return nil, err
	}
	p, err := proxy.NewHTTP(proxy.HTTPConfig{
		Name: b.Addr.Name, Target: target, Guard: w.guard, Policy: policy, Clean: w.redact.clean, Short: w.short,
	})
	if err != nil {
		return nil, err
	}
	return httpBreaker{p}, nil
}

func (p httpBreaker) adopt(w *breakerWork, b *spec.Breaker, target *url.URL) error {
	policy, err := w.httpPolicy(b)
	if err != nil {
		return err
	}
	policy.Target = target
	return p.Set(policy)
}

// serve also ends connections that were upgraded, such as WebSockets, which
// no server shuts down.
func (p httpBreaker) serve(ctx context.Context, l net.Listener, stop time.Duration, hurry <-chan struct{}) error {
	calls, end := context.WithCancel(context.Background())
	defer end()
	server := p.Server(calls, l)
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	defer p.Close()
	select {
	case err := <-served:
		_ = server.Close()
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), stop)
	defer cancel()
	go func() {
		select {
		case <-hurry:
			cancel()
		case <-grace.Done():
		}
	}()
	if server.Shutdown(grace) != nil {
		end()
		_ = server.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// httpPolicy is what of a breaker changes while it runs.
func (w *breakerWork) httpPolicy(b *spec.Breaker) (proxy.Policy, error) {
	out := proxy.Policy{
		ConnectTimeout: b.ConnectTimeout.Std(), PreserveHost: b.PreserveHost,
		MaxCalls: b.MaxCalls, MaxWaiting: b.MaxWaiting, WaitTimeout: b.QueueTimeout.Std(),
	}
	var errs []error
	var err error
	if out.TLS, err = clientTLS(b.TLS); err != nil {
		errs = append(errs, err)
	}
	if out.Rules, err = w.callRules(b, &b.CallRules); err != nil {
		errs = append(errs, err)
	}
	for i := range b.Routes {
		r := &b.Routes[i]
		rules, err := w.callRules(b, &r.CallRules)
		if err != nil {
			errs = append(errs, fmt.Errorf("route %q: %w", r.Pattern, err))
		}
		out.Routes = append(out.Routes, proxy.Route{Pattern: r.Pattern, Exclude: r.Exclude, Rules: rules})
	}
	return out, errors.Join(errs...)
}

// clientTLS reads what an upstream with TLS is met with.
func clientTLS(t *spec.ClientTLS) (*proxy.TLS, error) {
	if t == nil {
		return nil, nil
	}
	out := &proxy.TLS{CertFile: t.Cert, KeyFile: t.Key, ServerName: t.ServerName}
	if t.CA != "" {
		var err error
		if out.Authorities, err = os.ReadFile(t.CA); err != nil {
			return nil, fmt.Errorf("tls: ca: %w", err)
		}
	}
	return out, nil
}

// callRules is what is expected of calls.
func (w *breakerWork) callRules(b *spec.Breaker, r *spec.CallRules) (proxy.Rules, error) {
	out := proxy.Rules{
		SlowCall: r.SlowCall.Std(), Timeout: r.Timeout.Std(), IdleTimeout: r.IdleTimeout.Std(), CallTimeout: r.CallTimeout.Std(),
		Failure: statuses(r.FailureStatus), Neutral: statuses(r.NeutralStatus), FailureGRPC: grpcCodes(r.FailureGRPC),
	}
	if t := r.Retry; t != nil && t.Attempts > 1 {
		out.Retry = &proxy.Retry{
			Attempts: t.Attempts, Delay: t.Delay.Std(), MaxDelay: t.MaxDelay.Std(), Factor: t.Factor, Jitter: float64(t.Jitter),
			Methods: t.Methods, Status: statuses(t.Status), GRPC: grpcCodes(t.GRPC),
			Budget: float64(t.Budget), MinPerSecond: t.MinPerSecond, MaxBody: int(t.MaxBody),
		}
	}
	var errs []error
	for i := range r.Fallbacks {
		f, err := w.httpFallback(b, i, &r.Fallbacks[i])
		if err != nil {
			errs = append(errs, fmt.Errorf("fallback %d: %w", i+1, err))
		}
		out.Fallbacks = append(out.Fallbacks, f)
	}
	return out, errors.Join(errs...)
}

// statuses is never nil: an empty list is one that has none.
func statuses(list []spec.StatusRange) proxy.Statuses {
	out := make(proxy.Statuses, 0, len(list))
	for _, r := range list {
		out = append(out, proxy.StatusRange(r))
	}
	return out
}

// grpcCodes is never nil either.
func grpcCodes(names []string) []int {
	out := make([]int, 0, len(names))
	for _, name := range names {
		out = append(out, slices.Index(spec.GRPCCodes, name))
	}
	return out
}

func (w *breakerWork) httpFallback(b *spec.Breaker, i int, f *spec.Fallback) (proxy.Fallback, error) {
	out := proxy.Fallback{LastGood: f.LastGood.Std(), File: f.File, Status: f.Status}
	var err error
	switch {
	case f.Upstream.IsSet():
		if out.Upstream, err = w.resolveURL(f.Upstream); err == nil {
			out.Guard, err = w.fallbackGuard(b, i, out.Upstream)
		}
	case f.Body.IsSet():
		out.Body, err = f.Body.Resolve(w.lookup)
	case f.Argv != nil:
		var argv []string
		if argv, err = w.argv(&spec.Command{Argv: f.Argv}); err == nil {
			unit, dir := b.Addr.String(), f.Dir
			out.Command = func(ctx context.Context, variables []string) ([]byte, error) {
				return w.output(ctx, unit, dir, argv, variables)
			}
		}
	}
	return out, err
}

// fallbackGuard returns the guard of a fallback's upstream: by the rules of
// the breaker, with events of its own, and the same for as long as it is the
// same upstream.
func (w *breakerWork) fallbackGuard(b *spec.Breaker, i int, upstream *url.URL) (*breaker.Guard, error) {
	cfg := w.engine.breakerConfig(b, fmt.Sprintf("%s fallback %d", b.Addr, i+1))
	key := upstream.String()
	if g := w.others[key]; g != nil {
		return g, g.Configure(cfg)
	}
	g, err := breaker.New(cfg)
	if err != nil {
		return nil, err
	}
	if w.others == nil {
		w.others = map[string]*breaker.Guard{}
	}
	w.others[key] = g
	return g, nil
}

// maxOutput is how much a fallback's command may write, in bytes.
const maxOutput = 1 << 20

// output runs a program and returns what it wrote to its standard output.
func (s *site) output(ctx context.Context, unit, dir string, argv, variables []string) ([]byte, error) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		_ = null.Close()
		return nil, err
	}
	defer func() { _ = r.Close() }()
	text := make(chan []byte, 1)
	go func() {
		out, _ := io.ReadAll(io.LimitReader(r, maxOutput+1))
		text <- out
		_, _ = io.Copy(io.Discard, r)
	}()
	env := s.environ.child(len(variables))
	env.setAll(variables)
	result, err := s.host.Run(ctx, process.Command{
		Unit: unit, Argv: argv, Dir: dir, Env: env.entries(), Stdout: w, Stderr: null,
	})
	switch {
	case err != nil:
		return nil, err
	case !result.Success():
		return nil, errors.New(result.String())
	}
	out := <-text
	if len(out) > maxOutput {
		return nil, fmt.Errorf("it wrote more than %d bytes", maxOutput)
	}
	return out, nil
}

// tcpBreaker forwards connections.
type tcpBreaker struct{ *proxy.TCP }

func (w *breakerWork) tcpProxy(b *spec.Breaker, target *url.URL) (breakerProxy, error) {
	addr, err := proxy.TCPAddress(target)
	if err != nil {
		return nil, err
	}
	policy, err := w.tcpPolicy(b)
	if err != nil {
		return nil, err
	}
	p, err := proxy.NewTCP(proxy.TCPConfig{Target: addr, Guard: w.guard, Policy: policy, Clean: w.redact.clean, Short: w.short})
	if err != nil {
		return nil, err
	}
	return tcpBreaker{p}, nil
}

func (p tcpBreaker) adopt(w *breakerWork, b *spec.Breaker, target *url.URL) error {
	policy, err := w.tcpPolicy(b)
	if err != nil {
		return err
	}
	if policy.Target, err = proxy.TCPAddress(target); err != nil {
		return err
	}
	policy.Grace = breakerStop
	return p.Set(policy)
}

func (p tcpBreaker) serve(ctx context.Context, l net.Listener, stop time.Duration, hurry <-chan struct{}) error {
	open, end := context.WithCancel(context.Background())
	defer end()
	late := context.AfterFunc(ctx, func() {
		grace := time.NewTimer(stop)
		defer grace.Stop()
		select {
		case <-grace.C:
		case <-hurry:
		case <-open.Done():
		}
		end()
	})
	defer late()
	return p.Serve(ctx, l, open)
}

// tcpPolicy is what of a breaker changes while it runs.
func (w *breakerWork) tcpPolicy(b *spec.Breaker) (proxy.TCPPolicy, error) {
	out := proxy.TCPPolicy{Refuse: b.OnOpen == "refuse", ConnectTimeout: b.ConnectTimeout.Std(), MaxCalls: b.MaxCalls, MaxWaiting: b.MaxWaiting, WaitTimeout: b.QueueTimeout.Std()}
	if t := b.Probe; t != nil {
		out.Probe = &proxy.TCPProbe{Send: t.Send, Expect: t.Expect, Timeout: t.Timeout.Std()}
	}
	var errs []error
	for i := range b.Fallbacks {
		other, err := w.resolveURL(b.Fallbacks[i].Upstream)
		var addr string
		if err == nil {
			addr, err = proxy.TCPAddress(other)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("fallback %d: upstream: %w", i+1, err))
			continue
		}
		guard, err := w.fallbackGuard(b, i, other)
		if err != nil {
			errs = append(errs, err)
		}
		out.Others = append(out.Others, proxy.TCPTarget{Target: addr, Guard: guard})
	}
	return out, errors.Join(errs...)
}
