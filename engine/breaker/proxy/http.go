package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
)

// HTTPConfig says what an HTTP proxy forwards to, and by what rules.
type HTTPConfig struct {
	// Name is what answers call the breaker: ollama.
	Name string
	// Target is where calls go: http or https, with a path that theirs are
	// appended to. Credentials in it are sent as basic authentication, where
	// the client sends none of its own.
	Target *url.URL
	Guard  *breaker.Guard
	Policy Policy
	// Clean takes sensitive values out of a text. Nil: there are none.
	Clean func(string) string
}

// Policy is what may change while calls are under way.
type Policy struct {
	// Timeout bounds each silence of the upstream: up to its first byte, and
	// between two parts of an answer.
	Timeout time.Duration
	// MaxCalls bounds the calls at once; 0: nothing does. MaxWaiting more
	// wait up to WaitTimeout for one of them to end.
	MaxCalls, MaxWaiting int
	WaitTimeout          time.Duration
	Fallbacks            []Fallback
}

// HTTP is an http.Handler that forwards to one upstream.
type HTTP struct {
	cfg      HTTPConfig
	policy   atomic.Pointer[policy]
	limiter  limiter
	reverse  httputil.ReverseProxy
	plain    *http.Transport // HTTP/1.1, and HTTP/2 over TLS
	clear    *http.Transport // h2c, for gRPC
	upstream []string        // the header of the upstream's own answers
	counted  counts
}

// policy is a Policy with what was made of it.
type policy struct {
	Policy
	fallbacks []fallback
	// forwards is whether one of them calls another upstream.
	forwards bool
}

