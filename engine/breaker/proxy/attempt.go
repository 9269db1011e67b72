package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
	"github.com/syndicate/syndicate/engine/breaker/proxy/exchange"
	"github.com/syndicate/syndicate/socket"
)

// attempt is one request upstream on behalf of a call.
type attempt struct {
	call   *call
	target *target
	permit breaker.Permit
	cancel context.CancelFunc // nil before it is sent

	trace         httptrace.ClientTrace
	informational func(int, textproto.MIMEHeader) error // passes answers such as 103 on; may be nil
	announced     int                                   // how many of these there were

	watch     watch
	connected atomic.Bool // a connection was there, so something may be sent
	reused    atomic.Bool // the connection
	begun     atomic.Bool // the answer
	grpc      bool        // the answer
	answer    answerBody
}

// permitted asks the target's guard, and returns why not.
func (a *attempt) permitted() *breaker.OpenError {
	if a.call.rules.exclude {
		return nil
	}
	var err error
	if a.permit, err = a.target.guard.Permit(); err != nil {
		open, ok := errors.AsType[*breaker.OpenError](err)
		if !ok {
			panic(err) // it has no other
		}
		return open
	}
	if a.call.rules.route {
		a.permit.SlowAfter(a.call.rules.SlowCall)
	}
	return nil
}

// forward sends a request upstream and judges what comes back. The trouble
// comes with the response where there is one. An error says that the client
// is gone.
func (a *attempt) forward(out *http.Request) (*http.Response, *trouble, error) {
	c := a.call
	// The trace of the reverse proxy is called from this one: to have
	// httptrace join two of them takes longer than all else here.
	if theirs := httptrace.ContextClientTrace(out.Context()); theirs != nil {
		a.informational = theirs.Got1xxResponse
	}
	a.trace = httptrace.ClientTrace{GotConn: a.gotConn, GotFirstResponseByte: a.gotFirstByte, Got1xxResponse: a.got1xx}
	ctx, cancel := context.WithCancel(c.ctx)
	a.cancel = cancel
	out = out.WithContext(httptrace.WithClientTrace(ctx, &a.trace))
	a.watch.start(c.rules.Timeout, cancel)
	if c.body.from != nil {
		out.Body = &sentBody{attempt: a}
	} else {
		out.Body = nil // and not one that says so: the transport asks
	}
	res, err := a.target.transport(out, c.body.whole()).RoundTrip(out)
	a.watch.answering(c.rules.IdleTimeout)
	if err != nil {
		trouble, err := a.noAnswer(err)
		return nil, trouble, err
	}
	switch res.StatusCode {
	case http.StatusNoContent:
		res.Header.Del("Content-Length") // which must not be there (RFC 9110, section 8.6), and some clients wait for a body then
	case http.StatusSwitchingProtocols:
		if !strings.EqualFold(upgradeType(res.Header), upgradeType(out.Header)) || upgradeType(out.Header) == "" {
			_ = res.Body.Close()
			trouble, err := a.noAnswer(exchange.ErrSwitched)
			return nil, trouble, err
		}
		a.permit.Success() // from here on it is the client's connection
		a.watch.stop()
		c.endless()
		return res, nil, nil
	}
	a.grpc = isGRPC(res.Header)
	trouble := a.judge(res)
	if trouble == nil {
		a.permit.Answered()
	}
	if res.Body == http.NoBody {
		a.ended(res)
	} else {
		a.answer = answerBody{ReadCloser: res.Body, attempt: a, res: res, since: time.Now()}
		res.Body = &a.answer
		keep(a, res)
	}
	return res, trouble, nil
}

func (a *attempt) gotConn(i httptrace.GotConnInfo) {
	a.reused.Store(i.Reused)
	if i.Reused {
		clean(i.Conn)
	}
	a.connected.Store(true)
}

func (a *attempt) gotFirstByte() { a.begun.Store(true) }

// maxInformational is how many answers there may be before the answer: each is
// a sign of life, and a flood of them is none.
const maxInformational = 1000

var errFlood = fmt.Errorf("more than %d answers before the answer", maxInformational)

func (a *attempt) got1xx(status int, header textproto.MIMEHeader) error {
	if a.announced++; a.announced > maxInformational {
		return errFlood
	}
	a.watch.set(&a.watch.waiting, true) // a sign of life
	// A client that waits for 100 is told by the server, once its body is read:
	// it may have been by now.
	if a.informational == nil || status == http.StatusContinue && a.call.in.Header["Expect"] != nil {
		return nil
	}
	return a.informational(status, header)
}

