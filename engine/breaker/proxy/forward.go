package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
)

// call is one call on its way.
type call struct {
	proxy   *HTTP
	policy  *policy
	in      *http.Request // as the client sent it
	out     http.ResponseWriter
	permit  breaker.Permit
	trouble *trouble // why the upstream is not asked
	cancel  context.CancelFunc
	after   context.CancelFunc // of another upstream that answers instead

	watch  watch
	reused atomic.Bool // the connection
	begun  atomic.Bool // the answer
	duplex bool        // the answer began before the request's end
	body   requestBody
	answer answerBody
}

// roundTripper is where the reverse proxy's requests go.
type roundTripper struct{ proxy *HTTP }

// RoundTrip forwards a request, or answers it from a fallback. Its errors are
// those of clients that are gone.
func (t roundTripper) RoundTrip(out *http.Request) (*http.Response, error) {
	c := out.Context().Value(callKey{}).(*call)
	why := c.trouble
	if why == nil {
		res, trouble, err := c.forward(out)
		if err != nil || trouble == nil {
			return res, err
		}
		why = trouble
		if res != nil {
			// The upstream has answered, and badly. A fallback's answer is
			// better; without one its own says most.
			defer func() {
				if res != nil {
					_ = res.Body.Close()
				}
			}()
			if a := c.fallBack(out, why); a != nil {
				return a, nil
			}
			own := res
			res = nil
			return own, nil
		}
	}
	if a := c.fallBack(out, why); a != nil {
		return a, nil
	}
	return t.proxy.problem(c.in, why).response(out), nil
}

// fallBack returns the first answer of a fallback, or nil.
func (c *call) fallBack(out *http.Request, t *trouble) *http.Response {
	for _, f := range c.policy.fallbacks {
		if other, ok := f.(*otherUpstream); ok {
			if res := other.forward(c, out); res != nil {
				c.proxy.counted.fellBack(f.source())
				res.Header.Set(headerBreaker, c.proxy.cfg.Name+"; source=upstream; fallback="+strconv.Itoa(other.number)+"; reason="+t.reason)
				return res
			}
			continue
		}
		if a := f.answer(c.in, t); a != nil {
			return c.proxy.from(f, a, t).response(out)
		}
	}
	return nil
}

// forward sends a request upstream and judges what comes back. The trouble
// comes with the response where there is one. An error says that the client
// is gone.
func (c *call) forward(out *http.Request) (*http.Response, *trouble, error) {
	trace := httptrace.ClientTrace{
		GotConn:              func(i httptrace.GotConnInfo) { c.reused.Store(i.Reused) },
		GotFirstResponseByte: func() { c.begun.Store(true) },
	}
	out = out.WithContext(httptrace.WithClientTrace(out.Context(), &trace))
	c.watch.start(c.policy.Timeout, c.cancel)
	if out.Body != nil && out.Body != http.NoBody {
		c.body = requestBody{ReadCloser: out.Body, call: c}
		out.Body = &c.body
	}
	transport := c.proxy.plain
	grpc := isGRPC(out.Header)
	if grpc && out.URL.Scheme == "http" {
		transport = c.proxy.clear
	}
	res, err := transport.RoundTrip(out)
	c.watch.set(&c.watch.waiting, false)
	if err != nil {
		trouble, err := c.noAnswer(err)
		return nil, trouble, err
	}
	c.goOnSending()
	res.Header[headerBreaker] = c.proxy.upstream
	if res.StatusCode == http.StatusSwitchingProtocols {
		c.permit.Success() // from here on it is the client's connection
		return res, nil, nil
	}
	trouble := c.judge(res)
	if trouble == nil {
		c.permit.Answered()
	}
	if res.Body == http.NoBody {
		c.ended(res)
	} else {
		c.answer = answerBody{ReadCloser: res.Body, call: c, res: res, grpc: grpc, since: time.Now()}
		res.Body = &c.answer
		keep(c, res)
	}
	return res, trouble, nil
}

// noAnswer judges a call that got none.
func (c *call) noAnswer(err error) (*trouble, error) {
	switch {
	case c.in.Context().Err() != nil || c.body.broken.Load():
		c.permit.Neutral() // the client is gone
		return nil, err
	case c.watch.silent():
		text := "no answer within " + c.policy.Timeout.String()
		c.permit.Failure(breaker.Evidence{Error: text})
		return &trouble{http.StatusGatewayTimeout, "timeout", text, nil}, nil
	}
	text := c.proxy.cfg.Clean(describe(err))
	if c.reused.Load() && !c.begun.Load() && brokeOff(err) {
		c.permit.Neutral() // closed just as the call came
	} else {
		c.permit.Failure(breaker.Evidence{Error: text})
	}
	return &trouble{http.StatusBadGateway, "failed", text, nil}, nil
}

