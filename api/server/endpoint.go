package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// HTTP describes the endpoint over TCP.
type HTTP struct {
	Listen        string // host:port; port 0 is any
	Token         string // never empty
	PublicMetrics bool   // the metrics need no token
	// Cert and Key are files. They are read again when they change, so that
	// a renewed certificate needs nothing else. Empty: no TLS.
	Cert, Key string
}

// endpoint is a listener over TCP with what it allows now.
type endpoint struct {
	cfg    HTTP
	addr   net.Addr
	http   *http.Server
	files  *certificate // nil without TLS
	policy atomic.Pointer[access]
	ended  chan struct{}
}

// Listen makes the endpoint over TCP as described, in place of the one that
// there was; nil ends it. When only the token or what is public changes,
// connections stay. Where it cannot listen, what there was goes on.
func (s *Server) Listen(cfg *HTTP) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.endpoint
	switch {
	case cfg == nil:
		s.endpoint = nil
		return old.close()
	case cfg.Token == "":
		return errors.New("listen over TCP: it needs a token")
	case old != nil && old.cfg.Listen == cfg.Listen && old.cfg.Cert == cfg.Cert && old.cfg.Key == cfg.Key:
		old.allow(*cfg)
		return nil
	}
	made, err := s.listen(*cfg)
	if errors.Is(err, syscall.EADDRINUSE) && old != nil {
		// It may be our own: the same port of other addresses.
		if err := old.close(); err != nil {
			return fmt.Errorf("listen on %s: %w", cfg.Listen, err)
		}
		if made, err = s.listen(*cfg); err != nil {
			back, lost := s.listen(old.cfg)
			s.endpoint = back
			return errors.Join(err, lost)
		}
		old = nil
	}
	if err != nil {
		return err
	}
	s.endpoint = made
	return old.close()
}

// Addr returns where the endpoint over TCP listens, nil without one.
func (s *Server) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.endpoint == nil {
		return nil
	}
	return s.endpoint.addr
}

// listen begins to answer over TCP.
func (s *Server) listen(cfg HTTP) (*endpoint, error) {
	e := &endpoint{cfg: cfg, ended: make(chan struct{})}
	e.http = s.newHTTP(s.guard(e.policy.Load))
	if cfg.Cert != "" {
		e.files = &certificate{cert: cfg.Cert, key: cfg.Key}
		if _, err := e.files.current(nil); err != nil {
			return nil, fmt.Errorf("listen on %s: %w", cfg.Listen, err)
		}
		e.http.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: e.files.current}
	}
	l, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", cfg.Listen, bare(err))
	}
	e.addr = l.Addr()
	e.allow(cfg)
	gated := newGate(l, maxConns, anyPeer)
	go func() {
		defer close(e.ended)
		serve := func() error { return e.http.Serve(gated) }
		if e.files != nil {
			serve = func() error { return e.http.ServeTLS(gated, "", "") }
		}
		if err := serve(); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("endpoint ended", "address", cfg.Listen, "error", err)
		}
	}()
	return e, nil
}

// bare is the part of a network error that says what is wrong.
func bare(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	if sys, ok := errors.AsType[*os.SyscallError](err); ok {
		return sys.Err
	}
	return err
}

// allow puts the rules of a description in force.
func (e *endpoint) allow(cfg HTTP) {
	e.cfg = cfg
	host, _, _ := net.SplitHostPort(cfg.Listen)
	a := &access{token: cfg.Token, host: host, metrics: cfg.PublicMetrics, secure: cfg.Cert != ""}
	if e.files != nil {
		a.named = func(host string) bool {
			c, err := e.files.current(nil)
			return err == nil && c.Leaf != nil && c.Leaf.VerifyHostname(host) == nil
		}
	}
	e.policy.Store(a)
}

// close ends an endpoint; nil is none.
func (e *endpoint) close() error {
	if e == nil {
		return nil
	}
	err := shutdown(e.http)
	<-e.ended
	return err
}

// certificate is a pair of files that may be replaced while they are used.
type certificate struct {
	cert, key string

	mu      sync.Mutex
	loaded  *tls.Certificate // guarded by mu
	changed [2]time.Time     // of the files that were loaded; guarded by mu
}

// current returns what the files hold. Where they cannot be read any more, it
// goes on with what they held.
func (c *certificate) current(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	changed, err := times(c.cert, c.key)
	if err == nil && (c.loaded == nil || changed != c.changed) {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(c.cert, c.key); err == nil {
			c.loaded, c.changed = &pair, changed
		}
	}
	if c.loaded != nil {
		return c.loaded, nil
	}
	return nil, fmt.Errorf("read the certificate: %w", err)
}

// times returns when two files were changed.
func times(a, b string) ([2]time.Time, error) {
	var both [2]time.Time
	for i, path := range []string{a, b} {
		info, err := os.Stat(path)
		if err != nil {
			return both, err
		}
		both[i] = info.ModTime()
	}
	return both, nil
}
