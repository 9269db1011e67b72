package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/engine"
)

// System is what the server needs of an engine. *engine.Engine is one.
type System interface {
	// Status returns a snapshot, also after the end.
	Status() engine.Status
	// Stop stops everything in order, and returns when that is done or ctx
	// ends; the stop goes on then.
	Stop(ctx context.Context, cause string) error
	// Hurry makes a stop quick: what has not ended is killed.
	Hurry()
}

// Config describes a server.
type Config struct {
	System   System
	StateDir string       // absolute, where the socket is made
	Logger   hclog.Logger // nil: none
}

// Bounds of what clients may take.
const (
	maxConns    = 64
	maxBody     = 64 << 10
	maxHeader   = 16 << 10
	headTimeout = 2 * time.Second
	bodyTimeout = 5 * time.Second
	sendTimeout = 5 * time.Second // of an answer, or of one line of a stream
	idleTimeout = 30 * time.Second
	closeGrace  = time.Second // for last lines, when the server closes
)

// Server answers on the control socket until it is closed.
type Server struct {
	system   System
	stateDir string
	log      hclog.Logger
	http     *http.Server
	ended    chan struct{} // closed when Serve has returned
	ask      sync.Mutex    // one question to the engine at a time
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
	s := &Server{system: cfg.System, stateDir: cfg.StateDir, log: cfg.Logger, ended: make(chan struct{})}
	s.http = &http.Server{
		Handler:           s.routes(),
		ReadHeaderTimeout: headTimeout,
		ReadTimeout:       bodyTimeout,
		WriteTimeout:      sendTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          cfg.Logger.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}),
	}
	go func() {
		defer close(s.ended)
		if err := s.http.Serve(newGate(l, maxConns, s.log)); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("control socket ended", "error", err)
		}
	}()
	return s, nil
}

// Close lets answers that are under way end, for at most a second, and
// removes the socket.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	<-s.ended
	if err != nil {
		return fmt.Errorf("close control server: %w", err)
	}
	return nil
}

// routes maps paths to handlers. Everything that goes wrong is answered in
// JSON, unlike by a ServeMux.
func (s *Server) routes() http.Handler {
	type route struct {
		method  string
		handler http.HandlerFunc
	}
	table := map[string]route{
		"/v1/healthz": {http.MethodGet, s.healthz},
		"/v1/status":  {http.MethodGet, s.status},
		"/v1/down":    {http.MethodPost, s.down},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to, ok := table[r.URL.Path]
		switch {
		case !ok:
			fail(w, http.StatusNotFound, "there is nothing at this path: use /v1/status, /v1/down or /v1/healthz")
		case r.Method != to.method && (r.Method != http.MethodHead || to.method != http.MethodGet):
			w.Header().Set("Allow", to.method)
			fail(w, http.StatusMethodNotAllowed, "use "+to.method)
		default:
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			to.handler(w, r)
		}
	})
}

// answer writes one JSON value.
func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // the client is gone, which is its affair
}

func fail(w http.ResponseWriter, code int, text string) {
	answer(w, code, api.Problem{FormatVersion: api.FormatVersion, Error: text})
}

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, api.Healthz{FormatVersion: api.FormatVersion, Status: "ok", PID: os.Getpid()})
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, s.snapshot())
}

// snapshot asks the engine for its state.
func (s *Server) snapshot() api.Status {
	s.ask.Lock()
	st := s.system.Status()
	s.ask.Unlock()
	return wire(st, s.stateDir, time.Now())
}

// decode reads a body, which may be left out.
func decode(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	err := d.Decode(v)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil && d.More() {
		err = errors.New("more than one value")
	}
	return err
}

// gate admits a bounded number of connections, and only of those who may.
type gate struct {
	net.Listener
	free chan struct{}
	log  hclog.Logger
}

func newGate(l net.Listener, most int, log hclog.Logger) *gate {
	return &gate{Listener: l, free: make(chan struct{}, most), log: log}
}

// Accept returns the next connection that is admitted.
func (g *gate) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		peer, err := api.PeerOf(conn)
		if err != nil || peer.UID != os.Geteuid() && peer.UID != 0 {
			g.log.Warn("control connection refused", "uid", peer.UID, "pid", peer.PID, "error", err)
			_ = conn.Close()
			continue
		}
		select {
		case g.free <- struct{}{}:
			return &admitted{Conn: conn, leave: sync.OnceFunc(func() { <-g.free })}, nil
		default:
			_ = conn.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
			_, _ = io.WriteString(conn, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			_ = conn.Close()
		}
	}
}

// admitted is a connection that gives its place back.
type admitted struct {
	net.Conn
	leave func()
}

// Close ends the connection.
func (a *admitted) Close() error {
	defer a.leave()
	return a.Conn.Close()
}
