package exchange

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/syndicate/syndicate/socket"
)

// Client is an http.RoundTripper for requests to one server that have no
// Upgrade, no Expect, and no body but one of at most MaxBody bytes that can be
// read without waiting. It tells a trace in a request's context of GotConn,
// GotFirstResponseByte and Got1xxResponse, as http.Transport does.
//
// Where a kept connection ends before the first byte of the answer, a request
// is sent over another one if the connection took nothing of it, or it has no
// body and may be repeated (RFC 9110, section 9.2.2). Close lets go of the
// connections that are kept. Its methods may be called by many goroutines at
// once; the fields must not change once one was.
type Client struct {
	// Address is the server's, as host:port.
	Address string
	// Dial connects to it.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// MaxIdle is how many connections are kept that have nothing to do, and
	// IdleTimeout for how long.
	MaxIdle     int
	IdleTimeout time.Duration
	// MaxHead bounds the head of an answer, in bytes. What comes before the
	// answer, such as 103, counts by itself where a trace is told of it.
	MaxHead int64

	mu    sync.Mutex
	idle  []*conn // the last one was used last; guarded by mu
	sweep *time.Timer
	armed bool // sweep will look; guarded by mu
}

// RoundTrip implements http.RoundTripper. Once the request's context ends, so
// does the connection.
func (t *Client) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	trace := httptrace.ContextClientTrace(ctx)
	message := messages.Get().(*bytes.Buffer)
	defer putBack(message)
	for {
		c, err := t.take(ctx)
		if err != nil {
			if req.Body != nil {
				_ = req.Body.Close()
			}
			return nil, ended(ctx, err)
		}
		if trace != nil && trace.GotConn != nil {
			trace.GotConn(httptrace.GotConnInfo{Conn: c, Reused: c.reused})
		}
		if message.Len() == 0 { // not before there is a connection: a body can be read once
			if err := write(message, req); err != nil {
				_ = c.Close()
				return nil, ended(ctx, err)
			}
		}
		res, came, err := c.exchange(req, message.Bytes(), trace)
		if err == nil {
			return res, nil
		}
		_ = c.Close()
		if !c.reused || came == something || came == nothing && !repeatable(req) || ctx.Err() != nil {
			return nil, ended(ctx, err)
		}
	}
}

// ended is the error of a call whose connection failed, which a context that
// has ended is the reason of.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// repeatable reports whether a server may get a request twice.
func repeatable(req *http.Request) bool {
	if req.Body != nil && req.Body != http.NoBody {
		return false // as http.Transport has it, which cannot get its body again
	}
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return req.Header["Idempotency-Key"] != nil || req.Header["X-Idempotency-Key"] != nil
}

// take returns a connection on which nothing has arrived, a kept one first.
func (t *Client) take(ctx context.Context) (*conn, error) {
	for {
		t.mu.Lock()
		n := len(t.idle)
		if n == 0 {
			t.mu.Unlock()
			break
		}
		c := t.idle[n-1]
		t.idle[n-1] = nil
		t.idle = t.idle[:n-1]
		t.mu.Unlock()
		// An upstream that has sent more than it said would otherwise answer
		// this request with the rest.
		if !socket.Arrived(c.Conn) {
			c.reused = true
			return c, nil
		}
		_ = c.Close()
	}
	to, err := t.Dial(ctx, "tcp", t.Address)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: to, client: t}
	c.r = bufio.NewReader(bounded{c})
	return c, nil
}

// keep takes a connection back.
func (t *Client) keep(c *conn) {
	c.since = time.Now()
	t.mu.Lock()
	if len(t.idle) >= t.MaxIdle {
		t.mu.Unlock()
		_ = c.Close()
		return
	}
	t.idle = append(t.idle, c)
	if !t.armed {
		t.armed = true
		if t.sweep == nil {
			t.sweep = time.AfterFunc(t.IdleTimeout, t.tidy)
		} else {
			t.sweep.Reset(t.IdleTimeout)
		}
	}
	t.mu.Unlock()
}

// tidy closes connections that have been idle for too long. One timer looks
// for all: moving one at each call costs more.
func (t *Client) tidy() {
	t.mu.Lock()
	now := time.Now()
	old := 0
	for old < len(t.idle) && now.Sub(t.idle[old].since) >= t.IdleTimeout {
		old++
	}
	closing := t.drop(old)
	t.armed = len(t.idle) > 0
	if t.armed {
		t.sweep.Reset(t.IdleTimeout - now.Sub(t.idle[0].since))
	}
	t.mu.Unlock()
	closeAll(closing)
}

// Close closes connections that have nothing to do. Calls under way go on.
func (t *Client) Close() {
	t.mu.Lock()
	closing := t.drop(len(t.idle))
	t.mu.Unlock()
	closeAll(closing)
}

// drop takes the n connections out that have been idle for longest. The lock
// is held.
func (t *Client) drop(n int) []*conn {
	dropped := append([]*conn(nil), t.idle[:n]...)
	rest := copy(t.idle, t.idle[n:])
	clear(t.idle[rest:])
	t.idle = t.idle[:rest]
	return dropped
}

func closeAll(conns []*conn) {
	for _, c := range conns {
		_ = c.Close()
	}
}
