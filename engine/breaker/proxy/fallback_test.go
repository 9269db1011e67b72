package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
)

// switchable answers well until it is told not to.
type switchable struct{ down atomic.Bool }

func (s *switchable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.down.Load() {
		w.WriteHeader(500)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	for _, header := range r.Header["Answer-With"] {
		name, value, _ := strings.Cut(header, ": ")
		w.Header().Set(name, value)
	}
	_, _ = io.WriteString(w, `{"uri":"`+r.URL.RequestURI()+`","lang":"`+r.Header.Get("Lang")+`"}`)
}

func TestLastGood(t *testing.T) {
	s := &switchable{}
	up := upstream(t, s.ServeHTTP)
	b := newBench(t, up.URL, Policy{Rules: Rules{Fallbacks: []Fallback{{LastGood: time.Hour}}}}, breaker.Config{})
	ask := func(path string, header ...string) result { return b.do("GET", path, "", header...) }
	for _, path := range []string{"/a", "/b?x=1"} {
		ask(path)
	}
	ask("/lang", "Lang", "de", "Answer-With", "Vary: Lang")
	ask("/secret", "Authorization", "Bearer x")
	ask("/mine", "Cookie", "session=1")
	ask("/private", "Answer-With", "Cache-Control: max-age=5, Private")
	ask("/cookie", "Answer-With", "Set-Cookie: a=b")
	ask("/no-store", "Answer-With", "Cache-Control: no-store")
	b.do("POST", "/post", "x")
	s.down.Store(true)
	r := ask("/b?x=1")
	if r.status != 200 || r.body != `{"uri":"/b?x=1","lang":""}` || r.header.Get("Age") != "0" || r.header.Get("Warning") == "" ||
		r.header.Get("Content-Type") != "application/json" || r.header.Get(headerBreaker) != "demo; source=last_good; reason=failed" {
		t.Errorf("answered %+v", r)
	}
	if r := ask("/lang", "Lang", "de"); r.status != 200 || !strings.Contains(r.body, `"de"`) {
		t.Errorf("answered %+v", r)
	}
	for path, header := range map[string][]string{
		"/lang": {"Lang", "en"}, "/secret": {}, "/mine": {}, "/private": {}, "/cookie": {}, "/no-store": {}, "/never": {}, "/a": {"Authorization", "Bearer x"},
	} {
		if r := ask(path, header...); r.status == 200 {
			t.Errorf("%s %s is answered %+v", path, header, r)
		}
	}
	if r := b.do("POST", "/post", "x"); r.status == 200 {
		t.Errorf("a POST is answered %+v", r)
	}
	b.guard.Trip(time.Hour, "")
	if r := b.do("HEAD", "/a", ""); r.status != 200 || r.body != "" || r.header.Get("Content-Length") != "22" {
		t.Errorf("HEAD while open is answered %+v", r)
	}
	// What was good stays so where the policy changes.
	if err := b.proxy.Set(Policy{Rules: Rules{Timeout: time.Second, Fallbacks: []Fallback{{LastGood: time.Minute}}}}); err != nil {
		t.Fatal(err)
	}
	if r := ask("/a"); r.status != 200 || r.header.Get(headerBreaker) != "demo; source=last_good; reason=open" {
		t.Errorf("answered %+v", r)
	}
	if err := b.proxy.Set(Policy{Rules: Rules{Timeout: time.Second, Fallbacks: []Fallback{{LastGood: time.Nanosecond}}}}); err != nil {
		t.Fatal(err)
	}
	if r := ask("/a"); r.status != 503 {
		t.Errorf("too old, and answered %+v", r)
	}
}

func TestStoreIsBounded(t *testing.T) {
	s := newStore()
	r, _ := http.NewRequest("GET", "/", nil)
	for i := range 1000 {
		r.URL = &url.URL{Path: "/" + strings.Repeat("x", i%300)}
		e := newEntry(r, http.Header{})
		e.body = make([]byte, maxEntry)
		s.put(e)
	}
	n, size := 0, 0
	for _, list := range s.all {
		for _, e := range list {
			n, size = n+1, size+e.cost()
		}
	}
	if s.size > maxStore || size != s.size || n != s.order.Len() || n < 100 {
		t.Errorf("%d entries of %d bytes, counted %d and %d", n, size, s.order.Len(), s.size)
	}
}

// The first one that can answer does.
func TestFallbacksInOrder(t *testing.T) {
	s := &switchable{}
	s.down.Store(true)
	up := upstream(t, s.ServeHTTP)
	path := filepath.Join(t.TempDir(), "sorry.html")
	works := false
	run := func(_ context.Context, variables []string) ([]byte, error) {
		if !works {
			return nil, errors.New("exit status 1")
		}
		return []byte(strings.Join(variables, "\n")), nil
	}
	b := newBench(t, up.URL, Policy{Rules: Rules{Fallbacks: []Fallback{{LastGood: time.Hour}, {File: path}, {Command: run}, {Status: 418, Body: `{"tea":true}`}}}}, breaker.Config{})
	if r := b.do("GET", "/x", ""); r.status != 418 || r.body != `{"tea":true}` || r.header.Get("Content-Type") != "application/json" {
		t.Errorf("answered %+v", r)
	}
	works = true
	if r := b.do("GET", "/x?y", ""); r.status != 200 || r.body != "REQUEST_METHOD=GET\nREQUEST_URI=/x?y\nBREAKER_REASON=failed\nBREAKER_DETAIL=the upstream answered 500" {
		t.Errorf("answered %+v", r)
	}
	if err := os.WriteFile(path, []byte("<p>sorry"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := b.do("GET", "/x", ""); r.status != 200 || r.body != "<p>sorry" || !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") || r.header.Get(headerBreaker) != "demo; source=file; reason=failed" {
		t.Errorf("answered %+v", r)
	}
	b.calls.Wait()
	if n := b.proxy.Numbers().Fallbacks; n["status"] != 1 || n["command"] != 1 || n["file"] != 1 {
		t.Errorf("counted %v", n)
	}
}

func TestOtherUpstream(t *testing.T) {
	arrived := make(chan struct{})
	first := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hang":
			close(arrived)
			<-r.Context().Done()
		case "/read":
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(500)
		}
	})
	second := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, _, _ := r.BasicAuth()
		_, _ = io.WriteString(w, "second "+r.Method+" "+r.URL.RequestURI()+" "+string(body)+user)
	})
	target, _ := url.Parse(first.URL)
	target.User = url.UserPassword("first", "secret")
	other, _ := url.Parse(second.URL + "/base")
	otherGuard := guard(t, breaker.Config{Rule: breaker.Rule{Failures: 1}})
	b := newBench(t, target.String(), Policy{Rules: Rules{
		Timeout: 100 * time.Millisecond, Fallbacks: []Fallback{{Upstream: other, Guard: otherGuard}, {Status: 503}},
	}}, breaker.Config{Rule: breaker.Rule{Failures: 100}})
	want := func(method, path, body, answer string, status int) {
		t.Helper()
		if r := b.do(method, path, body); r.status != status || r.body != answer {
			t.Errorf("answered %+v, want %q", r, answer)
		}
	}
	want("GET", "/hang", "", "second GET /base/hang ", 200)
	<-arrived
	want("POST", "/read", "data", "second POST /base/read data", 200)
	want("POST", "/read", strings.Repeat("data", 20_000), "", 503) // too long to be kept
	b.guard.Trip(time.Hour, "")
	want("POST", "/x?y=1", "data", "second POST /base/x?y=1 data", 200)
	otherGuard.Trip(time.Hour, "")
	want("POST", "/x", "data", "", 503)
	otherGuard.Reset("")
	second.Close()
	b.proxy.Close() // a connection that was just closed would be neutral
	want("POST", "/x", "data", "", 503)
	if s := otherGuard.Snapshot(); s.State != breaker.Open || s.Numbers.Failures != 1 || s.Numbers.InFlight != 0 {
		t.Errorf("the other guard: %+v", s)
	}
	first.Close()
	b.guard.Reset("")
	otherGuard.Reset("")
	want("POST", "/x", "data", "", 503)
}
