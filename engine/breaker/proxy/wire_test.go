package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
)

// rawUpstream serves each connection by hand, until the test ends.
func rawUpstream(t *testing.T, serve func(c net.Conn, r *bufio.Reader)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				_ = c.SetDeadline(time.Now().Add(20 * time.Second))
				serve(c, bufio.NewReader(c))
				_ = c.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		serving.Wait()
	})
	return "http://" + l.Addr().String()
}

// raw sends bytes to the proxy and returns all that comes back, and the error
// that it ended with: nil where the connection was closed in order.
func (b *bench) raw(request string) (string, error) {
	b.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		return "", err
	}
	text, err := io.ReadAll(c)
	return string(text), err
}

// Headers that are between two neighbours stay there, all others pass, and
// those who forwarded are named.
func TestHeaders(t *testing.T) {
	var got http.Header
	var host, uri string
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		got, host, uri = r.Header.Clone(), r.Host, r.URL.RequestURI()
		h := w.Header()
		h.Set("Connection", "X-Secret")
		h.Set("X-Secret", "1")
		h.Set("Keep-Alive", "timeout=5")
		h.Set("Proxy-Authenticate", "Basic")
		h["X-Two"] = []string{"a", "b"}
		h.Set("Server", "theirs")
	})
	b := newBench(t, up.URL+"/base/", Policy{}, breaker.Config{})
	text, err := b.raw("GET /a;b/%2e%2e?x=1;y=%zz HTTP/1.1\r\nHost: shop.example\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers, deflate\r\n" +
		"Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic x\r\nX-Forwarded-Host: first.example\r\nForwarded: for=10.0.0.1\r\nX-Two: a\r\nX-Two: b\r\nAccept-Encoding: gzip\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, hop := range []string{"Connection", "X-Hop", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "User-Agent"} {
		if got[hop] != nil {
			t.Errorf("the upstream got %s: %v", hop, got[hop])
		}
	}
	want := http.Header{
		"Te": {"trailers"}, "X-Two": {"a", "b"}, "Accept-Encoding": {"gzip"}, "Forwarded": {"for=10.0.0.1"},
		"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Host": {"first.example"}, "X-Forwarded-Proto": {"http"},
	}
	if !maps.EqualFunc(got, want, slices.Equal[[]string]) {
		t.Errorf("the upstream got %v, want %v", got, want)
	}
	if host != strings.TrimPrefix(up.URL, "http://") || uri != "/base/a;b/%2e%2e?x=1;y=%zz" {
		t.Errorf("the upstream is asked for %s at %s", uri, host)
	}
	res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text)), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, hop := range []string{"X-Secret", "Keep-Alive", "Proxy-Authenticate"} {
		if res.Header[hop] != nil {
			t.Errorf("the client got %s: %v", hop, res.Header[hop])
		}
	}
	if len(res.Header["X-Two"]) != 2 || res.Header.Get("Server") != "theirs" {
		t.Errorf("the client got %v", res.Header)
	}

	policy := Policy{PreserveHost: true, Rules: Rules{Timeout: time.Second}}
	if err := b.proxy.Set(policy); err != nil {
		t.Fatal(err)
	}
	if _, err := b.raw("GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n"); err != nil || host != "shop.example" {
		t.Errorf("preserved, the host is %s: %v", host, err)
	}
}

