package proxy

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
)

// Upstreams with TLS are met over HTTP/2 where they can, with the authorities,
// the certificate and the name that are declared.
func TestTLS(t *testing.T) {
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s %s %d", r.Proto, r.TLS.ServerName, len(r.TLS.PeerCertificates))
	}))
	ca := newAuthority(t)
	up.TLS = ca.server(t, "up.internal")
	up.EnableHTTP2 = true
	up.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are to fail
	up.StartTLS()
	t.Cleanup(up.Close)
	cert, key := ca.files(t, "client")
	with := &TLS{Authorities: ca.pem, CertFile: cert, KeyFile: key, ServerName: "up.internal"}
	b := newBench(t, up.URL, Policy{TLS: with}, breaker.Config{})
	if r := b.do("GET", "/", ""); r.body != "HTTP/2.0 up.internal 1" {
		t.Errorf("answered %+v", r)
	}
	for name, other := range map[string]*TLS{
		"another authority": nil, "another name": {Authorities: ca.pem, CertFile: cert, KeyFile: key, ServerName: "down.internal"},
		"no certificate": {Authorities: ca.pem, ServerName: "up.internal"},
	} {
		if err := b.proxy.Set(Policy{Rules: Rules{Timeout: 20 * time.Second}, TLS: other}); err != nil {
			t.Fatal(err)
		}
		if r := b.do("GET", "/", ""); r.status != 502 {
			t.Errorf("%s: answered %+v", name, r)
		}
	}
	if err := b.proxy.Set(Policy{Rules: Rules{Timeout: 20 * time.Second}, TLS: &TLS{Authorities: []byte("none")}}); err == nil {
		t.Error("what is no certificate is taken")
	}
	if err := b.proxy.Set(Policy{Rules: Rules{Timeout: 20 * time.Second}, TLS: &TLS{CertFile: "/nowhere", KeyFile: "/nowhere"}}); err == nil {
		t.Error("a file that is not there is taken")
	}
	b.counted(1, 3, 0)
}

// The rules of a route hold for its calls and no others.
func TestRoutes(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		var status int
		if _, err := fmt.Sscan(r.Header.Get("Answer"), &status); err == nil {
			w.WriteHeader(status)
			return
		}
		<-r.Context().Done()
	})
	policy := Policy{
		Rules: Rules{Timeout: time.Minute, Fallbacks: []Fallback{{Status: 418}}, Failure: Statuses{{500, 599}}, Neutral: Statuses{{404, 404}}},
		Routes: []Route{
			{Pattern: "GET /fast/{id}", Rules: Rules{Timeout: 50 * time.Millisecond, Failure: Statuses{{400, 403}}, Fallbacks: []Fallback{{Status: 419}}}},
			{Pattern: "/fast/", Rules: Rules{Timeout: 50 * time.Millisecond}},
			{Pattern: "/healthz", Exclude: true, Rules: Rules{Timeout: time.Minute}},
		},
	}
	b := newBench(t, up.URL, policy, breaker.Config{Rule: breaker.Rule{Failures: 100}})
	for _, test := range []struct {
		method, path, answer string
		status               int
	}{
		{"GET", "/", "200", 200}, {"GET", "/", "500", 418}, {"GET", "/", "404", 404}, {"GET", "/", "400", 400},
		{"GET", "/fast/1", "", 419}, {"GET", "/fast/1", "400", 419}, {"GET", "/fast/1", "500", 500},
		{"POST", "/fast/1", "", 504}, {"GET", "/fast/a/b", "", 504}, {"GET", "//fast/../fast/1", "400", 419},
		{"GET", "/healthz", "500", 500}, {"GET", "/healthz", "200", 200},
	} {
		if r := b.do(test.method, test.path, "", "Answer", test.answer); r.status != test.status {
			t.Errorf("%s %s: answered %+v, want %d", test.method, test.path, r, test.status)
		}
	}
	b.counted(3, 6, 1)
	b.guard.Trip(time.Hour, "")
	if r := b.do("GET", "/healthz", "", "Answer", "200"); r.status != 200 {
		t.Errorf("while it is open: answered %+v", r)
	}
	if r := b.do("GET", "/fast/1", "", "Answer", "200"); r.status != 419 {
		t.Errorf("while it is open: answered %+v", r)
	}
}

// A route may be slow where the rest may not.
func TestSlowRoute(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		<-time.After(2 * time.Millisecond) // what is too slow for the rest
	})
	policy := Policy{Routes: []Route{{Pattern: "/slow", Rules: Rules{Timeout: time.Minute, SlowCall: time.Minute}}}}
	b := newBench(t, up.URL, policy, breaker.Config{SlowCall: time.Millisecond})
	b.do("GET", "/", "")
	b.do("GET", "/slow", "")
	b.counted(1, 1, 0)
	if n := b.guard.Snapshot().Numbers; n.Slow != 1 {
		t.Errorf("%d were slow", n.Slow)
	}
}

// A call has its time in all, whoever takes it.
func TestCallTimeout(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/silent":
			<-r.Context().Done()
		case "/upload":
			_, _ = io.Copy(io.Discard, r.Body)
		case "/drip":
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, "drop\n")
				_ = http.NewResponseController(w).Flush()
				select {
				case <-r.Context().Done():
				case <-time.After(5 * time.Millisecond):
				}
			}
		case "/flood":
			for r.Context().Err() == nil {
				_, _ = w.Write(make([]byte, 1<<20))
			}
		}
	})
	b := newBench(t, up.URL, Policy{Rules: Rules{CallTimeout: 100 * time.Millisecond}}, breaker.Config{})
	if r := b.do("GET", "/silent", ""); r.status != 504 || !strings.Contains(r.body, "did not end within 100ms") {
		t.Errorf("answered %+v", r)
	}
	if r := b.do("GET", "/drip", ""); r.status != 200 || r.err == nil || !strings.HasPrefix(r.body, "drop\n") {
		t.Errorf("answered %+v", r)
	}
	b.counted(0, 2, 0)
	// It was the client's turn: to send, and to read.
	never, end := io.Pipe()
	res, err := b.client.Post(b.url+"/upload", "text/plain", never)
	if err != nil || res.StatusCode != 504 {
		t.Errorf("answered %v, %v", res, err)
	}
	_ = end.Close()
	if err == nil {
		_ = res.Body.Close()
	}
	b.counted(0, 2, 1)
	// By then all that lies between has filled.
	if err := b.proxy.Set(Policy{Rules: Rules{Timeout: 20 * time.Second, CallTimeout: 2 * time.Second}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", b.url+"/flood", nil)
	if res, err = b.client.Do(req); err != nil {
		t.Fatal(err)
	}
	b.counted(0, 2, 2) // and its handler has ended, though nobody has read
	if _, err := io.Copy(io.Discard, res.Body); err == nil {
		t.Error("the client sees a whole answer")
	}
	_ = res.Body.Close()
}
