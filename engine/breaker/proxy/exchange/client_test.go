package exchange

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"
)

// server is an upstream that serves each connection by hand.
type server struct {
	net.Listener
	serving sync.WaitGroup
}

func serve(t *testing.T, conn func(c net.Conn, r *bufio.Reader)) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Listener: l}
	s.serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.serving.Go(func() {
				defer func() { _ = c.Close() }()
				conn(c, bufio.NewReader(c))
			})
		}
	})
	return s
}

func (s *server) client(t *testing.T) *Client {
	c := &Client{
		Address: s.Addr().String(), Dial: (&net.Dialer{}).DialContext,
		MaxIdle: 2, IdleTimeout: time.Minute, MaxHead: 4 << 10,
	}
	t.Cleanup(func() {
		c.Close()
		_ = s.Close()
		s.serving.Wait()
	})
	return c
}

// ask makes a request and returns the answer's body, and whether the
// connection was one that had served before.
func ask(t *testing.T, c *Client, method, path string) (text string, reused bool, err error) {
	t.Helper()
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), method, "http://x"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.RoundTrip(req)
	if err != nil {
		return "", reused, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return string(body), reused, err
}

const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// A connection serves again once an answer has come to its end, and only
// where nothing is left over and the server keeps it.
func TestConnectionsAreKept(t *testing.T) {
	s := serve(t, func(c net.Conn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			switch req.URL.Path {
			case "/":
				_, _ = io.WriteString(c, answer)
			case "/none":
				_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
			case "/chunked":
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
			case "/more":
				_, _ = io.WriteString(c, answer+answer)
			case "/close":
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
			}
		}
	})
	c := s.client(t)
	kept := false
	for i, step := range []struct {
		method, path, want string
		keeps              bool
	}{
		{"GET", "/", "ok", true}, {"GET", "/chunked", "ok", true}, {"DELETE", "/none", "", true}, {"HEAD", "/", "", false}, // a body to HEAD is too much
		{"GET", "/", "ok", true}, {"GET", "/more", "ok", false}, {"GET", "/", "ok", true}, {"GET", "/close", "ok", false}, {"GET", "/", "ok", true},
	} {
		text, reused, err := ask(t, c, step.method, step.path)
		if text != step.want || err != nil || reused != kept {
			t.Errorf("%d. %s %s: %q, %v; on a kept connection: %t, want %t", i+1, step.method, step.path, text, err, reused, kept)
		}
		kept = step.keeps
	}
}

// A request that may be repeated survives that the server closes the
// connection just as it comes, another one does not.
func TestRepeats(t *testing.T) {
	for _, end := range []string{"closed", "reset"} {
		s := serve(t, func(c net.Conn, r *bufio.Reader) {
			for n := 0; ; n++ {
				if _, err := http.ReadRequest(r); err != nil {
					return
				}
				if n > 0 {
					if end == "reset" {
						_ = c.(*net.TCPConn).SetLinger(0)
					}
					return
				}
				_, _ = io.WriteString(c, answer)
			}
		})
		c := s.client(t)
		for i, want := range []string{"", "", "", "an error"} {
			_, _, err := ask(t, c, []string{"GET", "GET", "HEAD", "DELETE"}[i], "/")
			if (err != nil) != (want != "") {
				t.Errorf("%s, request %d: %v", end, i+1, err)
			}
			if i == 2 { // HEAD's body is too much: the next call needs a kept connection
				_, _, _ = ask(t, c, "GET", "/")
			}
		}
	}
}

// A server that closes every connection at once is not asked for ever.
func TestFreshConnectionsAreNotRepeated(t *testing.T) {
	asked := make(chan struct{}, 9)
	s := serve(t, func(c net.Conn, r *bufio.Reader) {
		_, _ = http.ReadRequest(r)
		asked <- struct{}{}
	})
	if _, _, err := ask(t, s.client(t), "GET", "/"); !errors.Is(err, io.EOF) || len(asked) != 1 {
		t.Errorf("%v, asked %d times", err, len(asked))
	}
}

// A call ends with its context: before the answer, and within.
func TestContextEndsACall(t *testing.T) {
	arrived := make(chan struct{}, 2)
	s := serve(t, func(c net.Conn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if req.URL.Path == "/body" {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok")
		}
		arrived <- struct{}{}
		_, _ = io.Copy(io.Discard, r) // until the client has gone
	})
	c := s.client(t)
	why := errors.New("why")
	for _, path := range []string{"/", "/body"} {
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			<-arrived
			cancel(why)
		}()
		req, _ := http.NewRequestWithContext(ctx, "GET", "http://x"+path, nil)
		res, err := c.RoundTrip(req)
		if err == nil {
			_, err = io.ReadAll(res.Body)
			_ = res.Body.Close()
		}
		if err != why {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Connections that have nothing to do end in time, and there are no more than
// may be.
func TestIdleConnections(t *testing.T) {
	var open sync.WaitGroup
	ends := make(chan struct{}, 9)
	hold := make(chan struct{})
	s := serve(t, func(c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			<-hold // until all three are under way
			_, _ = io.WriteString(c, answer)
		}
		_, _ = r.ReadByte()
		ends <- struct{}{}
	})
	c := s.client(t)
	c.IdleTimeout = 50 * time.Millisecond
	for range 3 {
		open.Go(func() {
			if text, _, err := ask(t, c, "GET", "/"); text != "ok" || err != nil {
				t.Errorf("%q, %v", text, err)
			}
		})
	}
	for range 3 {
		hold <- struct{}{}
	}
	open.Wait()
	for range 3 {
		<-ends // nobody has closed it but the client
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.idle) > 0 {
		t.Errorf("%d connections are idle", len(c.idle))
	}
}

// The head of an answer is bounded, its body is not.
func TestHeadIsBounded(t *testing.T) {
	s := serve(t, func(c net.Conn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		n := 1 << 20
		if req.URL.Path == "/head" {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX: ")
		} else {
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", n)
		}
		_, _ = io.WriteString(c, strings.Repeat("x", n))
		_, _ = r.ReadByte()
	})
	c := s.client(t)
	if _, _, err := ask(t, c, "GET", "/head"); err == nil || err.Error() != "the head of the answer is longer than 4096 bytes" {
		t.Errorf("a head of 1 MiB: %v", err)
	}
	if text, _, err := ask(t, c, "GET", "/body"); len(text) != 1<<20 || err != nil {
		t.Errorf("a body of 1 MiB: %d bytes, %v", len(text), err)
	}
}