// Trailers pass both ways, announced or not, over HTTP/1.1 and HTTP/2.
func TestTrailers(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Sum")
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s, %v", body, r.Trailer)
		w.Header().Set("Sum", "42")
		w.Header().Set(http.TrailerPrefix+"Late", "yes")
	})
	for _, policy := range []Policy{{}, retrying(2, nil)} {
		b := newBench(t, up.URL, policy, breaker.Config{})
		h2 := &http.Transport{Protocols: new(http.Protocols)}
		h2.Protocols.SetUnencryptedHTTP2(true)
		for name, client := range map[string]http.RoundTripper{"HTTP/1.1": b.client.Transport, "HTTP/2": h2} {
			req, _ := http.NewRequest("PUT", b.url, struct{ io.Reader }{strings.NewReader("body")})
			req.Trailer = http.Header{"Checksum": {"7"}}
			res, err := client.RoundTrip(req)
			if err != nil {
				t.Fatal(name, err)
			}
			text, err := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if string(text) != "body, map[Checksum:[7]]" || err != nil || res.Trailer.Get("Sum") != "42" || res.Trailer.Get("Late") != "yes" {
				t.Errorf("%s: got %q, %v, trailers %v", name, text, err, res.Trailer)
			}
		}
		h2.CloseIdleConnections()
		b.counted(2, 0, 0)
	}
}

// What comes before the answer proper passes too.
func TestEarlyHints(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		for _, link := range []string{"</a.css>", "</b.css>"} {
			w.Header().Set("Link", link)
			w.WriteHeader(http.StatusEarlyHints)
		}
		w.Header().Del("Link")
		_, _ = io.WriteString(w, "page")
	})
	b := newBench(t, up.URL, Policy{}, breaker.Config{})
	var hints []string
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		hints = append(hints, fmt.Sprint(code, h["Link"]))
		return nil
	}})
	req, _ := http.NewRequestWithContext(ctx, "GET", b.url, nil)
	res, err := b.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if string(text) != "page" || res.Header["Link"] != nil || fmt.Sprint(hints) != "[103 [</a.css>] 103 [</b.css>]]" {
		t.Errorf("got %q, %v after %v", text, res.Header, hints)
	}
}

// A client that waits for 100 Continue sends its body once the upstream wants
// it, and not where that answers at once.
func TestExpectContinue(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refused" {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	})
	b := newBench(t, up.URL, Policy{}, breaker.Config{})
	for path, want := range map[string]string{"/": "HTTP/1.1 100", "/refused": "HTTP/1.1 413"} {
		c, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		_, _ = io.WriteString(c, "POST "+path+" HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
		r := bufio.NewReader(c)
		line, err := r.ReadString('\n')
		if !strings.HasPrefix(line, want) || err != nil {
			t.Errorf("%s: got %q, %v", path, line, err)
		}
		if path == "/" {
			_, _ = io.WriteString(c, "hello")
			if _, err := r.ReadString('\n'); err != nil { // the empty line
				t.Error(err)
			}
			res, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(res.Body); string(text) != "hello" || err != nil {
				t.Errorf("got %q, %v", text, err)
			}
		}
		_ = c.Close()
	}
	b.counted(2, 0, 0)
}

// An answer that begins before the request has ended reaches the client, and
// the rest of the request the upstream.
func TestEarlyAnswer(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		lines := bufio.NewReader(r.Body)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			_, _ = io.WriteString(w, "echo "+line)
			_ = http.NewResponseController(w).Flush()
		}
	})
	b := newBench(t, up.URL, Policy{}, breaker.Config{})
	r, w := io.Pipe()
	res := make(chan *http.Response, 1)
	go func() {
		got, err := b.client.Post(b.url, "text/plain", r)
		if err != nil {
			t.Error(err)
		}
		res <- got
	}()
	_, _ = io.WriteString(w, "0\n")
	got := <-res
	if got == nil {
		return
	}
	lines := bufio.NewReader(got.Body)
	for i := range 3 {
		if line, err := lines.ReadString('\n'); line != fmt.Sprintf("echo %d\n", i) {
			t.Fatalf("got %q, %v", line, err)
		}
		_, _ = fmt.Fprintf(w, "%d\n", i+1)
	}
	_ = w.Close()
	rest, err := io.ReadAll(lines)
	_ = got.Body.Close()
	if string(rest) != "echo 3\n" || err != nil {
		t.Errorf("got %q, %v", rest, err)
	}
	b.counted(1, 0, 0)
}

