package front

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/syndicate/syndicate/socket"
)

// Server serves connections of one listener. Of the fields of HTTP those that
// this package knows are Handler, ReadHeaderTimeout (until the first request),
// BaseContext, ConnContext, ConnState and ErrorLog; the others hold for what
// is handed on.
//
// The context of a request that is served here is that of its connection: it
// ends when the client goes away, and not with the handler, which therefore
// leaves nothing behind that waits for it. Where a client has ended its side,
// it is gone, as for net/http.
type Server struct {
	HTTP *http.Server
	// Short is told whenever no connection can be accepted for now, and why.
	// It may be nil.
	Short func(error)

	listener  net.Listener
	watching  *departures
	turns     *turnstile
	base      context.Context
	handed    chan net.Conn
	accepted  chan struct{} // nothing is accepted any more
	attending sync.WaitGroup
	closing   atomic.Bool
	stopped   chan struct{} // nothing is handed on any more
	failed    error         // why; set before stopped is closed

	mu    sync.Mutex
	conns map[*conn]struct{} // guarded by mu
}

// past is a deadline that has been.
var past = time.Unix(1, 0)

// newConnGrace is how long a closing server waits for the first request of a
// connection: as in net/http.
const newConnGrace = 5 * time.Second

// New returns a server for a listener, which it closes.
func New(h *http.Server, l net.Listener) *Server {
	return &Server{HTTP: h, listener: l, handed: make(chan net.Conn), accepted: make(chan struct{}), stopped: make(chan struct{}), conns: map[*conn]struct{}{}}
}

// Serve accepts connections until Shutdown or Close, and returns
// http.ErrServerClosed then.
func (s *Server) Serve() error {
	if s.watching = newDepartures(); s.watching == nil {
		close(s.accepted)
		return s.reason(s.HTTP.Serve(s.listener))
	}
	s.turns = newTurnstile()
	s.base = context.Background()
	if s.HTTP.BaseContext != nil {
		s.base = s.HTTP.BaseContext(s.listener)
	}
	s.base = context.WithValue(s.base, http.ServerContextKey, s.HTTP)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		s.watching.watch()
	}()
	go func() {
		defer close(s.accepted)
		s.accept()
	}()
	err := s.reason(s.HTTP.Serve(inner{s}))
	_ = s.listener.Close()
	<-s.accepted
	s.attending.Wait()
	s.watching.close()
	s.turns.close()
	<-watched
	return err
}

// reason is why nothing is served any more.
func (s *Server) reason(err error) error {
	if s.closing.Load() {
		return http.ErrServerClosed
	}
	return err
}

// accept takes connections from the listener, until there are no more.
func (s *Server) accept() {
	const least, most = 5 * time.Millisecond, time.Second
	for pause := least; ; pause = min(2*pause, most) {
		c, err := s.listener.Accept()
		switch {
		case err == nil:
			pause = least / 2
			s.begin(c)
		case socket.Scarce(err):
			if s.Short != nil {
				s.Short(err)
			}
			select {
			case <-time.After(pause):
			case <-s.stopped:
				return
			}
		case s.closing.Load():
			return // Shutdown says when nothing is handed on any more
		default:
			s.stop(err)
			return
		}
	}
}

// begin attends to a connection.
func (s *Server) begin(accepted net.Conn) {
	c := &conn{Conn: accepted, server: s, accepted: time.Now()}
	ctx := s.base
	if s.HTTP.ConnContext != nil {
		ctx = s.HTTP.ConnContext(ctx, accepted)
	}
	c.ctx, c.cancel = context.WithCancel(ctx)
	c.template = (&http.Request{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RemoteAddr: accepted.RemoteAddr().String()}).WithContext(c.ctx)
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	select {
	case <-s.stopped: // Close may have missed it
		_ = accepted.Close()
	default:
	}
	if d := s.HTTP.ReadHeaderTimeout; d > 0 {
		_ = c.SetReadDeadline(c.accepted.Add(d))
	}
	if s.closing.Load() { // looked at after both, which Shutdown else sees
		_ = c.SetReadDeadline(c.accepted.Add(newConnGrace))
	}
	s.attending.Go(func() {
		if !s.watching.add(c) {
			c.cancel()
			if !s.handOn(c, nil) {
				_ = accepted.Close()
			}
			return
		}
		s.changed(c, http.StateNew)
		s.attend(c)
	})
}

// handOn gives a connection to net/http, with what it has asked.
func (s *Server) handOn(c *conn, asked []byte) bool {
	s.forget(c)
	_ = c.SetReadDeadline(time.Time{})
	conn := c.Conn
	if len(asked) > 0 {
		conn = socket.Begun(conn, asked)
	}
	select {
	case s.handed <- conn:
		return true
	case <-s.stopped:
		return false
	}
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// changed tells whoever wants to know of a connection's state. What is handed
// on begins anew.
func (s *Server) changed(c *conn, to http.ConnState) {
	if s.HTTP.ConnState != nil {
		s.HTTP.ConnState(c.Conn, to)
	}
}

func (s *Server) logf(format string, args ...any) {
	if s.HTTP.ErrorLog != nil {
		s.HTTP.ErrorLog.Printf(format, args...)
	} else {
		log.Printf(format, args...)
	}
}

// stop has net/http accept nothing more.
func (s *Server) stop(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = why
		close(s.stopped)
	}
}

// Shutdown is for a server that serves, or is about to. It closes the listener and connections that ask nothing, and waits
// until no call is under way, or ctx ends. What is asked meanwhile is the last
// on its connection.
func (s *Server) Shutdown(ctx context.Context) error {
	s.closing.Store(true)
	_ = s.listener.Close()
	s.HTTP.SetKeepAlivesEnabled(false)
	s.mu.Lock()
	for c := range s.conns {
		if c.asked.Load() {
			_ = c.SetReadDeadline(past)
		} else {
			_ = c.SetReadDeadline(c.accepted.Add(newConnGrace))
		}
	}
	s.mu.Unlock()
	quiet := make(chan struct{})
	go func() {
		defer close(quiet)
		<-s.accepted
		s.attending.Wait()
	}()
	select {
	case <-quiet:
	case <-ctx.Done():
	}
	return errors.Join(s.HTTP.Shutdown(ctx), ctx.Err())
}

// Close closes the listener and all connections.
func (s *Server) Close() error {
	s.closing.Store(true)
	_ = s.listener.Close()
	err := s.HTTP.Close()
	s.stop(net.ErrClosed)
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Conn.Close()
	}
	return err
}

// inner is the listener that net/http has: of what is handed on.
type inner struct{ s *Server }

// Accept implements net.Listener.
func (l inner) Accept() (net.Conn, error) {
	select {
	case c := <-l.s.handed:
		return c, nil
	case <-l.s.stopped:
		return nil, l.s.failed
	}
}

// Addr implements net.Listener.
func (l inner) Addr() net.Addr { return l.s.listener.Addr() }

// Close implements net.Listener.
func (l inner) Close() error {
	l.s.stop(net.ErrClosed)
	return nil
}
