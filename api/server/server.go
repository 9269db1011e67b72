package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/engine"
	"github.com/syndicate/syndicate/plan"
)

// System is what the server needs of an engine. *engine.Engine is one.
type System interface {
	// Status returns a snapshot, also after the end.
	Status() engine.Status
	// Measured is Status with what the units have in memory.
	Measured() engine.Status
	// MeasuredNow is Measured where that needs no waiting for anything.
	MeasuredNow() (st engine.Status, ok bool)
	// Stop stops everything in order, and returns when that is done or ctx
	// ends; the stop goes on then. ctx carries the [api.Actor].
	Stop(ctx context.Context, cause string) error
	// Hurry makes a stop quick: what has not ended is killed.
	Hurry()
}

// Operator changes a running system, one operation at a time.
//
// Apply and Command report through progress, which never blocks and may be
// called by any goroutine until they return. ctx ends when the client has
// gone: an operation that waits for its turn is withdrawn then, one that has
// begun goes on to its end. An error means that nothing was done.
type Operator interface {
	// Units returns what runs, as plan compares with it.
	Units() *plan.Running
	// Questions returns what the configuration asked that was applied last.
	Questions() api.Questions
	Apply(ctx context.Context, req ApplyRequest, progress func(api.Progress)) (api.Result, error)
	Command(ctx context.Context, req CommandRequest, progress func(api.Progress)) (api.Result, error)
}

// ApplyRequest asks to do what a bundle declares.
type ApplyRequest struct {
	Bundle     []byte
	PlanDigest string // of the plan that was shown; empty: whatever it is
	NoRollback bool
	Offline    bool     // databases that run elsewhere are not asked
	Guess      bool     // the client has not decoded the bundle
	Targets    []string // addresses; empty: everything
	Actor      string
}

// CommandRequest tells units to do something.
type CommandRequest struct {
	Verb  string // start, stop, restart, or the name of an action
	Units []string
	Args  []string
	Actor string
}

// Journal tells what happened.
type Journal interface {
	// Events yields what happened, oldest first, and with Follow what
	// happens until ctx ends. An error is the last of the sequence.
	Events(ctx context.Context, q EventQuery) iter.Seq2[api.Event, error]
}

// EventQuery says which events to tell. Its zero value means all of them.
type EventQuery struct {
	After  uint64    // only those with a higher number
	Since  time.Time // only those that happened then or later
	Units  []string  // only those of these units; empty: of all, and of none
	Tail   int       // only the last ones of those that have happened; 0: all
	Follow bool
}

// Config describes a server.
type Config struct {
	System   System
	StateDir string       // absolute, where the socket is made
	Logger   hclog.Logger // nil: none

	// What is nil here is answered with 501.
	Operator Operator
	Journal  Journal
	Breakers Breakers
	// Metrics writes the text for Prometheus.
	Metrics func(io.Writer) error

	// Tail returns the last lines that a unit wrote, at most n, without
	// sensitive values; nil: nobody may see them.
	Tail func(unit string, n int) []string

	// DegradedFails reports whether a degraded system is not ready; nil: it
	// is.
	DegradedFails func() bool
}

// Bounds of what clients may take.
const (
	maxConns    = 64 // on each listener
	maxStreams  = 48 // of all listeners together
	maxBody     = 64 << 10
	maxHeader   = 64 << 10 // a query may name many units
	headTimeout = 2 * time.Second
	bodyTimeout = 5 * time.Second
	loadTimeout = time.Minute     // for a bundle, which may come from afar
	sendTimeout = 5 * time.Second // of an answer, or of a part of a stream
	idleTimeout = 30 * time.Second
	closeGrace  = time.Second           // for last words, when the server closes
	lastLook    = 50 * time.Millisecond // of who follows, then
)

// Server answers on the control socket, and over TCP once told to [Server.Listen],
// until it is closed.
type Server struct {
	cfg     Config
	log     hclog.Logger
	routes  map[string]*route
	http    *http.Server
	front   *front        // before it, on the control socket
	ask     sync.Mutex    // one question to the engine at a time
	seen    unitsText     // guarded by ask
	head    headText      // guarded by ask
	streams chan struct{} // places for streams
	logins  logins
	permits permits

	handlers  sync.WaitGroup
	followers atomic.Int32    // streams that would never end by themselves
	open      context.Context // ends when the server closes
	shut      context.CancelFunc

	serving  sync.WaitGroup // on the control sockets
	mu       sync.Mutex
	socket   net.Listener // of the control socket; guarded by mu
	endpoint *endpoint    // over TCP, nil without; guarded by mu
}

