package exchange

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/iotest"
)

// writes is a connection whose writes are a test's.
type writes struct {
	*net.TCPConn
	write func(c net.Conn, b []byte) (int, error)
}

func (c *writes) Write(b []byte) (int, error) { return c.write(c.TCPConn, b) }

// writing has the connections of a client write in a test's way.
func writing(c *Client, write func(c net.Conn, b []byte) (int, error)) {
	c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		to, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &writes{to.(*net.TCPConn), write}, nil
	}
}

// sent is the body of a request.
type sent struct {
	io.Reader
	closed atomic.Bool
}

func (s *sent) Close() error {
	s.closed.Store(true)
	return nil
}

// answered is what became of a request.
type answered struct {
	status int
	text   string
	reused bool
	err    error
}

// send makes a request with a body. The body has to be closed afterwards,
// whatever becomes of it.
func send(t *testing.T, c *Client, method, path, text string, header ...string) (a answered) {
	t.Helper()
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { a.reused = i.Reused }}
	body := &sent{Reader: strings.NewReader(text)}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), method, "http://x"+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = int64(len(text))
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	defer func() {
		if !body.closed.Load() {
			t.Errorf("%s %s: the body is still open", method, path)
		}
	}()
	res, err := c.RoundTrip(req)
	if err != nil {
		a.err = err
		return a
	}
	a.status = res.StatusCode
	read, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	a.text, a.err = string(read), err
	return a
}

// echo answers with the request's body, until a path asks for something else.
func echo(c net.Conn, r *bufio.Reader) {
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		switch req.URL.Path {
		case "/none":
			_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
		case "/same":
			_, _ = io.WriteString(c, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n")
		case "/continue":
			_, _ = io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n"+answer)
		case "/end":
			return
		case "/half":
			_, _ = io.WriteString(c, answer[:25])
			return
		case "/reset":
			_ = c.(*net.TCPConn).SetLinger(0)
			return
		default:
			res := http.Response{StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Request: req, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(string(body)))}
			_ = res.Write(c)
		}
	}
}

// A body is sent with its request in one piece, and the connection serves
// again.
func TestBodiesAreSentAtOnce(t *testing.T) {
	c := serve(t, echo).client(t)
	calls := 0
	writing(c, func(c net.Conn, b []byte) (int, error) {
		calls++
		return c.Write(b)
	})
	long := strings.Repeat("x", MaxBody)
	for i, step := range []struct {
		method, path, body, want string
		status                   int
	}{
		{"POST", "/", "one", "one", 200}, {"PUT", "/", long, long, 200}, {"GET", "/", "two", "two", 200}, {"HEAD", "/", "two", "", 200},
		{"POST", "/none", "three", "", 204}, {"PATCH", "/same", "four", "", 304}, {"DELETE", "/", "five", "five", 200}, {"POST", "/continue", "six", "ok", 200},
	} {
		a := send(t, c, step.method, step.path, step.body)
		if a != (answered{step.status, step.want, i > 0, nil}) || calls != i+1 {
			t.Errorf("%d. %s %s: %+.20v, after %d writes", i+1, step.method, step.path, a, calls)
		}
	}
	if text, reused, err := ask(t, c, "GET", "/"); text != "" || !reused || err != nil {
		t.Errorf("a request without a body, after them: %q, %t, %v", text, reused, err)
	}
}

// A server may answer before it has read everything, and go. Its answer is
// the answer, whether the request met the end of the connection or not, and
// however that ended.
func TestEarlyAnswers(t *testing.T) {
	const refused = "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 8\r\n\r\ntoo much"
	for _, end := range []string{"closed", "reset"} {
		for name, met := range map[string]bool{"half of the request was sent": true, "all of it was": false} {
			t.Run(end+", "+name, func(t *testing.T) {
				gone := make(chan struct{}, 1)
				s := serve(t, func(c net.Conn, r *bufio.Reader) {
					if _, err := r.Peek(1); err != nil { // of what may be some segments
						return
					}
					_, _ = io.WriteString(c, refused)
					if end == "reset" {
						_ = c.(*net.TCPConn).SetLinger(0)
					}
					_ = c.Close()
					gone <- struct{}{}
				})
				c := s.client(t)
				var failed error
				writing(c, func(c net.Conn, b []byte) (n int, err error) {
					half := len(b)
					if met {
						half /= 2
					}
					if n, err = c.Write(b[:half]); err == nil {
						<-gone
						for err == nil && met { // a reset may be on its way
							_, err = c.Write(b[half:])
						}
					}
					failed = err
					return n, err
				})
				for range 20 {
					if a := send(t, c, "POST", "/", strings.Repeat("x", MaxBody)); a != (answered{413, "too much", false, nil}) || (failed != nil) != met {
						t.Fatalf("%+v, and writing ended with %v", a, failed)
					}
				}
			})
		}
	}
}

