package proxy

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
	"github.com/syndicate/syndicate/engine/breaker/proxy/front"
	"github.com/syndicate/syndicate/socket"
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
	// Short is told of what this process has too little of to accept or to
	// connect, such as descriptors, at most once a minute. It may be nil.
	Short func(error)
}

// Policy is what may change while calls are under way.
type Policy struct {
	// Target is where new calls go, where that is no longer HTTPConfig's.
	// Good answers that were kept are the other one's, and forgotten.
	Target *url.URL
	Rules          // of calls that no route has
	Routes []Route // the most specific one that matches counts
	// ConnectTimeout bounds connecting, and TLS as long again. Default: 2s.
	ConnectTimeout time.Duration
	TLS            *TLS // nil: as the system does
	// PreserveHost has the target told the Host that the client asked for.
	PreserveHost bool
	// MaxCalls bounds the calls at once; 0: nothing does. MaxWaiting more
	// wait up to WaitTimeout for one of them to end.
	MaxCalls, MaxWaiting int
	WaitTimeout          time.Duration
}

// HTTP is an http.Handler that forwards to one upstream.
type HTTP struct {
	cfg      HTTPConfig
	policy   atomic.Pointer[policy]
	limiter  limiter
	budget   budget
	shortage socket.Shortage
	upstream []string // the header of the upstream's own answers
	problems func(http.ResponseWriter, *http.Request, error)
	counted  counts
	refused  atomic.Pointer[refusal] // the last one; nil: none yet
}

// policy is a Policy with what was made of it.
type policy struct {
	target       *target
	rest         *rules
	routes       routes
	preserveHost bool
}

// NewHTTP makes a proxy. Close it to let go of idle connections.
func NewHTTP(cfg HTTPConfig) (*HTTP, error) {
	if cfg.Clean == nil {
		cfg.Clean = func(s string) string { return s }
	}
	p := &HTTP{cfg: cfg, upstream: []string{cfg.Name + "; source=upstream"}, shortage: socket.Shortage{Tell: cfg.Short}}
	p.problems = p.failed // made once and not for each call
	if err := p.Set(cfg.Policy); err != nil {
		return nil, err
	}
	return p, nil
}

// Set takes another policy; calls under way keep theirs.
func (p *HTTP) Set(to Policy) error {
	to.Target = cmp.Or(to.Target, p.cfg.Target)
	if to.Target == nil || to.Target.Scheme != "http" && to.Target.Scheme != "https" || to.Target.Host == "" {
		return errors.New("the target is no http or https URL")
	}
	old := p.policy.Load()
	next := &policy{preserveHost: to.PreserveHost}
	var before *target
	same := old // as far as its answers are concerned
	if old != nil {
		before = old.target
		if before.url.String() != to.Target.String() {
			same = nil
		}
	}
	var err error
	if next.rest, err = p.newRules(to.Rules, same); err != nil {
		return err
	}
	if next.routes, err = p.newRoutes(to.Routes, same); err != nil {
		return err
	}
	if next.target, err = newTarget(to.Target, p.cfg.Guard, to.ConnectTimeout, to.TLS, before); err != nil {
		return err
	}
	p.policy.Store(next)
	p.limiter.set(limits{to.MaxCalls, to.MaxWaiting, to.WaitTimeout})
	if old != nil {
		old.close(next)
	}
	return nil
}

// Close closes idle connections to the upstreams. Calls under way go on.
func (p *HTTP) Close() { p.policy.Load().close(nil) }

// close closes the idle connections of what the next policy has not taken
// over.
func (s *policy) close(next *policy) {
	if next == nil || next.target != s.target {
		s.target.close()
	}
	for _, r := range s.rules() {
		for _, f := range r.fallbacks {
			if o, ok := f.(*otherUpstream); ok {
				o.target.close()
			}
		}
	}
}

// rules returns all of them.
func (s *policy) rules() []*rules {
	all := []*rules{s.rest}
	for _, r := range s.routes.byPattern {
		all = append(all, r)
	}
	return all
}

