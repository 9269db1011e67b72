package probe

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/syndicate/syndicate/spec"
)

// raw serves each connection with a function, until the test ends.
func raw(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serve(conn)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

// head reads a request up to the empty line.
func head(conn net.Conn) *http.Request {
	req, _ := http.ReadRequest(bufio.NewReader(conn))
	return req
}

// lookOnce makes one look, of at most the timeout.
func lookOnce(t *testing.T, cfg Config) error {
	t.Helper()
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	return p.check.look(t.Context(), cfg.Timeout)
}

// wantError compares an error with a text, empty for none.
func wantError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case err == nil && want != "":
		t.Errorf("succeeded, want %q", want)
	case err != nil && want == "":
		t.Errorf("failed: %v", err)
	case err != nil && !strings.Contains(err.Error(), want):
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestHTTPStatus(t *testing.T) {
	tests := []struct {
		name   string
		code   int
		accept []int
		want   string
	}{
		{"ok", 200, nil, ""},
		{"no content", 204, nil, ""},
		{"redirect is success and not followed", 302, nil, ""},
		{"not found", 404, nil, "status 404 Not Found"},
		{"unavailable", 503, nil, "status 503 Service Unavailable"},
		{"wanted", 401, []int{401, 403}, ""},
		{"ok is not wanted", 200, []int{401, 403}, "status 200 OK"},
		{"unknown", 599, nil, "status 599"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			paths := make(chan string, 10)
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				paths <- r.URL.Path
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(test.code)
			}))
			defer s.Close()
			wantError(t, lookOnce(t, Config{Kind: spec.ProbeHTTP, Target: s.URL + "/healthz", Status: test.accept}), test.want)
			if len(paths) != 1 || <-paths != "/healthz" {
				t.Errorf("asked for more than /healthz")
			}
		})
	}
}

func TestHTTPSendsHeaders(t *testing.T) {
	got := make(chan *http.Request, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got <- r }))
	defer s.Close()
	wantError(t, lookOnce(t, Config{
		Kind: spec.ProbeHTTP, Target: strings.Replace(s.URL, "http://", "http://me:pass@", 1) + "/a%20b?x=1",
		Header: http.Header{"x-mode": {"probe"}, "Host": {"api.example"}},
	}), "")
	r := <-got
	user, password, _ := r.BasicAuth()
	if r.Method != "GET" || r.RequestURI != "/a%20b?x=1" || r.Host != "api.example" ||
		r.Header.Get("X-Mode") != "probe" || user != "me" || password != "pass" || !r.Close {
		t.Errorf("got %s %s, host %s, %v", r.Method, r.RequestURI, r.Host, r.Header)
	}
}

