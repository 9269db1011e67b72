package proxy

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
)

// nowhere is a client that wants no answer.
type nowhere struct{ header http.Header }

func (w nowhere) Header() http.Header         { return w.header }
func (w nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (w nowhere) WriteHeader(int)             {}

// Refusals are made once and shared: what they say goes on being true.
func TestRefusalsAreCurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guard(t, breaker.Config{})
		p, err := NewHTTP(HTTPConfig{Name: "up", Target: &url.URL{Scheme: "http", Host: "127.0.0.1:1"}, Guard: g, Policy: Policy{Rules: Rules{Timeout: time.Second}}})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		ask := func(method string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			p.ServeHTTP(w, httptest.NewRequest(method, "/", nil))
			return w
		}
		g.Trip(time.Minute, "")
		for _, after := range []string{"60", "59", "58"} {
			for range 2 {
				w := ask(http.MethodGet)
				if got := w.Header().Get("Retry-After"); w.Code != 503 || got != after || !strings.Contains(w.Body.String(), `"retry_after_seconds":`+after) {
					t.Errorf("answered %d, Retry-After %s: %s", w.Code, got, w.Body)
				}
			}
			if w := ask(http.MethodHead); w.Body.Len() != 0 || w.Header().Get("Content-Length") == "0" {
				t.Errorf("HEAD was answered with %d bytes, Content-Length %s", w.Body.Len(), w.Header().Get("Content-Length"))
			}
			time.Sleep(time.Second)
		}
		g.Force(breaker.ForcedOpen, "")
		if w := ask(http.MethodGet); w.Header().Get("Retry-After") != "" || !strings.Contains(w.Body.String(), "it is forced open") {
			t.Errorf("forced open it says %v: %s", w.Header(), w.Body)
		}
	})
}

// BenchmarkRefused is what refusing a call costs beyond net/http.
func BenchmarkRefused(b *testing.B) {
	g, err := breaker.New(breaker.Config{})
	if err != nil {
		b.Fatal(err)
	}
	p, err := NewHTTP(HTTPConfig{Name: "up", Target: &url.URL{Scheme: "http", Host: "127.0.0.1:1"}, Guard: g, Policy: Policy{Rules: Rules{Timeout: time.Second}}})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	g.Trip(time.Hour, "")
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	w := nowhere{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		p.ServeHTTP(w, r)
	}
}