// describe says what went wrong with a connection, without the addresses that
// are of no use to anybody.
func describe(err error) string {
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" && dial.Addr != nil {
		return "connect to " + dial.Addr.String() + ": " + dial.Err.Error()
	}
	if brokeOff(err) {
		return "the connection ended before an answer"
	}
	return err.Error()
}

// brokeOff reports whether a connection ended under a call.
func brokeOff(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed) || err.Error() == "http: server closed idle connection"
}

// judge judges an answer by its head.
func (c *call) judge(res *http.Response) *trouble {
	status := strconv.Itoa(res.StatusCode)
	switch {
	case res.StatusCode == http.StatusTooManyRequests:
		if after := parseRetryAfter(res.Header, time.Now()); after > 0 {
			c.permit.Throttled(breaker.Evidence{Status: status, RetryAfter: after})
		} else {
			c.permit.Neutral()
		}
	case res.StatusCode >= 500 && res.StatusCode != http.StatusNotImplemented && res.StatusCode != http.StatusHTTPVersionNotSupported:
		c.permit.Failure(breaker.Evidence{Status: status, RetryAfter: parseRetryAfter(res.Header, time.Now())})
		return &trouble{res.StatusCode, "failed", "the upstream answered " + status, nil}
	case isGRPC(res.Header):
		c.judgeGRPC(res.Header) // an answer of trailers only
	}
	return nil
}

// grpcFailures are the codes that say something of the server's health:
// UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS.
var grpcFailures = map[string]bool{"2": true, "4": true, "13": true, "14": true, "15": true}

// judgeGRPC judges a call by its status, where that is there.
func (c *call) judgeGRPC(h http.Header) {
	if code := h.Get("Grpc-Status"); grpcFailures[code] {
		c.permit.Failure(breaker.Evidence{Status: "grpc " + code})
	}
}

// ended judges an answer that has come to its end.
func (c *call) ended(res *http.Response) {
	if isGRPC(res.Header) {
		c.judgeGRPC(res.Trailer)
	}
	c.permit.Success()
}

// goOnSending lets an upstream that answers before it has read everything
// read on: otherwise the server would take the rest of the body away as soon
// as the answer begins.
func (c *call) goOnSending() {
	if c.in.ProtoMajor == 1 && c.out != nil && c.body.touched.Load() && !c.body.ended.Load() {
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
		_, _ = io.CopyN(io.Discard, c.in.Body, maxDrain)
	}
}

// requestBody is what the client sends.
type requestBody struct {
	io.ReadCloser
	call    *call
	touched atomic.Bool
	ended   atomic.Bool
	closed  atomic.Bool
	broken  atomic.Bool // the client did not send it to its end
}

// Close leaves the body open where nothing of it was read: another upstream
// may want it. The reverse proxy closes it in the end.
func (b *requestBody) Close() error {
	b.closed.Store(true)
	if b.touched.Load() {
		return b.ReadCloser.Close()
	}
	return nil
}

func (b *requestBody) Read(into []byte) (int, error) {
	if b.ended.Load() {
		return 0, io.EOF // the server has another error, once the answer began
	}
	if b.closed.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	b.touched.Store(true)
	w := &b.call.watch
	w.set(&w.sending, true)
	n, err := b.ReadCloser.Read(into)
	w.set(&w.sending, false)
	switch err {
	case nil:
	case io.EOF:
		b.ended.Store(true)
	default:
		b.broken.Store(true)
	}
	return n, err
}

// trialGrace is how long a stream must have gone well to pass a trial: it may
// go on for hours.
const trialGrace = time.Second

// answerBody is what the upstream sends.
type answerBody struct {
	io.ReadCloser
	call  *call
	res   *http.Response
	grpc  bool
	since time.Time
	kept  *keeping // nil: not kept
}

func (b *answerBody) Read(into []byte) (int, error) {
	c := b.call
	c.watch.set(&c.watch.waiting, true)
	n, err := b.ReadCloser.Read(into)
	c.watch.set(&c.watch.waiting, false)
	if b.kept != nil {
		b.kept.add(into[:n], err)
	}
	switch {
	case err == io.EOF:
		c.ended(b.res)
	case err == nil:
		if c.permit.Trial() && time.Since(b.since) >= trialGrace {
			c.permit.Success()
		}
	case c.in.Context().Err() != nil:
		c.permit.Neutral()
	case c.watch.silent():
		c.permit.Failure(breaker.Evidence{Status: strconv.Itoa(b.res.StatusCode), Error: "silent for " + c.policy.Timeout.String() + " within the answer"})
	default:
		c.permit.Failure(breaker.Evidence{Status: strconv.Itoa(b.res.StatusCode), Error: "the answer broke off: " + c.proxy.cfg.Clean(err.Error())})
	}
	return n, err
}

// Close also says that nobody reads on: the client is gone, or the answer is
// replaced.
func (b *answerBody) Close() error {
	b.call.permit.Neutral()
	b.call.watch.stop()
	return b.ReadCloser.Close()
}