// NewHTTP makes a proxy. Close it to let go of idle connections.
func NewHTTP(cfg HTTPConfig) (*HTTP, error) {
	if cfg.Target == nil || cfg.Target.Scheme != "http" && cfg.Target.Scheme != "https" || cfg.Target.Host == "" {
		return nil, errors.New("the target is no http or https URL")
	}
	if cfg.Clean == nil {
		cfg.Clean = func(s string) string { return s }
	}
	p := &HTTP{cfg: cfg, upstream: []string{cfg.Name + "; source=upstream"}}
	p.plain, p.clear = transport(false), transport(true)
	p.reverse = httputil.ReverseProxy{
		Rewrite:      p.rewrite,
		Transport:    roundTripper{p},
		BufferPool:   buffers{},
		ErrorHandler: p.failed,
		ErrorLog:     log.New(io.Discard, "", 0),
	}
	if err := p.Set(cfg.Policy); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Set takes another policy; calls under way keep theirs.
func (p *HTTP) Set(to Policy) error {
	if to.Timeout <= 0 {
		return errors.New("the timeout is not positive")
	}
	next := &policy{Policy: to}
	old := p.policy.Load()
	for i := range to.Fallbacks {
		f, err := p.newFallback(i, &to.Fallbacks[i], old)
		if err != nil {
			return fmt.Errorf("fallback %d: %w", i+1, err)
		}
		next.forwards = next.forwards || f.source() == "upstream"
		next.fallbacks = append(next.fallbacks, f)
	}
	p.policy.Store(next)
	p.limiter.set(limits{to.MaxCalls, to.MaxWaiting, to.WaitTimeout})
	if old != nil {
		old.close(next)
	}
	return nil
}

// Close closes idle connections to the upstreams. Calls under way go on.
func (p *HTTP) Close() {
	p.plain.CloseIdleConnections()
	p.clear.CloseIdleConnections()
	if s := p.policy.Load(); s != nil {
		s.close(nil)
	}
}

// Server returns a server for the proxy; it is to be given a listener.
func (p *HTTP) Server() *http.Server {
	s := &http.Server{
		Handler: p, Protocols: new(http.Protocols),
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	return s
}

const (
	dialTimeout = 2 * time.Second
	// idleTimeout is below the 5 s after which a Node server closes an idle
	// connection, so that no call goes into one that is just being closed.
	idleTimeout = 4 * time.Second
	maxIdle     = 256
)

// transport calls an upstream, in HTTP/2 without TLS where clear is true.
func transport(clear bool) *http.Transport {
	t := &http.Transport{
		DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		DisableCompression:    true, // bodies pass as they are
		MaxIdleConns:          maxIdle,
		MaxIdleConnsPerHost:   maxIdle,
		IdleConnTimeout:       idleTimeout,
		ExpectContinueTimeout: time.Second,
		Protocols:             new(http.Protocols),
	}
	if clear {
		t.Protocols.SetUnencryptedHTTP2(true)
	} else {
		t.Protocols.SetHTTP1(true)
		t.Protocols.SetHTTP2(true)
	}
	return t
}

// callKey finds the *call in the context of a request.
type callKey struct{}

// ServeHTTP forwards one call.
func (p *HTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := p.policy.Load()
	if err := p.limiter.enter(r.Context()); err != nil {
		if !errors.Is(err, errFull) {
			return // the client is gone
		}
		p.counted.full.Add(1)
		p.instead(w, r, s, full())
		return
	}
	defer p.limiter.leave()
	c := call{proxy: p, policy: s, in: r}
	var err error
	if c.permit, err = p.cfg.Guard.Permit(); err != nil {
		var open *breaker.OpenError
		if !errors.As(err, &open) {
			panic(err) // it has no other
		}
		p.instead(w, r, s, opened(open))
		return
	}
	defer c.permit.Neutral() // where it panics
	p.run(w, r, &c)
}

// instead answers without the upstream.
func (p *HTTP) instead(w http.ResponseWriter, r *http.Request, s *policy, t *trouble) {
	if s.forwards {
		// Another upstream may answer: that is forwarding, too.
		p.run(w, r, &call{proxy: p, policy: s, in: r, trouble: t})
		return
	}
	p.fallBack(r, s, t).write(w, r)
}

// run has the reverse proxy forward a call, which comes back to roundTripper.
func (p *HTTP) run(w http.ResponseWriter, r *http.Request, c *call) {
	ctx, cancel := context.WithCancel(context.WithValue(r.Context(), callKey{}, c))
	defer cancel()
	c.cancel, c.out = cancel, w
	defer c.drain()
	defer func() {
		if c.after != nil {
			c.after()
		}
	}()
	p.reverse.ServeHTTP(w, r.WithContext(ctx))
}

// fallBack returns the first answer that a fallback which is no upstream
// has, or a problem.
func (p *HTTP) fallBack(r *http.Request, s *policy, t *trouble) *answer {
	for _, f := range s.fallbacks {
		if a := f.answer(r, t); a != nil {
			return p.from(f, a, t)
		}
	}
	return p.problem(r, t)
}

// from marks and counts the answer of a fallback.
func (p *HTTP) from(f fallback, a *answer, t *trouble) *answer {
	p.mark(a, t, f.source())
	p.counted.fellBack(f.source())
	return a
}

// rewrite makes the request to the upstream.
func (p *HTTP) rewrite(r *httputil.ProxyRequest) {
	aim(r.Out, p.cfg.Target)
	// Who came before is still named, and this proxy's client after it.
	if before := r.In.Header["X-Forwarded-For"]; before != nil {
		r.Out.Header["X-Forwarded-For"] = before
	}
	r.SetXForwarded()
	for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Proto"} {
		if before := r.In.Header[name]; before != nil {
			r.Out.Header[name] = before
		}
	}
}

// aim points a request at a target: to its host, below its path, with its
// credentials.
func aim(r *http.Request, target *url.URL) {
	p := httputil.ProxyRequest{Out: r}
	p.SetURL(target)
	if _, ok := r.Header["Authorization"]; !ok && target.User != nil {
		password, _ := target.User.Password()
		r.SetBasicAuth(target.User.Username(), password)
	}
}

// failed answers where the reverse proxy itself cannot go on, and the client
// is still there.
func (p *HTTP) failed(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return
	}
	p.problem(r, &trouble{http.StatusBadGateway, "failed", p.cfg.Clean(err.Error()), nil}).write(w, r)
}

// buffers lends the memory that bodies are copied through.
type buffers struct{}

const bufferSize = 32 << 10

var pool = sync.Pool{New: func() any { return new([bufferSize]byte) }}

func (buffers) Get() []byte  { return pool.Get().(*[bufferSize]byte)[:] }
func (buffers) Put(b []byte) { pool.Put((*[bufferSize]byte)(b)) }
