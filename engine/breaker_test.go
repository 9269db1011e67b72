package engine

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/event"
	"github.com/syndicate/syndicate/spec"
)

// breaker declares one before a target.
func (tr *trial) breaker(name, target string, change func(*spec.Breaker)) *spec.Breaker {
	b := &spec.Breaker{
		Block:  spec.Block{Addr: spec.Addr{Kind: spec.KindBreaker, Name: name}, Critical: true},
		Target: spec.Known(spec.Plain(target)),
		BreakerPolicy: spec.BreakerPolicy{
			Failures: 2, ResetTimeout: spec.Duration(time.Hour), HalfOpen: spec.HalfOpen{Calls: 1, Successes: 1},
		},
		CallRules: spec.DefaultCallRules(),
	}
	if change != nil {
		change(b)
	}
	tr.sys.Breakers = append(tr.sys.Breakers, b)
	return b
}

// ask calls a URL and returns the status, who answered and the body.
func ask(t *testing.T, url string) (int, string, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	defer http.DefaultClient.CloseIdleConnections()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header.Get("X-Syndicate-Breaker"), string(text)
}

func TestBreaker(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) }))
	defer up.Close()
	tr := newTrial(t)
	b := tr.breaker("up", strings.Replace(up.URL, "http://", "http://me:swordfish@", 1), func(b *spec.Breaker) {
		b.Fallbacks = []spec.Fallback{
			{Argv: []spec.Expr[string]{spec.Known("sh"), spec.Known("-c"), spec.Known("echo $BREAKER_REASON; echo no >&2; exit 0")}, Dir: tr.sys.Dir},
			{Status: 418, Body: spec.Known("sorry")},
		}
	})
	tr.up()
	tr.until("breaker.up", Ready, 1)
	st := tr.status("breaker.up")
	for range 2 {
		if code, source, body := ask(t, st.URL); code != 200 || source != "up; source=command; reason=failed" || body != "failed\n" {
			t.Fatalf("answered %d, %s, %q", code, source, body)
		}
	}
	if _, source, _ := ask(t, st.URL); source != "up; source=command; reason=open" {
		t.Errorf("answered by %s", source)
	}
	st = tr.status("breaker.up")
	if s := st.Breaker; s == nil || s.State != "open" || s.Opened != 1 || s.Rejected != 1 || len(s.Failures) != 2 || s.Fallbacks["command"] != 3 || strings.Contains(s.Target, "swordfish") {
		t.Errorf("the status says %+v", st.Breaker)
	}
	opened := tr.until("breaker.up", "open", 1)
	if opened.Kind != event.Breaker || !strings.HasPrefix(opened.Cause, "2 failures in a row, the last: 503") || !strings.Contains(opened.Cause, "; before it: 503 after ") {
		t.Errorf("the event is %+v", opened)
	}

	// What changes in place leaves the state, and the listener.
	next := *b
	next.Fallbacks = b.Fallbacks[1:]
	sys := *tr.sys
	sys.Breakers = []*spec.Breaker{&next}
	if _, err := tr.engine.Apply(t.Context(), Request{System: &sys, Plan: building(), By: "a test"}); err != nil {
		t.Fatal(err)
	}
	for {
		code, source, _ := ask(t, st.URL)
		if source == "up; source=status; reason=open" && code == 418 {
			break
		}
		if source != "up; source=command; reason=open" {
			t.Fatalf("answered %d by %s", code, source)
		}
	}

	// Another target has done nothing yet.
	well := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "well") }))
	defer well.Close()
	other := next
	other.Target = spec.Known(spec.Plain(well.URL))
	sys.Breakers = []*spec.Breaker{&other}
	if _, err := tr.engine.Apply(t.Context(), Request{System: &sys, Plan: building(), By: "a test"}); err != nil {
		t.Fatal(err)
	}
	for {
		code, _, body := ask(t, st.URL)
		if code == 200 && body == "well" {
			break
		}
		if code != 418 {
			t.Fatalf("answered %d, %q", code, body)
		}
	}
}

func TestBreakerOfConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "hello")
			_ = c.Close()
		}
	}()
	tr := newTrial(t)
	tr.breaker("up", "tcp://"+l.Addr().String(), nil)
	tr.up()
	tr.until("breaker.up", Ready, 1)
	st := tr.status("breaker.up")
	if st.URL != "tcp://127.0.0.1:"+strconv.Itoa(st.Port) {
		t.Errorf("its url is %s", st.URL)
	}
	c, err := net.Dial("tcp", strings.TrimPrefix(st.URL, "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(c)
	_ = c.Close()
	if string(text) != "hello" || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
}

// Another target takes the calls that come from then on. Nobody is refused
// meanwhile, and a call that is under way comes to its end.
func TestBreakerTakesAnotherTarget(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	before := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(arrived)
			<-release
		}
		_, _ = io.WriteString(w, "before")
	}))
	defer before.Close()
	after := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "after") }))
	defer after.Close()
	tr := newTrial(t)
	b := tr.breaker("up", before.URL, nil)
	tr.up()
	tr.until("breaker.up", Ready, 1)
	st := tr.status("breaker.up")
	slow := make(chan string)
	go func() {
		res, err := http.Get(st.URL + "/slow")
		if err != nil {
			slow <- err.Error()
			return
		}
		defer func() { _ = res.Body.Close() }()
		text, _ := io.ReadAll(res.Body)
		slow <- string(text)
	}()
	<-arrived
	next := *b
	next.Target = spec.Known(spec.Plain(after.URL))
	sys := *tr.sys
	sys.Breakers = []*spec.Breaker{&next}
	if _, err := tr.engine.Apply(t.Context(), Request{System: &sys, Plan: building(), By: "a test"}); err != nil {
		t.Fatal(err)
	}
	for body := ""; body != "after"; { // whoever is refused ends the test
		if _, _, body = ask(t, st.URL); body != "after" && body != "before" {
			t.Fatalf("answered %q", body)
		}
	}
	close(release)
	if text := <-slow; text != "before" {
		t.Errorf("the call under way got %q", text)
	}
	if now := tr.status("breaker.up"); !now.Started.Equal(st.Started) {
		t.Errorf("its run began at %s, and before at %s", now.Started, st.Started)
	}
}

// Whatever was saved, a breaker goes on from it or begins anew.
func TestBreakerIsResumed(t *testing.T) {
	for _, saved := range []string{"", "nonsense", `{"state":"open","since":"2020-01-01T00:00:00Z"}`, `{"mode":"open","state":"closed"}`} {
		tr := newTrial(t)
		tr.breaker("up", "http://127.0.0.1:1", nil)
		tr.guards = map[string][]byte{"breaker.up": []byte(saved)}
		tr.up()
		tr.until("breaker.up", Ready, 1)
		st := tr.status("breaker.up")
		want := "auto"
		if strings.Contains(saved, "mode") {
			want = "open"
		}
		if st.Breaker.Mode != want || st.Breaker.State == "open" {
			t.Errorf("from %q it is %+v", saved, st.Breaker)
		}
	}
}

// Routes, retries and bounds that are declared are in force, and those that
// change are so in place.
func TestBreakerOfRoutes(t *testing.T) {
	asked := atomic.Int32{}
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1)%2 == 1 {
			w.WriteHeader(503)
			return
		}
		_, _ = io.WriteString(w, "well")
	}))
	defer up.Close()
	tr := newTrial(t)
	b := tr.breaker("up", up.URL, func(b *spec.Breaker) {
		b.Failures, b.Of = 2, 100
		once := spec.DefaultCallRules()
		b.Retry = &spec.CallRetry{
			Retry: spec.Retry{Attempts: 2, Backoff: spec.DefaultBackoff}, Methods: []string{"GET"}, Status: []spec.StatusRange{{From: 503, To: 503}}, MinPerSecond: 1,
		}
		b.Retry.Delay = spec.Duration(time.Millisecond)
		b.Routes = []spec.Route{{Pattern: "/once", CallRules: once}, {Pattern: "/free", Exclude: true, CallRules: once}}
	})
	tr.up()
	tr.until("breaker.up", Ready, 1)
	st := tr.status("breaker.up")
	for path, want := range map[string]int{"/free": 503, "/": 200} {
		asked.Store(0)
		if code, source, _ := ask(t, st.URL+path); code != want {
			t.Errorf("%s is answered %d by %s", path, code, source)
		}
	}
	if s := tr.status("breaker.up").Breaker; s.Retries != 1 || s.State != "closed" || s.Calls != 2 {
		t.Errorf("the status says %+v", s)
	}
	// What tells failures from successes is another thing now: the failure
	// of before is none any more.
	next := *b
	next.FailureStatus = []spec.StatusRange{{From: 503, To: 504}}
	next.Routes = b.Routes[:1]
	sys := *tr.sys
	sys.Breakers = []*spec.Breaker{&next}
	if _, err := tr.engine.Apply(t.Context(), Request{System: &sys, Plan: building(), By: "a test"}); err != nil {
		t.Fatal(err)
	}
	asked.Store(0)
	if code, _, _ := ask(t, st.URL+"/once"); code != 503 {
		t.Errorf("answered %d", code)
	}
	if s := tr.status("breaker.up").Breaker; s.State != "closed" {
		t.Errorf("the status says %+v", s)
	}
	asked.Store(0)
	if code, _, _ := ask(t, st.URL+"/once"); code != 503 || tr.status("breaker.up").Breaker.State != "open" {
		t.Errorf("answered %d, the status says %+v", code, tr.status("breaker.up").Breaker)
	}
}