// New opens the socket and begins to answer. It returns an [*api.LiveError]
// where another engine answers there. Close ends it.
func New(cfg Config) (*Server, error) {
	if cfg.System == nil || cfg.StateDir == "" {
		return nil, errors.New("start control server: it needs a system and a state directory")
	}
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	l, err := api.Listen(cfg.StateDir)
	if err != nil {
		return nil, fmt.Errorf("start control server: %w", err)
	}
	s := &Server{
		cfg: cfg, log: cfg.Logger, routes: byPath(table()),
		streams: make(chan struct{}, maxStreams),
	}
	s.open, s.shut = context.WithCancel(context.Background())
	s.http = s.newHTTP(http.HandlerFunc(s.dispatch))
	s.http.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		if a, ok := conn.(*admitted); ok {
			ctx = api.WithActor(ctx, api.Actor{Peer: a.peer})
		}
		return ctx
	}
	s.front = newFront(s.open, s.log, s.statusText, s.statusTextNow)
	s.serving.Go(func() { _ = s.http.Serve(s.front) }) // ends when the server closes
	s.serve(l)
	return s, nil
}

// serve answers on a control socket.
func (s *Server) serve(l net.Listener) {
	s.socket = l
	s.serving.Go(func() { s.front.listen(newGate(l, maxConns, ownPeers(s.log))) })
}

// Reopen makes the control socket anew where its file was removed. Who is
// connected stays so.
func (s *Server) Reopen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := os.Lstat(filepath.Join(s.cfg.StateDir, api.SocketName)); !errors.Is(err, fs.ErrNotExist) || s.open.Err() != nil {
		return nil
	}
	l, err := api.Listen(s.cfg.StateDir)
	if err != nil {
		return err
	}
	old := s.socket
	s.serve(l)
	_ = old.Close() // nobody reaches it any more
	return nil
}

// newHTTP returns a server with the bounds that hold for every listener.
func (s *Server) newHTTP(h http.Handler) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true) // one request at a time is what a connection may ask
	return &http.Server{
		Handler:           h,
		Protocols:         &protocols,
		ReadHeaderTimeout: headTimeout,
		ReadTimeout:       bodyTimeout,
		WriteTimeout:      sendTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnState:         changed,
		ErrorLog:          s.log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}),
	}
}

// Close lets answers that are under way end, for at most a second, and
// removes the socket. Who follows events or logs gets what there is.
func (s *Server) Close() error {
	if s.followers.Load() > 0 {
		select {
		case <-time.After(lastLook):
		case <-s.open.Done():
		}
	}
	s.shut()
	tcp := make(chan error, 1)
	go func() { tcp <- s.Listen(nil) }()
	s.mu.Lock()
	socket := s.socket
	s.mu.Unlock()
	err := errors.Join(socket.Close(), shutdown(s.http), <-tcp)
	s.serving.Wait()
	s.front.attending.Wait()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		s.handlers.Wait()
	}()
	select {
	case <-gone:
	case <-time.After(closeGrace):
		s.log.Error("an operation goes on after the control server's end")
	}
	if err != nil {
		return fmt.Errorf("close control server: %w", err)
	}
	return nil
}

// following returns the context of a stream that would never end by itself:
// it ends with the server, too.
func (s *Server) following(out *stream) (context.Context, func()) {
	ctx, cancel := context.WithCancel(out.ctx)
	s.followers.Add(1)
	stop := context.AfterFunc(s.open, cancel)
	return ctx, func() {
		s.followers.Add(-1)
		stop()
		cancel()
	}
}

// shutdown ends a server in order, or after closeGrace at once.
func shutdown(h *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	err := h.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = h.Close()
	}
	return err
}

// snapshot asks the engine for its state.
func (s *Server) snapshot() api.Status {
	s.ask.Lock()
	st := s.cfg.System.Status()
	s.ask.Unlock()
	return WireStatus(st, s.cfg.StateDir, time.Now())
}