// Server returns a server for the proxy on a listener. Calls have contexts
// that come from base. Handler is the proxy, unless somebody stands before it.
func (p *HTTP) Server(base context.Context, l net.Listener) *front.Server {
	s := &http.Server{
		Handler: p, Protocols: new(http.Protocols),
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          silent,
		BaseContext:       func(net.Listener) context.Context { return base },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
	}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	f := front.New(s, socket.Listen(l))
	f.Short = p.shortage.Note
	return f
}

// ServeHTTP forwards one call.
func (p *HTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := p.policy.Load()
	c := call{proxy: p, policy: s, rules: s.rest, in: r, out: w}
	if found := s.routes.of(r); found != nil {
		c.rules = found
	}
	if r.Method == http.MethodConnect {
		p.problem(r, &trouble{http.StatusMethodNotAllowed, "refused", "CONNECT is not forwarded", nil}).write(w, r)
		return
	}
	if !c.rules.exclude {
		if err := p.limiter.enter(r.Context()); err != nil {
			if !errors.Is(err, errFull) {
				return // the client is gone
			}
			p.counted.full.Add(1)
			c.instead(full(err))
			return
		}
		defer p.limiter.leave()
	}
	if c.rules.Retry != nil {
		p.budget.call(time.Now())
	}
	if open := c.attempt(s.target).permitted(); open != nil {
		c.attempts, c.last = 0, nil
		if len(c.rules.fallbacks) == 0 && !isGRPC(r.Header) {
			p.refusal(r, open).write(w, r)
			return
		}
		c.instead(opened(open))
		return
	}
	c.run()
}

// instead answers without the upstream.
func (c *call) instead(t *trouble) {
	if c.rules.forwards {
		// Another upstream may answer: that is forwarding, too.
		c.trouble = t
		c.run()
		return
	}
	c.proxy.fallBack(c.in, c.rules, t).write(c.out, c.in)
}

// fallBack returns the first answer that a fallback which is no upstream
// has, or a problem.
func (p *HTTP) fallBack(r *http.Request, rules *rules, t *trouble) *answer {
	if isGRPC(r.Header) {
		return p.problem(r, t)
	}
	for _, f := range rules.fallbacks {
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
func (c *call) rewrite(r *httputil.ProxyRequest) {
	// Whatever the client asked is for the upstream to understand.
	r.Out.URL.RawQuery = r.In.URL.RawQuery
	c.policy.target.aim(r.Out)
	if c.policy.preserveHost {
		r.Out.Host = r.In.Host
	}
	// Who came before is still named, and this proxy's client after it.
	if before := r.In.Header["X-Forwarded-For"]; before != nil {
		r.Out.Header["X-Forwarded-For"] = before
	}
	r.SetXForwarded()
	for _, name := range []string{"Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if before := r.In.Header[name]; before != nil {
			r.Out.Header[name] = before
		}
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

// buffers lends the memory that the body of an answer is copied through: more
// where it is known to be long, which is fewer calls of the kernel for it,
// and not to streams, of which there may be thousands.
type buffers struct{ long bool }

const (
	bufferSize = 32 << 10
	longBuffer = 128 << 10
	// longBody is how long an answer has to be for the larger one, in bytes.
	longBody = 1 << 20
)

var (
	pool  = sync.Pool{New: func() any { return new([bufferSize]byte) }}
	longs = sync.Pool{New: func() any { return new([longBuffer]byte) }}
)

func (b *buffers) Get() []byte {
	if b.long {
		return longs.Get().(*[longBuffer]byte)[:]
	}
	return pool.Get().(*[bufferSize]byte)[:]
}

func (*buffers) Put(b []byte) {
	if len(b) == longBuffer {
		longs.Put((*[longBuffer]byte)(b))
	} else {
		pool.Put((*[bufferSize]byte)(b))
	}
}
