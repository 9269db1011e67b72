package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/syndicate/syndicate/engine/metric"
)

// Limits are what may change while a gateway runs: it holds for sessions that
// begin from then on.
type Limits struct {
	// MaxConn bounds the connections to the server, MaxWaiting the clients
	// that wait for one, and AcquireTimeout how long each waits.
	MaxConn, MaxWaiting int
	AcquireTimeout      time.Duration
	// QueryTimeout bounds each statement of a session that asks for no
	// shorter time itself; 0 is none.
	QueryTimeout time.Duration
	// SlowQuery is how long a query may take before it is noted; 0 notes
	// none.
	SlowQuery time.Duration
}

// Config describes a gateway.
type Config struct {
	// Server is the URL of the server. The gateway logs in as its user where
	// it has to choose among servers, and where a client's login as that user
	// cannot pass; else its user and password do not count.
	Server string
	TLS    *tls.Certificate // to serve clients with; nil: no encryption
	Limits Limits
	Guard  Guard         // nil: none
	Tally  *metric.Tally // of the database, counts along; nil: none
	// Note is told of slow queries, and of connections that fail, a line
	// each, by one goroutine at a time; nil drops them. What does not keep
	// up misses some, and is told how many.
	Note func(line string)
}

// Gateway relays sessions. Its methods may be called by many goroutines.
type Gateway struct {
	cfg     Config
	tls     *tls.Config // nil: none is served
	server  *upstream
	guard   Guard
	limits  atomic.Pointer[Limits]
	slots   limiter
	keys    keys
	cancels chan struct{} // taken by cancel requests under way
	stats   *stats
	notes   notes
	loops   []*loop // while it runs

	// stopping ends when no session begins any more, killed when none goes
	// on.
	stopping, killed context.Context
	stop, kill       context.CancelCauseFunc
	running          sync.WaitGroup // connections of clients
	deaths           deaths

	mu       sync.Mutex
	open     map[net.Conn]bool     // connections of clients, and whether they still have to say what they want; guarded by mu
	sessions map[*session]struct{} // guarded by mu
	closed   bool                  // guarded by mu
}

// errStopping is why nobody is let in at the end.
var errStopping = errors.New("the gateway stops")

// New returns a gateway that serves nobody yet.
func New(cfg Config) (*Gateway, error) {
	server, err := newUpstream(cfg.Server)
	if err != nil {
		return nil, err
	}
	g := &Gateway{
		cfg: cfg, server: server, guard: cfg.Guard, stats: newStats(cfg.Tally),
		cancels: make(chan struct{}, maxCancels),
		open:    map[net.Conn]bool{}, sessions: map[*session]struct{}{},
	}
	if g.guard == nil {
		g.guard = unguarded{}
	}
	if cfg.TLS != nil {
		g.tls = serverTLS(*cfg.TLS)
	}
	g.notes.to = cfg.Note
	g.stopping, g.stop = context.WithCancelCause(context.Background())
	g.killed, g.kill = context.WithCancelCause(context.Background())
	g.Adopt(cfg.Limits)
	return g, nil
}

// Adopt puts other limits in force.
func (g *Gateway) Adopt(l Limits) {
	g.limits.Store(&l)
	g.slots.resize(l.MaxConn, l.MaxWaiting)
}

// Run serves who connects to a listener until ctx ends. Then it closes that,
// ends the sessions that are idle, and gives the others until the timeout, or
// until hurry is closed, to come to the end of their transactions. It returns
// once nothing of it is left: nil, or why it could listen no longer.
func (g *Gateway) Run(ctx context.Context, l net.Listener, timeout time.Duration, hurry <-chan struct{}) error {
	done := make(chan struct{})
	stopNotes := g.notes.begin()
	g.loops = startLoops()
	failed := make(chan error, 1)
	go func() {
		defer close(done)
		failed <- g.accept(l)
	}()
	var err error
	select {
	case <-ctx.Done():
		_ = l.Close()
		<-done
	case err = <-failed:
		_ = l.Close()
		<-done
	}
	g.drain(timeout, hurry)
	for _, l := range g.loops {
		l.end()
	}
	stopNotes()
	return err
}

// accept serves who connects, until the listener is closed.
func (g *Gateway) accept(l net.Listener) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			if g.shortOf(err) {
				continue
			}
			return fmt.Errorf("listen on %s: %w", l.Addr(), err)
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetKeepAliveConfig(keepAlive)
		}
		if !g.enter(conn) {
			_ = conn.Close()
			continue
		}
		g.running.Go(func() {
			g.serve(conn)
			g.leave(conn)
			_ = conn.Close()
		})
	}
}

// shortage is how long to wait where there are no descriptors: connections
// stay in the kernel's queue meanwhile.
const shortage = 50 * time.Millisecond

// shortOf reports whether a failure to accept is one that passes, and waits
// a little.
func (g *Gateway) shortOf(err error) bool {
	if e, ok := errors.AsType[net.Error](err); !ok || !passes(e) {
		return false
	}
	g.notes.say("a client has to wait: %v", err)
	timer := time.NewTimer(shortage)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-g.stopping.Done():
	}
	return true
}

// enter notes a connection that is to be closed at the end.
func (g *Gateway) enter(conn net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.open[conn] = true
	return true
}

// heard notes that a client has said what it wants.
func (g *Gateway) heard(conn net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open[conn] = false
}

func (g *Gateway) leave(conn net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, conn)
}

// drain ends everything.
func (g *Gateway) drain(timeout time.Duration, hurry <-chan struct{}) {
	g.stop(errStopping)
	g.mu.Lock()
	g.closed = true
	for s := range g.sessions {
		s.retire()
	}
	for conn, silent := range g.open {
		if silent {
			_ = conn.Close()
		}
	}
	g.mu.Unlock()
	left := make(chan struct{})
	go func() {
		g.running.Wait()
		close(left)
	}()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-left:
		return
	case <-timer.C:
	case <-hurry:
	}
	g.kill(errStopping)
	g.mu.Lock()
	for conn := range g.open {
		_ = conn.Close()
	}
	for s := range g.sessions {
		s.abort()
	}
	g.mu.Unlock()
	<-left
}
