package proxy

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
)

// bench is a proxy before an upstream.
type bench struct {
	*testing.T
	guard  *breaker.Guard
	proxy  *HTTP
	url    string
	client *http.Client
	calls  sync.WaitGroup // under way
}

func guard(t *testing.T, cfg breaker.Config) *breaker.Guard {
	t.Helper()
	g, err := breaker.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// newBench puts a proxy before target.
func newBench(t *testing.T, target string, policy Policy, cfg breaker.Config) *bench {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	if policy.Timeout == 0 {
		policy.Timeout = 20 * time.Second
	}
	b := &bench{T: t, guard: guard(t, cfg)}
	if b.proxy, err = NewHTTP(HTTPConfig{Name: "demo", Target: u, Guard: b.guard, Policy: policy}); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := b.proxy.Server(context.Background(), l)
	srv.HTTP.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.calls.Add(1)
		defer b.calls.Done()
		b.proxy.ServeHTTP(w, r)
	})
	served := make(chan error, 1)
	go func() { served <- srv.Serve() }()
	b.url = "http://" + l.Addr().String()
	b.client = &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		b.client.CloseIdleConnections()
		b.settled()
		_ = srv.Close()
		b.proxy.Close()
		if err := <-served; err != http.ErrServerClosed {
			t.Errorf("serving ended with %v", err)
		}
	})
	return b
}

// upstream serves h on loopback.
func upstream(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

type result struct {
	status int
	header http.Header
	body   string
	err    error
}

func (b *bench) do(method, path, body string, header ...string) result {
	b.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, b.url+path, reader)
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := b.client.Do(req)
	if err != nil {
		return result{err: err}
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	return result{res.StatusCode, res.Header, string(text), err}
}

func (b *bench) counted(successes, failures, neutral uint64) {
	b.Helper()
	n := b.settled()
	if n.Successes != successes || n.Failures != failures || n.Neutral != neutral {
		b.Errorf("counted %d successes, %d failures, %d neutral; want %d, %d, %d; the failures: %v", n.Successes, n.Failures, n.Neutral, successes, failures, neutral, b.guard.Snapshot().Failures)
	}
}

// settled waits until no call is under way: a client has its answer a moment
// before the proxy is done.
func (b *bench) settled() breaker.Numbers {
	b.Helper()
	b.calls.Wait()
	return b.guard.Snapshot().Numbers
}

func TestForwards(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, password, _ := r.BasicAuth()
		w.Header().Set("Got", fmt.Sprint(r.Method, " ", r.Host == r.Header.Get("Want-Host"), " ", r.URL.RequestURI(), " ", r.Header.Get("X-Forwarded-For"), " ", user, password))
		w.Header().Set("Trailer", "Sum")
		w.WriteHeader(201)
		_, _ = w.Write(body)
		w.Header().Set("Sum", "42")
	})
	u, _ := url.Parse(up.URL)
	u.User = url.UserPassword("me", "secret")
	b := newBench(t, u.String()+"/base", Policy{}, breaker.Config{})
	r := b.do("POST", "/x%2Fy?a=1&b", strings.Repeat("body", 100_000), "Want-Host", u.Host, "X-Forwarded-For", "10.0.0.1")
	if want := "POST true /base/x%2Fy?a=1&b 10.0.0.1, 127.0.0.1 mesecret"; r.header.Get("Got") != want {
		t.Errorf("the upstream got %q, want %q", r.header.Get("Got"), want)
	}
	if r.status != 201 || len(r.body) != 400_000 || r.header.Get(headerBreaker) != "demo; source=upstream" {
		t.Errorf("answered %d, %d bytes, %v", r.status, len(r.body), r.header)
	}
	b.counted(1, 0, 0)
}