// An upload that the upstream does not want ends with its answer.
func TestRefusedUpload(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		_, _ = io.WriteString(w, "too much")
	})
	b := newBench(t, up.URL, Policy{}, breaker.Config{})
	res, err := b.client.Post(b.url, "application/octet-stream", bytes.NewReader(make([]byte, 200<<10)))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge || string(text) != "too much" || err != nil {
		t.Errorf("answered %d %q, %v", res.StatusCode, text, err)
	}
	b.counted(1, 0, 0)
}

// The answer to HEAD has a length and no body, and the connection goes on.
func TestHead(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		if r.Method != "HEAD" {
			_, _ = io.WriteString(w, strings.Repeat("x", 1000))
		}
	})
	b := newBench(t, up.URL, Policy{}, breaker.Config{})
	for range 2 {
		if r := b.do("HEAD", "/", ""); r.status != 200 || r.body != "" || r.header.Get("Content-Length") != "1000" || r.err != nil {
			t.Errorf("answered %+v", r)
		}
		if r := b.do("GET", "/", ""); len(r.body) != 1000 || r.err != nil {
			t.Errorf("answered %+v", r)
		}
	}
	b.counted(4, 0, 0)
}

// Whatever a connection is upgraded to, both ways stay open, and each can end
// before the other.
func TestUpgrade(t *testing.T) {
	url := rawUpstream(t, func(c net.Conn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil || req.Header.Get("Upgrade") != "tarantella/2" {
			t.Errorf("got %v, %v", req, err)
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tarantella/2\r\n\r\nfirst ")
		_, _ = io.Copy(c, r) // until the client has no more
		_, _ = io.WriteString(c, " last")
	})
	b := newBench(t, url, Policy{Rules: Rules{Timeout: time.Second, CallTimeout: time.Minute}}, breaker.Config{})
	c, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tarantella/2\r\n\r\n")
	r := bufio.NewReader(c)
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != 101 || res.Header.Get("Upgrade") != "tarantella/2" {
		t.Fatalf("answered %v, %v", res, err)
	}
	_, _ = io.WriteString(c, "dance")
	_ = c.(*net.TCPConn).CloseWrite()
	if text, err := io.ReadAll(r); string(text) != "first dance last" || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
	b.counted(1, 0, 0)
}

// What either side sends before the other may expect it is there afterwards:
// behind the request, before the upstream has agreed, and behind its answer.
func TestUpgradeLosesNothing(t *testing.T) {
	url := rawUpstream(t, func(c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"+strings.Repeat("early ", 2000))
		_, _ = io.Copy(c, r)
	})
	b := newBench(t, url, Policy{}, breaker.Config{})
	for _, size := range []int{1, 1000, 100_000} {
		c, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"+strings.Repeat("x", size))
		}()
		r := bufio.NewReader(c)
		if res, err := http.ReadResponse(r, nil); err != nil || res.StatusCode != 101 {
			t.Fatalf("answered %v, %v", res, err)
		}
		go func() {
			<-sent
			_ = c.(*net.TCPConn).CloseWrite()
		}()
		if text, err := io.ReadAll(r); string(text) != strings.Repeat("early ", 2000)+strings.Repeat("x", size) || err != nil {
			t.Errorf("of %d bytes sent early %d came back, %v", size, len(text)-12000, err)
		}
		_ = c.Close()
	}
	b.counted(3, 0, 0)
}

// gRPC-Web is no gRPC: it goes over HTTP/1.1 as it came.
func TestGRPCWeb(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc-web+proto")
		_, _ = io.WriteString(w, r.Proto)
	})
	b := newBench(t, up.URL, Policy{}, breaker.Config{})
	if r := b.do("POST", "/pkg.Service/Method", "x", "Content-Type", "application/grpc-web+proto"); r.body != "HTTP/1.1" || r.status != 200 {
		t.Errorf("answered %+v", r)
	}
}