func TestHTTPAnswersOfAllKinds(t *testing.T) {
	silent := func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }
	answers := func(text string) func(net.Conn) {
		return func(conn net.Conn) { head(conn); _, _ = io.WriteString(conn, text) }
	}
	tests := []struct {
		name    string
		serve   func(net.Conn)
		timeout time.Duration
		want    string
	}{
		{"hangs", silent, 50 * time.Millisecond, "no answer within 50ms"},
		{"closes at once", func(conn net.Conn) { head(conn) }, 0, "connection closed without an answer"},
		{"garbage", answers("\x00\x01\x02 my secret is 42\r\n\r\n"), 0, "the answer is not HTTP"},
		{"half a head", answers("HTTP/1.1 200 OK\r\nA: b\r\n"), 0, "connection closed without an answer"},
		{"old", answers("HTTP/1.0 200 OK\r\n\r\nhi"), 0, ""},
		{"interim", answers("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), 0, ""},
		{"interim for ever", answers(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 50)), 0, "interim answers without end"},
		{"slow head", func(conn net.Conn) {
			head(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 200")
			silent(conn)
		}, 50 * time.Millisecond, "no answer within 50ms"},
		{"endless head", func(conn net.Conn) {
			head(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
			for {
				if _, err := io.WriteString(conn, "A: "+strings.Repeat("b", 1000)+"\r\n"); err != nil {
					return
				}
			}
		}, 0, "the head of the answer is longer than 64 KiB"},
		{"endless body", func(conn net.Conn) {
			head(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
			for {
				if _, err := conn.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}, 0, ""},
		{"body that hangs", func(conn net.Conn) {
			head(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
			silent(conn)
		}, 0, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := lookOnce(t, Config{Kind: spec.ProbeHTTP, Target: "http://" + raw(t, test.serve) + "/", Timeout: test.timeout})
			wantError(t, err, test.want)
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error quotes the answer: %v", err)
			}
		})
	}
}

func TestHTTPOverTLS(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	s.Config.ErrorLog = nil
	wantError(t, lookOnce(t, Config{Kind: spec.ProbeHTTP, Target: s.URL}), "certificate refused")
	plainServer := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer plainServer.Close()
	wantError(t, lookOnce(t, Config{Kind: spec.ProbeHTTP, Target: strings.Replace(plainServer.URL, "http", "https", 1)}), "not TLS")
}

// TestHTTPLeavesNoTimeWait holds that a server can bind its port again at
// once, without SO_REUSEADDR, after it was probed.
func TestHTTPLeavesNoTimeWait(t *testing.T) {
	addr := raw(t, func(conn net.Conn) {
		head(conn)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok")
	})
	for range 5 {
		wantError(t, lookOnce(t, Config{Kind: spec.ProbeHTTP, Target: "http://" + addr}), "")
	}
	if n := timeWaits(t, addr); n > 0 {
		t.Errorf("%d connections are in TIME_WAIT on the server's port", n)
	}
}

func TestConfigMistakes(t *testing.T) {
	tests := []struct {
		name string
		cfg  Config
		want string
	}{
		{"no kind", Config{}, "there is no such kind"},
		{"bad kind", Config{Kind: "ping"}, "there is no such kind"},
		{"no url", Config{Kind: "http", Target: "/healthz"}, "no URL"},
		{"bad scheme", Config{Kind: "http", Target: "ftp://x/"}, "no URL"},
		{"bad port", Config{Kind: "http", Target: "http://x:99999/"}, "no address"},
		{"header injection", Config{Kind: "http", Target: "http://x/", Header: http.Header{"A": {"b\r\nC: d"}}}, "control character"},
		{"header name", Config{Kind: "http", Target: "http://x/", Header: http.Header{"A B": {"c"}}}, "no name of a header"},
		{"bad status", Config{Kind: "http", Target: "http://x/", Status: []int{7}}, "does not exist"},
		{"no port", Config{Kind: "tcp", Target: "localhost"}, "no address"},
		{"no grpc port", Config{Kind: "grpc", Target: "localhost/svc"}, "no address"},
		{"no command", Config{Kind: "exec"}, "no command"},
		{"no runner", Config{Kind: "exec", Argv: []string{"true"}}, "nothing to run"},
		{"bad regexp", Config{Kind: "log", Target: "("}, "compile regular expression"},
		{"live log", Config{Kind: "log", Target: "a", Failures: 3}, "cannot tell whether a unit still lives"},
		{"no socket", Config{Kind: "notify"}, "no socket"},
		{"relative file", Config{Kind: "file", Target: "ready"}, "not absolute"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := New(test.cfg)
			wantError(t, err, test.want)
		})
	}
}

func TestNameHidesCredentials(t *testing.T) {
	p, err := New(Config{Kind: "http", Target: "http://me:hunter2@127.0.0.1:80/x?token=hunter2"})
	if err != nil {
		t.Fatal(err)
	}
	if p.String() != "GET http://127.0.0.1:80/x?…" {
		t.Errorf("got %s", p)
	}
}

func TestTCP(t *testing.T) {
	accepted := make(chan struct{}, 1)
	addr := raw(t, func(net.Conn) { accepted <- struct{}{} })
	wantError(t, lookOnce(t, Config{Kind: "tcp", Target: addr}), "")
	<-accepted
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	_ = l.Close()
	wantError(t, lookOnce(t, Config{Kind: "tcp", Target: closed}), "connection refused")
	wantError(t, lookOnce(t, Config{Kind: "tcp", Target: "no-such-host.invalid:80"}), "no-such-host.invalid")
}

// TestCancelEndsALook holds that whatever a look waits for, the end of its
// context ends it at once, and leaves no goroutine (see TestMain).
func TestCancelEndsALook(t *testing.T) {
	for _, kind := range []spec.ProbeKind{"http", "grpc"} {
		t.Run(string(kind), func(t *testing.T) {
			reached := make(chan struct{})
			addr := raw(t, func(conn net.Conn) {
				_, _ = conn.Read(make([]byte, 1))
				close(reached)
				_, _ = io.Copy(io.Discard, conn)
			})
			target := addr
			if kind == "http" {
				target = "http://" + addr
			}
			p, err := New(Config{Kind: kind, Target: target, Timeout: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			cause := fmt.Errorf("enough")
			go func() { <-reached; cancel(cause) }()
			if err := p.Ready(ctx); err != cause {
				t.Errorf("got %v", err)
			}
		})
	}
}
