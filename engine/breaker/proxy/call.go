package proxy

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"strconv"
	"sync"
	"time"
)

// call is one call on its way.
type call struct {
	proxy   *HTTP
	policy  *policy
	rules   *rules
	in      *http.Request // as the client sent it
	out     http.ResponseWriter
	trouble *trouble // why the upstream is not asked

	reverse  httputil.ReverseProxy // of this call alone: it comes back to RoundTrip
	buffers  buffers               // for the answer
	body     requestBody
	attempts int
	first    attempt // most calls have no other
	last     *attempt
	duplex   bool // the answer began before the request's end

	ctx context.Context // the client's, and with a CallTimeout it ends with that
	// With a CallTimeout:
	cancel  context.CancelCauseFunc
	limit   *time.Timer
	mu      sync.Mutex
	replied bool // the answer begins; guarded by mu
	done    bool // guarded by mu
}

// attempt begins the next attempt, at a target.
func (c *call) attempt(t *target) *attempt {
	a := &c.first
	if c.attempts > 0 {
		a = &attempt{}
	}
	c.attempts++
	a.call, a.target = c, t
	c.last = a
	return a
}

// run has a reverse proxy forward a call, which comes back to RoundTrip.
func (c *call) run() {
	defer c.end()
	in := c.in
	c.ctx = in.Context()
	if c.rules.CallTimeout > 0 {
		c.ctx, c.cancel = context.WithCancelCause(c.ctx)
		c.limit = time.AfterFunc(c.rules.CallTimeout, c.expire)
		in = in.WithContext(c.ctx)
	}
	c.body.begin(c.in, c.rules.keeps())
	c.reverse = httputil.ReverseProxy{
		Rewrite: c.rewrite, Transport: c, BufferPool: &c.buffers, ErrorHandler: c.proxy.problems, ErrorLog: silent,
	}
	out := c.out
	if in.Header["Upgrade"] != nil {
		out = upgradable{out}
	}
	c.reverse.ServeHTTP(out, in)
	c.drain()
}

// silent drops what the reverse proxy would say of calls.
var silent = log.New(io.Discard, "", 0)

// end lets go of what a call holds, also where it was aborted.
func (c *call) end() {
	if c.limit != nil {
		c.limit.Stop()
		c.mu.Lock()
		c.done = true
		c.mu.Unlock()
		c.cancel(nil)
	}
	if c.last != nil {
		c.last.end()
	}
}

// errOvertime is what the context of a call ends with whose time is over.
var errOvertime = errors.New("the call's time is over")

// expire ends a call whose time is over. A client that does not take its
// answer is not waited for either, nor one that does not send its request:
// net/http waits for a request to be read before it lets go of it.
func (c *call) expire() {
	c.cancel(errOvertime)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done {
		return
	}
	client := http.NewResponseController(c.out)
	if c.replied {
		_ = client.SetWriteDeadline(time.Now())
	}
	if c.body.reading.Load() {
		c.body.cut.Store(true)
		_ = client.SetReadDeadline(time.Now())
	}
}

// overtime reports whether the call's time is over.
func (c *call) overtime() bool {
	return c.limit != nil && context.Cause(c.ctx) == errOvertime
}

// late is the trouble that a call is in whose time is over.
func (c *call) late() *trouble {
	return &trouble{http.StatusGatewayTimeout, "timeout", "the call did not end within " + c.rules.CallTimeout.String(), nil}
}

// endless takes the limit off a call that has become a connection.
func (c *call) endless() {
	if c.limit != nil {
		c.limit.Stop()
	}
}

// reply says that the upstream's answer is about to be passed on.
func (c *call) reply() {
	c.goOnSending()
	if c.limit != nil {
		c.mu.Lock()
		c.replied = true
		c.mu.Unlock()
	}
}

// goOnSending lets an upstream that answers before it has read everything
// read on: otherwise the server would take the rest of the body away as soon
// as the answer begins.
func (c *call) goOnSending() {
	if c.in.ProtoMajor == 1 && c.body.touched.Load() && !c.body.ended.Load() {
		c.duplex = http.NewResponseController(c.out).EnableFullDuplex() == nil
	}
}