func TestOpenAnswers(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) })
	b := newBench(t, up.URL, Policy{}, breaker.Config{Rule: breaker.Rule{Failures: 3}, Jitter: -1})
	for range 3 {
		if r := b.do("GET", "/", ""); r.status != 503 || r.header.Get(headerBreaker) != "demo; source=upstream" {
			t.Fatalf("answered %d %v", r.status, r.header)
		}
	}
	r := b.do("POST", "/", "{}")
	var p struct {
		Title, Detail, Breaker, Reason string
		Status                         int
		RetryAfter                     int `json:"retry_after_seconds"`
	}
	if err := json.Unmarshal([]byte(r.body), &p); err != nil {
		t.Fatal(err)
	}
	if r.status != 503 || p.Status != 503 || p.Reason != "open" || p.RetryAfter != 30 || !strings.Contains(p.Detail, "3 failures in a row, the last: 503") ||
		r.header.Get("Content-Type") != "application/problem+json" || r.header.Get("Retry-After") != "30" || r.header.Get(headerBreaker) != "demo; source=breaker; reason=open" {
		t.Errorf("answered %d %v %s", r.status, r.header, r.body)
	}
	r = b.do("POST", "/", "", "Content-Type", "application/grpc")
	if r.status != 200 || r.header.Get("Grpc-Status") != "14" || !strings.Contains(r.header.Get("Grpc-Message"), "demo: the circuit breaker is open") {
		t.Errorf("gRPC is answered %d %v", r.status, r.header)
	}
	b.counted(0, 3, 0)
}

// What upstreams do wrong, and what a client and the guard make of it.
func TestFaults(t *testing.T) {
	raw := func(say string, reset bool) func(net.Conn) {
		return func(c net.Conn) {
			if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				_, _ = io.Copy(io.Discard, r.Body) // or closing would reset
			}
			_, _ = io.WriteString(c, say)
			if reset {
				_ = c.(*net.TCPConn).SetLinger(0)
			}
			_ = c.Close()
		}
	}
	hang := func(say string) func(net.Conn) {
		return func(c net.Conn) {
			defer func() { _ = c.Close() }()
			r := bufio.NewReader(c)
			_, _ = http.ReadRequest(r)
			_, _ = io.WriteString(c, say)
			_, _ = io.Copy(io.Discard, r) // until the proxy gives up
		}
	}
	const full = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	for _, test := range []struct {
		name     string
		upstream func(net.Conn)
		status   int  // 0: the client sees that the answer is not whole
		failure  bool // for the guard
		evidence string
	}{
		{"whole", raw(full, false), 200, false, ""},
		{"reset at once", raw("", true), 502, true, "ended before an answer"},
		{"closed at once", raw("", false), 502, true, "ended before an answer"},
		{"half a head", raw("HTTP/1.1 200 OK\r\nContent-Le", false), 502, true, "connection broken"},
		{"no HTTP", raw("SSH-2.0-OpenSSH\r\n", false), 502, true, "malformed HTTP"},
		{"half a body", raw("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", false), 0, true, "the answer broke off"},
		{"reset in the body", raw("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", true), 0, true, "the answer broke off"},
		{"half a chunk", raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhello", false), 0, true, "the answer broke off"},
		{"a chunk of nonsense", raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello", false), 0, true, "the answer broke off"},
		{"more than it says", raw(full+" and more", false), 200, false, ""},
		{"a black hole", hang(""), 504, true, "no answer within 200ms"},
		{"silence in the body", hang("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"), 0, true, "silent for 200ms within the answer"},
		{"500", raw("HTTP/1.1 500 Oops\r\nContent-Length: 5\r\n\r\nhello", false), 500, true, "500"},
		{"501", raw("HTTP/1.1 501 No\r\nContent-Length: 5\r\n\r\nhello", false), 501, false, ""},
		{"404", raw("HTTP/1.1 404 No\r\nContent-Length: 5\r\n\r\nhello", false), 404, false, ""},
		{"204", raw("HTTP/1.1 204 No Content\r\n\r\n", false), 204, false, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					test.upstream(c)
				}
			}()
			b := newBench(t, "http://"+l.Addr().String(), Policy{Rules: Rules{Timeout: 200 * time.Millisecond}}, breaker.Config{})
			r := b.do("POST", "/", "question")
			_ = l.Close()
			b.settled()
			b.proxy.Close()
			<-done
			switch {
			case test.status == 0 && (r.err == nil || !strings.HasPrefix("hello", r.body)):
				t.Errorf("the client sees nothing of it: %+v", r)
			case test.status != 0 && (r.err != nil || r.status != test.status):
				t.Errorf("answered %+v", r)
			}
			if test.failure {
				b.counted(0, 1, 0)
				if e := b.guard.Snapshot().Failures; len(e) != 1 || !strings.Contains(e[0].String(), test.evidence) {
					t.Errorf("evidence: %v, want %q", e, test.evidence)
				}
			} else {
				b.counted(1, 0, 0)
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		b := newBench(t, "http://"+l.Addr().String(), Policy{}, breaker.Config{})
		if r := b.do("GET", "/", ""); r.status != 502 || !strings.Contains(r.body, "connection refused") {
			t.Errorf("answered %+v", r)
		}
		b.counted(0, 1, 0)
	})
}

