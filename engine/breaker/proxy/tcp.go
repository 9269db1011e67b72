package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
	"github.com/syndicate/syndicate/engine/breaker/relay"
	"github.com/syndicate/syndicate/socket"
)

// TCPConfig says what a TCP proxy forwards to.
type TCPConfig struct {
	Target string // host:port
	Guard  *breaker.Guard
	Policy TCPPolicy
	Clean  func(string) string // see HTTPConfig
}

// TCPPolicy is what may change while connections are open.
type TCPPolicy struct {
	// Target is where new connections go, as host:port, where that is no
	// longer TCPConfig's. Those to the one before have Grace to end.
	Target string
	Grace  time.Duration
	// ConnectTimeout bounds connecting. Default: 2s.
	ConnectTimeout time.Duration
	// MaxCalls bounds the open connections; 0: nothing does. MaxWaiting more
	// wait up to WaitTimeout for one of them to end.
	MaxCalls, MaxWaiting int
	WaitTimeout          time.Duration
	// Refuse has the listener closed to new connections while the guard lets
	// nothing through: clients find nobody there. Where the system cannot do
	// that, and without it, they are reset.
	Refuse bool
	// Probe is what a target has to pass before each connection of a trial;
	// nil: the connections themselves are the trial.
	Probe *TCPProbe
	// Others are further targets, each with a guard of its own, tried in
	// order where the first may not be asked or cannot be reached.
	Others []TCPTarget
}

// TCPTarget is a target with its guard.
type TCPTarget struct {
	Target string // host:port
	Guard  *breaker.Guard
}

// tcpPolicy is a TCPPolicy in force.
type tcpPolicy struct {
	TCPPolicy
	// target ends once another one is in force and its grace is over.
	target context.Context
	leave  context.CancelFunc
}

// TCP forwards connections. Where no target takes one, the client's is reset,
// which drivers treat as a failure at once.
//
// A connection is a call: it failed where the target cannot be reached, or
// ends it before its first byte though the client has sent something, within
// a second; it went well with the target's first byte, or after that second.
type TCP struct {
	cfg     TCPConfig
	policy  atomic.Pointer[tcpPolicy]
	limiter limiter
	full    atomic.Uint64
	others  atomic.Uint64
	open    sync.WaitGroup
	changed chan struct{} // has a value once the policy has changed
}

// NewTCP makes a proxy.
func NewTCP(cfg TCPConfig) (*TCP, error) {
	if cfg.Clean == nil {
		cfg.Clean = func(s string) string { return s }
	}
	p := &TCP{cfg: cfg, changed: make(chan struct{}, 1)}
	return p, p.Set(cfg.Policy)
}

// Set takes another policy; open connections stay, but for those to a target
// that is so no longer.
func (p *TCP) Set(to TCPPolicy) error {
	to.Target = cmp.Or(to.Target, p.cfg.Target)
	if _, _, err := net.SplitHostPort(to.Target); err != nil {
		return fmt.Errorf("the target: %w", err)
	}
	next := &tcpPolicy{TCPPolicy: to}
	old := p.policy.Load()
	if old != nil && old.Target == to.Target {
		next.target, next.leave = old.target, old.leave
	} else {
		next.target, next.leave = context.WithCancel(context.Background())
	}
	p.policy.Store(next)
	if old != nil && old.Target != to.Target {
		time.AfterFunc(to.Grace, old.leave)
	}
	p.limiter.set(limits{to.MaxCalls, to.MaxWaiting, to.WaitTimeout})
	select {
	case p.changed <- struct{}{}:
	default:
	}
	return nil
}

// Numbers returns what was counted.
func (p *TCP) Numbers() Numbers {
	return Numbers{Full: p.full.Load(), Waiting: p.limiter.waiting(), Fallbacks: map[string]uint64{"upstream": p.others.Load()}}
}

// TCPAddress returns the host:port of a tcp:// URL.
func TCPAddress(u *url.URL) (string, error) {
	if u.Scheme != "tcp" || u.Port() == "" || u.Hostname() == "" {
		return "", errors.New("it is not of the form tcp://host:port")
	}
	return net.JoinHostPort(u.Hostname(), u.Port()), nil
}

// Serve forwards what a listener accepts until ctx ends; it closes the
// listener. Connections that are open then have until hurry ends to come to
// their end.
func (p *TCP) Serve(ctx context.Context, l net.Listener, hurry context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	to := relay.Open()
	defer to.Close()
	defer p.open.Wait()
	d := &door{}
	if socket, ok := l.(syscall.Conn); ok {
		d.listener = socket
		keeping := make(chan struct{})
		go func() {
			defer close(keeping)
			p.keepDoor(ctx, d)
		}()
		defer func() { <-keeping }()
	}
	for {
		c, err := l.Accept()
		if err != nil && ctx.Err() == nil && d.wait(ctx) {
			continue
		}
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = c.Close()
			}
			return nil
		case err != nil:
			if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() || socket.Scarce(err) {
				// Descriptors are short: others will end.
				select {
				case <-time.After(50 * time.Millisecond):
					continue
				case <-ctx.Done():
					return nil
				}
			}
			return err
		}
		p.open.Go(func() { p.handle(hurry, to, c.(*net.TCPConn)) })
	}
}

// handle forwards one connection.
func (p *TCP) handle(ctx context.Context, to *relay.Relay, client *net.TCPConn) {
	policy := p.policy.Load()
	if err := p.limiter.enter(ctx); err != nil {
		p.full.Add(1)
		reset(client)
		return
	}
	defer p.limiter.leave()
	targets := append([]TCPTarget{{policy.Target, p.cfg.Guard}}, policy.Others...)
	for i, t := range targets {
		permit, err := t.Guard.Permit()
		if err != nil {
			continue
		}
		up, err := policy.connect(ctx, t.Target, permit.Trial())
		if err != nil {
			if ctx.Err() != nil {
				permit.Neutral()
			} else {
				permit.Failure(breaker.Evidence{Error: p.cfg.Clean(describe(err))})
			}
			continue
		}
		if i > 0 {
			p.others.Add(1)
		}
		until := []context.Context{ctx}
		if i == 0 {
			until = append(until, policy.target)
		}
		forward(to, client, up.(*net.TCPConn), &permit, until...)
		return
	}
	reset(client)
}

// connect connects to a target, after its probe where this is a trial.
func (p *TCPPolicy) connect(ctx context.Context, target string, trial bool) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: cmp.Or(p.ConnectTimeout, dialTimeout)}
	if trial && p.Probe != nil {
		if err := p.Probe.pass(ctx, dialer, target); err != nil {
			return nil, err
		}
	}
	return dialer.DialContext(ctx, "tcp", target)
}

// reset closes a connection so that the other side sees a failure at once.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

// forward forwards a connection for which there is a permit, until both ways
// have ended, or one of the contexts has. It judges it by the first thing that
// comes back.
func forward(to *relay.Relay, client, up *net.TCPConn, permit *breaker.Permit, until ...context.Context) {
	defer permit.Neutral()
	well := func() {
		permit.Answered()
		permit.Success()
	}
	grace := time.AfterFunc(trialGrace, well)
	defer grace.Stop()
	to.Forward(relay.Pair{Client: client, Upstream: up, First: func(n int, asked bool, err error) {
		switch {
		case n > 0:
			well()
		case err != io.EOF:
			permit.Failure(breaker.Evidence{Error: "the connection was reset before its first byte"})
		case asked:
			permit.Failure(breaker.Evidence{Error: "the connection was closed before its first byte"})
		}
	}}, until...)
}