// maxDrain is how much of a request that nobody wanted is read, to keep the
// client's connection; net/http has the same bound.
const maxDrain = 256 << 10

// drain reads what is left of a request that was answered early: the server
// does not where an answer may begin before the request's end.
func (c *call) drain() {
	if c.duplex {
		_ = http.NewResponseController(c.out).Flush() // the client may wait for it
		_, _ = io.CopyN(io.Discard, c.in.Body, maxDrain)
	}
}

// connKey finds a client's connection in the context of its requests.
type connKey struct{}

// abort makes sure that the client learns of an answer that has no end. To
// one of HTTP/1.0 the end of the connection would be the end of an answer
// without a length, so it is reset.
func (c *call) abort(res *http.Response) {
	if c.in.ProtoMajor != 1 || c.in.ProtoMinor != 0 || res.ContentLength >= 0 {
		return
	}
	if conn, ok := c.in.Context().Value(connKey{}).(interface{ SetLinger(int) error }); ok {
		_ = conn.SetLinger(0)
	}
}

// RoundTrip forwards a request that the reverse proxy has made, or answers it
// from a fallback. Its errors are those of clients that are gone.
func (c *call) RoundTrip(out *http.Request) (*http.Response, error) {
	c.passTrailers(out)
	why := c.trouble
	if why == nil {
		res, t, err := c.forward(out)
		switch {
		case err != nil:
			return nil, err
		case t == nil:
			c.buffers.long = res.ContentLength >= longBody
			c.reply()
			return res, nil
		case res != nil:
			// The upstream has answered, and badly. A fallback's answer is
			// better; without one its own says most.
			if a := c.fallBack(out, t); a != nil {
				_ = res.Body.Close()
				return a, nil
			}
			c.reply()
			return res, nil
		}
		why = t
	}
	if a := c.fallBack(out, why); a != nil {
		return a, nil
	}
	return c.proxy.problem(c.in, why).response(out), nil
}

// forward makes as many attempts as it takes, and may.
func (c *call) forward(out *http.Request) (*http.Response, *trouble, error) {
	for a := c.last; ; {
		res, t, err := a.forward(out)
		if err != nil {
			return nil, nil, err
		}
		next, why, err := c.again(a, out, res, t)
		switch {
		case err != nil:
			return nil, nil, err
		case why != nil:
			return nil, why, nil
		case next == nil:
			if res != nil {
				res.Header[headerBreaker] = c.source()
			}
			return res, t, nil
		}
		a = next
	}
}

// source is the header that marks an answer of the upstream's own.
func (c *call) source() []string {
	if c.attempts == 1 {
		return c.proxy.upstream
	}
	return []string{c.proxy.upstream[0] + "; attempts=" + strconv.Itoa(c.attempts)}
}

// fallBack returns the first answer of a fallback, or nil. For gRPC only
// another upstream has any.
func (c *call) fallBack(out *http.Request, t *trouble) *http.Response {
	for _, f := range c.rules.fallbacks {
		if other, ok := f.(*otherUpstream); ok {
			if res := other.forward(c, out); res != nil {
				c.proxy.counted.fellBack(f.source())
				res.Header.Set(headerBreaker, c.proxy.cfg.Name+"; source=upstream; fallback="+strconv.Itoa(other.number)+"; reason="+t.reason)
				c.reply()
				return res
			}
			continue
		}
		if isGRPC(c.in.Header) {
			continue
		}
		if a := f.answer(c.in, t); a != nil {
			return c.proxy.from(f, a, t).response(out)
		}
	}
	return nil
}

// passTrailers has a request's trailers sent upstream: they are there once
// its body has ended, and the reverse proxy has copied only their names.
func (c *call) passTrailers(out *http.Request) {
	if len(out.Trailer) == 0 {
		return
	}
	c.body.onEnd = func() {
		for name := range out.Trailer {
			if values, ok := c.in.Trailer[name]; ok {
				out.Trailer[name] = values
			}
		}
	}
}
