package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
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
	Short  func(error)         // see HTTPConfig
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
	cfg      TCPConfig
	policy   atomic.Pointer[tcpPolicy]
	limiter  limiter
	shortage socket.Shortage
	full     atomic.Uint64
	others   atomic.Uint64
	open     sync.WaitGroup
	changed  chan struct{} // has a value once the policy has changed
}

// NewTCP makes a proxy.
func NewTCP(cfg TCPConfig) (*TCP, error) {
	if cfg.Clean == nil {
		cfg.Clean = func(s string) string { return s }
	}
	p := &TCP{cfg: cfg, changed: make(chan struct{}, 1), shortage: socket.Shortage{Tell: cfg.Short}}
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
	to := relay.Open()
	defer to.Close()
	defer p.open.Wait()
	door := to.Accept(l, func(client *relay.Client) { p.take(hurry, client) }, p.shortage.Note)
	defer door.Close()
	return p.keepDoor(ctx, door)
}

// keepDoor shuts a door while the guard lets nothing through, if that is how
// it is to be, until ctx ends or the door fails.
func (p *TCP) keepDoor(ctx context.Context, d *relay.Door) error {
	moved, stop := p.cfg.Guard.Watch()
	defer stop()
	due := time.NewTimer(time.Hour)
	defer due.Stop()
	for {
		s := p.cfg.Guard.Snapshot()
		due.Stop()
		if s.State == breaker.Open {
			due.Reset(time.Until(s.Until))
		}
		if p.policy.Load().Refuse && (s.Mode == breaker.ForcedOpen || s.Mode == breaker.Auto && s.State == breaker.Open) {
			d.Shut()
		} else if !d.Open() {
			due.Reset(time.Second)
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-d.Failed():
			return err
		case <-moved:
		case <-due.C:
		case <-p.changed:
		}
	}
}