// A connection that ends without an answer is an error, by which it can be
// told, and the request went out once.
func TestEndsWithoutAnAnswer(t *testing.T) {
	var asked atomic.Int32
	s := serve(t, func(c net.Conn, r *bufio.Reader) {
		asked.Add(1)
		echo(c, r)
	})
	c := s.client(t)
	for path, is := range map[string][]error{"/end": {io.EOF}, "/reset": {syscall.ECONNRESET, io.EOF}} {
		for _, header := range [][]string{nil, {"Idempotency-Key", "1"}} {
			asked.Store(0)
			a := send(t, c, "POST", path, "body", header...)
			if known := errors.Is(a.err, is[0]) || errors.Is(a.err, is[len(is)-1]); !known || a.reused || asked.Load() != 1 {
				t.Errorf("%s: %+v, asked %d times", path, a, asked.Load())
			}
		}
	}
	if a := send(t, c, "POST", "/half", "body"); a.err == nil || !strings.HasPrefix(a.err.Error(), "connection broken within the head of the answer: ") {
		t.Errorf("half a head: %+v", a)
	}
	// Where a part was sent, its error says more than that there is no more.
	writing(c, func(c net.Conn, b []byte) (int, error) {
		n, _ := c.Write(b[:len(b)-1])
		_ = c.(*net.TCPConn).CloseWrite()
		return n, syscall.EPIPE
	})
	if a := send(t, c, "POST", "/", "body"); a.err != syscall.EPIPE {
		t.Errorf("a part was sent: %+v", a)
	}
}

// A request with a body that meets the end of a connection that was kept is
// sent again only where nothing of it has gone out.
func TestBodiesOnStaleConnections(t *testing.T) {
	var mu sync.Mutex
	got := map[string]int{}
	s := serve(t, func(c net.Conn, r *bufio.Reader) {
		for n := 0; ; n++ {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			body, _ := io.ReadAll(req.Body)
			mu.Lock()
			got[string(body)]++
			mu.Unlock()
			if n > 0 {
				return
			}
			_, _ = io.WriteString(c, answer)
		}
	})
	c := s.client(t)
	refuse := 0
	writing(c, func(c net.Conn, b []byte) (int, error) {
		if refuse > 0 {
			refuse--
			return 0, syscall.EPIPE
		}
		return c.Write(b)
	})
	for _, test := range []struct {
		method, body string
		refuse       int // so many writes
		asked        int
		fails        bool
	}{
		{"POST", "once", 0, 1, true},
		{"GET", "once, too", 0, 1, true},
		{"POST", "untaken", 1, 1, false},
		{"POST", "untaken by anybody", 2, 0, true},
	} {
		c.Close()
		if a := send(t, c, "POST", "/", "first"); a != (answered{200, "ok", false, nil}) {
			t.Fatalf("the first one: %+v", a)
		}
		refuse = test.refuse
		a := send(t, c, test.method, "/", test.body, "Idempotency-Key", "1")
		mu.Lock()
		if asked := got[test.body]; asked != test.asked || (a.err != nil) != test.fails || !test.fails && a.text != "ok" {
			t.Errorf("%s: %+v, asked %d times", test.body, a, asked)
		}
		mu.Unlock()
	}
}

// A request that cannot be written is not sent, and not a part of it.
func TestBodiesThatFail(t *testing.T) {
	s := serve(t, func(c net.Conn, r *bufio.Reader) {
		if b, err := r.ReadByte(); err == nil {
			t.Errorf("%q was sent", b)
		}
	})
	c := s.client(t)
	why := errors.New("why")
	req, _ := http.NewRequestWithContext(t.Context(), "POST", "http://x/", io.MultiReader(strings.NewReader("bo"), iotest.ErrReader(why)))
	req.ContentLength = 4
	if _, err := c.RoundTrip(req); err != why {
		t.Error(err)
	}
	_ = s.Close()
	if a := send(t, c, "POST", "/", "body"); !errors.Is(a.err, syscall.ECONNREFUSED) {
		t.Errorf("%+v", a)
	}
}