// A client that hangs up, before the answer or within it, tells nothing.
func TestClientHangsUp(t *testing.T) {
	arrived := make(chan struct{}, 1)
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stream" {
			_, _ = io.WriteString(w, "token\n")
			w.(http.Flusher).Flush()
		}
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	b := newBench(t, up.URL, Policy{}, breaker.Config{Rule: breaker.Rule{Failures: 1}})
	for _, path := range []string{"/", "/stream"} {
		ctx, cancel := context.WithCancel(context.Background())
		req, _ := http.NewRequestWithContext(ctx, "GET", b.url+path, nil)
		ended := make(chan error)
		go func() {
			res, err := b.client.Do(req)
			if err == nil {
				_, err = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
			}
			ended <- err
		}()
		<-arrived
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	b.counted(0, 0, 2)
}

// A call into a connection that the upstream just closed is no failure.
func TestStaleConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r := bufio.NewReader(c)
			for _, say := range []string{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", ""} { // the second is answered by closing
				if r, err := http.ReadRequest(r); err == nil {
					_, _ = io.Copy(io.Discard, r.Body)
				}
				_, _ = io.WriteString(c, say)
			}
			_ = c.Close()
		}
	}()
	b := newBench(t, "http://"+l.Addr().String(), Policy{}, breaker.Config{})
	if r := b.do("POST", "/", "one"); r.status != 200 {
		t.Fatalf("answered %+v", r)
	}
	if r := b.do("POST", "/", "two"); r.status != 502 {
		t.Errorf("answered %+v", r)
	}
	_ = l.Close()
	b.settled()
	b.proxy.Close()
	<-done
	b.counted(1, 0, 1)
}

// Each token reaches the client before the next one is sent.
func TestStreamsTokenByToken(t *testing.T) {
	for _, kind := range []string{"text/event-stream", "application/x-ndjson"} {
		next := make(chan struct{})
		up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			for i := range 5 {
				_, _ = fmt.Fprintf(w, "token %d\n", i)
				w.(http.Flusher).Flush()
				<-next
			}
		})
		b := newBench(t, up.URL, Policy{}, breaker.Config{})
		res, err := b.client.Post(b.url, "text/plain", strings.NewReader("tell me"))
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(res.Body)
		for i := range 5 {
			line, err := lines.ReadString('\n')
			if err != nil || line != fmt.Sprintf("token %d\n", i) {
				t.Fatalf("got %q, %v", line, err)
			}
			next <- struct{}{}
		}
		if _, err := lines.ReadByte(); err != io.EOF {
			t.Error(err)
		}
		_ = res.Body.Close()
		b.counted(1, 0, 0)
	}
}

// The upstream sees the first byte of an upload while the client still sends.
func TestUploadsAreNotBuffered(t *testing.T) {
	first := make(chan struct{})
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		one := make([]byte, 1)
		_, _ = io.ReadFull(r.Body, one)
		close(first)
		n, _ := io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprint(w, n+1)
	})
	b := newBench(t, up.URL, Policy{}, breaker.Config{})
	r, w := io.Pipe()
	go func() {
		_, _ = w.Write([]byte("x"))
		<-first
		_, _ = w.Write(make([]byte, 10<<20))
		_ = w.Close()
	}()
	res, err := b.client.Post(b.url, "application/octet-stream", r)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if string(text) != fmt.Sprint(10<<20+1) {
		t.Errorf("the upstream got %s bytes", text)
	}
}

func TestWebSocket(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = c.Close() }()
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		for {
			line, err := rw.ReadString('\n')
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "echo "+line)
		}
	})
	b := newBench(t, up.URL, Policy{}, breaker.Config{})
	c, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_, _ = io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	rd := bufio.NewReader(c)
	res, err := http.ReadResponse(rd, nil)
	if err != nil || res.StatusCode != 101 {
		t.Fatalf("answered %v, %v", res, err)
	}
	for _, text := range []string{"one\n", "two\n"} {
		_, _ = io.WriteString(c, text)
		if line, err := rd.ReadString('\n'); line != "echo "+text {
			t.Fatalf("got %q, %v", line, err)
		}
	}
	_ = c.Close()
	b.counted(1, 0, 0)
}