// discard lets go of an answer that nobody is to see. A small one is read, so
// that its connection serves again.
func (a *attempt) discard(res *http.Response) {
	if res.ContentLength >= 0 && res.ContentLength <= maxDiscard {
		a.watch.answering(min(a.call.rules.IdleTimeout, 50*time.Millisecond))
		_, _ = io.Copy(io.Discard, res.Body)
	}
	a.permit.Success() // where it was no failure
	_ = res.Body.Close()
}

// maxDiscard is how long an answer may be that is read for nothing, in bytes.
const maxDiscard = 4 << 10

// end lets go of what an attempt holds.
func (a *attempt) end() {
	a.permit.Neutral() // where nothing else was said: it panicked
	if a.cancel != nil {
		a.watch.stop()
		a.cancel()
	}
}

// noAnswer judges an attempt that got none.
func (a *attempt) noAnswer(err error) (*trouble, error) {
	c := a.call
	cut := c.body.cut.Load()
	switch {
	case !cut && (c.in.Context().Err() != nil || c.body.broken.Load()):
		a.permit.Neutral() // the client is gone
		return nil, err
	case c.overtime():
		t := c.late()
		if cut || a.watch.uploading() {
			a.permit.Neutral() // it was the client's turn
		} else {
			a.permit.Failure(breaker.Evidence{Error: t.detail})
		}
		return t, nil
	case a.watch.silent():
		text := "no answer within " + c.rules.Timeout.String()
		a.permit.Failure(breaker.Evidence{Error: text})
		return &trouble{http.StatusGatewayTimeout, "timeout", text, nil}, nil
	case errors.Is(err, errBodyGone):
		a.permit.Neutral()
		return &trouble{http.StatusBadGateway, "failed", err.Error(), nil}, nil
	}
	text := c.proxy.cfg.Clean(describe(err))
	if socket.Scarce(err) {
		a.permit.Neutral() // it is not the target's
		c.proxy.shortage.Note(err)
		return &trouble{http.StatusServiceUnavailable, "failed", text, nil}, nil
	}
	if a.reused.Load() && !a.begun.Load() && brokeOff(err) {
		a.permit.Neutral() // closed just as the call came
	} else {
		a.permit.Failure(breaker.Evidence{Error: text})
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
	return unquoted(err)
}

// unquoted is the text of an error without what it quotes of a malformed
// answer: that may be anybody's.
func unquoted(err error) string {
	text := err.Error()
	if at := strings.Index(text, "malformed"); at >= 0 {
		if end := strings.IndexByte(text[at:], '"'); end >= 0 {
			text = strings.TrimRight(text[:at+end], ": ")
		}
	}
	return text
}

// brokeOff reports whether a connection ended under a call.
func brokeOff(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed) || err.Error() == "http: server closed idle connection"
}

// judge judges an answer by its head.
func (a *attempt) judge(res *http.Response) *trouble {
	rules := a.call.rules
	switch {
	case rules.Neutral.has(res.StatusCode):
		if after := parseRetryAfter(res.Header, time.Now()); after > 0 {
			a.permit.Throttled(breaker.Evidence{Status: strconv.Itoa(res.StatusCode), RetryAfter: after})
		} else {
			a.permit.Neutral()
		}
	case rules.Failure.has(res.StatusCode):
		status := strconv.Itoa(res.StatusCode)
		a.permit.Failure(breaker.Evidence{Status: status, RetryAfter: parseRetryAfter(res.Header, time.Now())})
		return &trouble{res.StatusCode, "failed", "the upstream answered " + status, nil}
	case a.grpc && a.judgeGRPC(res.Header): // an answer of trailers only
		return &trouble{http.StatusServiceUnavailable, "failed", "the upstream answered with status " + res.Header.Get("Grpc-Status"), nil}
	}
	return nil
}

// judgeGRPC judges a call by its status, where that is there, and reports
// whether it is a failure.
func (a *attempt) judgeGRPC(h http.Header) (failed bool) {
	switch code := grpcCode(h); {
	case code == grpcCancelled:
		a.permit.Neutral()
	case code != grpcOK && a.call.rules.failureGRPC.has(code):
		a.permit.Failure(breaker.Evidence{Status: "grpc " + strconv.Itoa(code)})
		return true
	}
	return false
}

// ended judges an answer that has come to its end.
func (a *attempt) ended(res *http.Response) {
	if a.grpc {
		a.judgeGRPC(res.Trailer)
	}
	a.permit.Success()
}
