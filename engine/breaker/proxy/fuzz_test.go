package proxy

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
)

// FuzzEdge sends any bytes to the listener. Nothing may panic, and the proxy
// and its upstream must never disagree on where a request ends: each that the
// proxy forwards arrives as one, with the method, the path and the body that
// the proxy saw, and is framed in one way only.
func FuzzEdge(f *testing.F) {
	for _, text := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\x0bchunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nX-Folded: one\r\n two\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nX: a\nTransfer-Encoding: chunked\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"\r\n\r\nhello\r\n0\r\nX: y\r\n\r\n",
		"GET /%0d%0aX:y HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET http://other/x HTTP/1.1\r\nHost: x\r\n\r\n",
		"CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\nrest",
		"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET / HTTP/1.0\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nrest",
		"GET / HTTP/1.1\r\nHost: x\r\nConnection: close, content-length\r\nContent-Length: 3\r\n\r\nabc",
	} {
		f.Add([]byte(text))
	}
	edge := newEdge(f)
	f.Fuzz(func(t *testing.T, input []byte) { edge.try(t, input) })
}

// edge is a proxy between a client and an upstream that both note requests.
type edge struct {
	proxy  *HTTP
	addr   string
	ended  chan struct{} // a connection of the client is closed
	target net.Listener

	number atomic.Int64 // the number of the input

	mu    sync.Mutex
	quiet *sync.Cond     // asked is 0
	asked int            // connections of the upstream; guarded by mu
	seen  map[string]int // requests, by the proxy; guarded by mu
	wire  [][]byte       // what went upstream, by connection; guarded by mu
}

func newEdge(f *testing.F) *edge {
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			f.Fatal(err)
		}
		return l
	}
	g, err := breaker.New(breaker.Config{Rule: breaker.Rule{Failures: 1e6}})
	if err != nil {
		f.Fatal(err)
	}
	e := &edge{target: listen(), ended: make(chan struct{}, 100)}
	e.quiet = sync.NewCond(&e.mu)
	target := &url.URL{Scheme: "http", Host: e.target.Addr().String()}
	if e.proxy, err = NewHTTP(HTTPConfig{Name: "demo", Target: target, Guard: g, Policy: Policy{Rules: Rules{Timeout: 5 * time.Second}}}); err != nil {
		f.Fatal(err)
	}
	e.proxy.policy.Load().target.plain.DisableKeepAlives = true
	served := make(chan struct{}, 2)
	go func() {
		e.upstream()
		served <- struct{}{}
	}()
	l := listen()
	server := e.proxy.Server(context.Background(), l)
	server.HTTP.Handler = e
	server.HTTP.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed || s == http.StateHijacked {
			e.ended <- struct{}{}
		}
	}
	e.addr = l.Addr().String()
	go func() {
		_ = server.Serve()
		served <- struct{}{}
	}()
	f.Cleanup(func() {
		_ = server.Close()
		_ = e.target.Close()
		e.proxy.Close()
		<-served
		<-served
	})
	return e
}

// ServeHTTP notes what the proxy makes of a request.
func (e *edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body bytes.Buffer
	if r.Body != http.NoBody {
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(r.Body, &body), r.Body}
	}
	r.Header.Set("X-Number", strconv.FormatInt(e.number.Load(), 10))
	e.proxy.ServeHTTP(w, r)
	if r.Method != http.MethodConnect {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.seen[line(r, body.Bytes())]++
	}
}

// line is a request as both sides must see it.
func line(r *http.Request, body []byte) string {
	return r.Method + " " + r.URL.RequestURI() + " " + string(body)
}

// upstream answers one request on each connection, and notes all bytes.
func (e *edge) upstream() {
	for {
		c, err := e.target.Accept()
		if err != nil {
			return
		}
		e.mu.Lock()
		e.asked++
		e.mu.Unlock()
		go func() {
			defer func() { _ = c.Close() }()
			_ = c.SetDeadline(time.Now().Add(5 * time.Second))
			var wire bytes.Buffer
			r := bufio.NewReader(io.TeeReader(c, &wire))
			if req, err := http.ReadRequest(r); err == nil {
				_, _ = io.Copy(io.Discard, req.Body)
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
			_, _ = io.Copy(io.Discard, r)
			e.mu.Lock()
			defer e.mu.Unlock()
			e.wire = append(e.wire, wire.Bytes())
			e.asked--
			e.quiet.Broadcast()
		}()
	}
}

// last follows each input, so that the connection ends once it was read.
const last = "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

// try sends bytes and compares what the proxy and its upstream made of them.
func (e *edge) try(t *testing.T, input []byte) {
	number := strconv.FormatInt(e.number.Add(1), 10)
	e.mu.Lock()
	e.seen, e.wire = map[string]int{}, nil
	e.mu.Unlock()
	client, err := net.Dial("tcp", e.addr)
	if err != nil {
		t.Fatal(err)
	}
	// An input that takes the last request for a part of it waits for more.
	_ = client.SetDeadline(time.Now().Add(50 * time.Millisecond))
	_, _ = client.Write(append(bytes.Clone(input), last...))
	_, _ = io.Copy(io.Discard, client)
	_ = client.Close()
	<-e.ended
	e.mu.Lock()
	defer e.mu.Unlock()
	for e.asked > 0 {
		e.quiet.Wait()
	}
	for _, wire := range e.wire {
		r := bufio.NewReader(bytes.NewReader(wire))
		req, err := http.ReadRequest(r)
		if err != nil || req.Header.Get("X-Number") != number {
			continue // cut off with its client, maybe one before
		}
		if len(req.TransferEncoding) > 0 && req.Header["Content-Length"] != nil {
			t.Errorf("%q went upstream with two lengths: %q", input, wire)
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			continue
		}
		if one := line(req, body); e.seen[one] == 0 {
			t.Errorf("of %q the proxy saw %v, and the upstream got %q", input, e.seen, one)
		} else {
			e.seen[one]--
		}
		if rest, _ := io.ReadAll(r); len(rest) > 0 {
			t.Errorf("of %q this went upstream behind a request: %q", input, rest)
		}
	}
}