// gRPC's way over HTTP/2 without TLS: messages both ways at once, and a
// status in the trailer that counts.
func TestGRPC(t *testing.T) {
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		lines := bufio.NewReader(r.Body)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				break
			}
			_, _ = io.WriteString(w, "echo "+line)
			w.(http.Flusher).Flush()
		}
		w.Header().Set("Grpc-Status", r.Header.Get("Want"))
	}))
	up.Config.Protocols = new(http.Protocols)
	up.Config.Protocols.SetUnencryptedHTTP2(true)
	up.Start()
	defer up.Close()
	b := newBench(t, up.URL, Policy{}, breaker.Config{})
	h2 := &http.Transport{Protocols: new(http.Protocols)}
	h2.Protocols.SetUnencryptedHTTP2(true)
	defer h2.CloseIdleConnections()
	for _, status := range []string{"0", "5", "14"} {
		r, w := io.Pipe()
		req, _ := http.NewRequest("POST", b.url+"/pkg.Service/Method", r)
		req.Header.Set("Content-Type", "application/grpc")
		req.Header.Set("Te", "trailers")
		req.Header.Set("Want", status)
		res, err := h2.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(res.Body)
		for _, text := range []string{"one\n", "two\n"} {
			_, _ = io.WriteString(w, text)
			if line, err := lines.ReadString('\n'); line != "echo "+text {
				t.Fatalf("got %q, %v", line, err)
			}
		}
		_ = w.Close()
		if _, err := lines.ReadByte(); err != io.EOF {
			t.Error(err)
		}
		_ = res.Body.Close()
		if got := res.Trailer.Get("Grpc-Status"); got != status {
			t.Errorf("the trailer is %q, want %q", got, status)
		}
	}
	b.counted(2, 1, 0)
	if e := b.guard.Snapshot().Failures; len(e) != 1 || e[0].Status != "grpc 14" {
		t.Errorf("evidence: %v", e)
	}
}

// Streams that die midway open a breaker that counts in a row.
func TestDyingStreamsOpen(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "token\n")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	b := newBench(t, up.URL, Policy{}, breaker.Config{Rule: breaker.Rule{Failures: 2}})
	for range 2 {
		if r := b.do("GET", "/", ""); r.err == nil {
			t.Errorf("the client sees nothing of it: %+v", r)
		}
	}
	b.counted(0, 2, 0)
	if s := b.guard.Snapshot(); s.State != breaker.Open {
		t.Errorf("it is %v", s.State)
	}
}

func TestRetryAfterIsHeeded(t *testing.T) {
	header := make(chan string, 1)
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", <-header)
		w.WriteHeader(429)
	})
	for _, after := range []string{"7", time.Now().Add(7 * time.Second).UTC().Format(http.TimeFormat)} {
		b := newBench(t, up.URL, Policy{}, breaker.Config{})
		header <- after
		if r := b.do("GET", "/", ""); r.status != 429 {
			t.Fatalf("answered %+v", r)
		}
		left := time.Until(b.guard.Snapshot().Until)
		if left < 5*time.Second || left > 7*time.Second {
			t.Errorf("Retry-After %s: open for %v", after, left)
		}
	}
}

func TestMaxCalls(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-release
	})
	b := newBench(t, up.URL, Policy{MaxCalls: 1, MaxWaiting: 1, WaitTimeout: time.Minute}, breaker.Config{})
	answers := make(chan result, 2)
	go func() { answers <- b.do("GET", "/", "") }()
	<-arrived
	go func() { answers <- b.do("GET", "/", "") }()
	for b.waiting() == 0 {
		runtime.Gosched()
	}
	if r := b.do("GET", "/", ""); r.status != 503 || !strings.Contains(r.body, `"reason":"full"`) || r.header.Get("Retry-After") != "1" {
		t.Errorf("answered %+v", r)
	}
	close(release)
	<-arrived
	for range 2 {
		if r := <-answers; r.status != 200 {
			t.Errorf("answered %+v", r)
		}
	}
	b.counted(2, 0, 0) // being turned away is no failure
	if n := b.proxy.Numbers(); n.Full != 1 {
		t.Errorf("counted %+v", n)
	}
}

func (b *bench) waiting() int {
	return b.proxy.Numbers().Waiting
}
