package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/syndicate/syndicate/engine/breaker"
)

// retrying is a policy that tries so often, without long waits.
func retrying(attempts int, change func(*Retry)) Policy {
	r := &Retry{
		Attempts: attempts, Delay: time.Millisecond, MaxDelay: 100 * time.Millisecond, Factor: 2, Jitter: 0.5,
		Methods: []string{"GET", "PUT"}, Status: Statuses{{502, 504}}, GRPC: []int{grpcUnavailable},
		Budget: 0.2, MinPerSecond: 10, MaxBody: 1 << 10,
	}
	if change != nil {
		change(r)
	}
	return Policy{Rules: Rules{Retry: r}}
}

// flaky fails so many times, and then echoes.
type flaky struct {
	fail   int32
	asked  atomic.Int32
	answer func(http.ResponseWriter)
}

func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if f.asked.Add(1) <= f.fail {
		f.answer(w)
		return
	}
	_, _ = w.Write(body)
}

func TestRetries(t *testing.T) {
	unavailable := func(w http.ResponseWriter) { w.WriteHeader(503) }
	after := func(header string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", header)
			w.WriteHeader(503)
		}
	}
	abort := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	large := strings.Repeat("x", 2<<10)
	for _, test := range []struct {
		name, method, body string
		header             []string
		fail               int32
		answer             func(http.ResponseWriter)
		status             int
		asked              int32
	}{
		{"well at once", "GET", "", nil, 0, nil, 200, 1},
		{"well at last", "GET", "", nil, 2, unavailable, 200, 3},
		{"never well", "GET", "", nil, 5, unavailable, 503, 3},
		{"with its body", "PUT", "body", nil, 2, unavailable, 200, 3},
		{"with a body too large", "PUT", large, nil, 2, unavailable, 503, 1},
		{"what must not be done twice", "POST", "body", nil, 2, unavailable, 503, 1},
		{"what its client allows", "POST", "body", []string{"Idempotency-Key", "1"}, 2, unavailable, 200, 3},
		{"after a reset", "GET", "", nil, 2, abort, 200, 3},
		{"a POST after a reset", "POST", "body", nil, 2, abort, 502, 1},
		{"another failure", "GET", "", nil, 2, func(w http.ResponseWriter) { w.WriteHeader(500) }, 500, 1},
		{"no failure", "GET", "", nil, 2, func(w http.ResponseWriter) { w.WriteHeader(404) }, 404, 1},
		{"not before the upstream wants it", "GET", "", nil, 1, after("1"), 503, 1},
		{"at once if the upstream likes", "GET", "", nil, 1, after("0"), 200, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &flaky{fail: test.fail, answer: test.answer}
			b := newBench(t, upstream(t, f.ServeHTTP).URL, retrying(3, nil), breaker.Config{})
			r := b.do(test.method, "/", test.body, test.header...)
			if r.status != test.status || r.err != nil || f.asked.Load() != test.asked || r.status == 200 && r.body != test.body {
				t.Errorf("answered %+v after %d attempts, want %d after %d", r, f.asked.Load(), test.status, test.asked)
			}
			want := "demo; source=upstream"
			if test.asked > 1 {
				want += fmt.Sprintf("; attempts=%d", test.asked)
			}
			if test.status != 502 && r.header.Get(headerBreaker) != want {
				t.Errorf("marked %q, want %q", r.header.Get(headerBreaker), want)
			}
			n := b.settled()
			if total := n.Successes + n.Failures + n.Neutral; total != uint64(test.asked) || n.InFlight != 0 {
				t.Errorf("the guard counted %+v", n)
			}
			if n := b.proxy.Numbers(); n.Retries != uint64(test.asked-1) {
				t.Errorf("counted %+v", n)
			}
		})
	}
}

// A call that found nobody there did nothing, whatever it is.
func TestRetriesWhereNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	b := newBench(t, "http://"+l.Addr().String(), retrying(3, nil), breaker.Config{})
	if r := b.do("POST", "/", strings.Repeat("x", 100_000)); r.status != 502 {
		t.Errorf("answered %+v", r)
	}
	b.counted(0, 3, 0)
}

// The breaker has the last word: what opens it ends the attempts, and those
// of a trial are not repeated.
func TestRetriesEndWithTheGuard(t *testing.T) {
	f := &flaky{fail: 100, answer: func(w http.ResponseWriter) { w.WriteHeader(503) }}
	up := upstream(t, f.ServeHTTP)
	b := newBench(t, up.URL, retrying(10, nil), breaker.Config{Rule: breaker.Rule{Failures: 2}, ResetTimeout: time.Hour})
	if r := b.do("GET", "/", ""); r.status != 503 || r.header.Get(headerBreaker) != "demo; source=breaker; reason=open" || f.asked.Load() != 2 {
		t.Errorf("answered %+v after %d attempts", r, f.asked.Load())
	}
	b = newBench(t, up.URL, retrying(10, nil), breaker.Config{Rule: breaker.Rule{Failures: 1}, Calls: 5, Successes: 5})
	b.guard.Trip(time.Nanosecond, "")
	f.asked.Store(0)
	if r := b.do("GET", "/", ""); r.status != 503 || f.asked.Load() != 1 {
		t.Errorf("answered %+v after %d attempts", r, f.asked.Load())
	}
	b.settled()
}

// No time-out is tried again: the upstream may still be at it.
func TestTimeoutsAreNotRetried(t *testing.T) {
	asked := atomic.Int32{}
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		<-r.Context().Done()
	})
	policy := retrying(3, nil)
	policy.Timeout = 50 * time.Millisecond
	b := newBench(t, up.URL, policy, breaker.Config{})
	if r := b.do("GET", "/", ""); r.status != 504 || asked.Load() != 1 {
		t.Errorf("answered %+v after %d attempts", r, asked.Load())
	}
	b.counted(0, 1, 0)
}

// What the upstream answers before it has read everything is no reason to
// lose a part of the body: the next attempt has all of it.
func TestRetryHasTheWholeBody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for first := true; ; first = false {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r := bufio.NewReader(c)
			req, err := http.ReadRequest(r)
			if err != nil {
				t.Error(err)
			} else if first {
				_, _ = io.WriteString(c, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			} else {
				body, _ := io.ReadAll(req.Body)
				got <- string(body)
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			}
			_ = c.Close()
		}
	}()
	b := newBench(t, "http://"+l.Addr().String(), retrying(2, nil), breaker.Config{})
	r, w := io.Pipe()
	req, _ := http.NewRequest("PUT", b.url, r)
	go func() {
		_, _ = io.WriteString(w, "one ")
		for b.guard.Snapshot().Numbers.Failures == 0 { // the first attempt is over
			runtime.Gosched()
		}
		_, _ = io.WriteString(w, "two")
		_ = w.Close()
	}()
	res, err := b.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if text := <-got; res.StatusCode != 200 || text != "one two" {
		t.Errorf("answered %d, and the upstream got %q", res.StatusCode, text)
	}
	_ = l.Close()
	b.settled()
	b.proxy.Close()
	<-done
}

// However many calls fail, and in whatever order, an upstream never gets a
// further attempt by which there are more within ten seconds than the share of
// the calls and the minimum allow.
func TestBudgetIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		share := rapid.Float64Range(0, 1).Draw(t, "share")
		least := rapid.IntRange(0, 5).Draw(t, "per second")
		var b budget
		type moment struct {
			at             time.Time
			calls, retries int
		}
		var all []moment
		now := time.Unix(1e9, 0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(3*time.Second)).Draw(t, "pause")))
			m := moment{at: now}
			for range rapid.IntRange(0, 30).Draw(t, "calls") {
				m.calls++
				b.call(now)
				for range rapid.IntRange(0, 3).Draw(t, "attempts") {
					if b.take(now, share, least) {
						m.retries++
					}
				}
			}
			all = append(all, m)
			if m.retries == 0 {
				continue // those before were allowed by calls that may be older by now
			}
			// Within a span and a slice, for what the slices cannot tell apart.
			calls, retries := 0, 0
			for _, m := range all {
				if now.Sub(m.at) <= budgetSpan+budgetSpan/budgetSlices {
					calls += m.calls
				}
				if now.Sub(m.at) < budgetSpan-budgetSpan/budgetSlices {
					retries += m.retries
				}
			}
			if most := share*float64(calls) + float64(least)*budgetSpan.Seconds(); float64(retries) > most {
				t.Fatalf("%d retries, for %d calls there may be %v", retries, calls, most)
			}
		}
	})
}

// An upstream that refuses everything gets no more calls than the budget
// says, through the whole proxy and whatever the policy's attempts.
func TestRetriesDoNotAddToAnOverload(t *testing.T) {
	asked := atomic.Int32{}
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.WriteHeader(503)
	})
	policy := retrying(50, func(r *Retry) {
		r.Delay, r.MaxDelay, r.MinPerSecond = 1, 1, 0
	})
	b := newBench(t, up.URL, policy, breaker.Config{Rule: breaker.Rule{Failures: 1e6}})
	const calls = 200
	for range calls {
		if r := b.do("GET", "/", ""); r.status != 503 {
			t.Fatalf("answered %+v", r)
		}
	}
	if n := asked.Load(); n > calls*12/10 || n < calls*11/10 {
		t.Errorf("%d calls became %d", calls, n)
	}
	if n := b.proxy.Numbers(); n.Retries != uint64(asked.Load()-calls) || n.Exhausted == 0 {
		t.Errorf("counted %+v", n)
	}
}

func TestWaitsGrow(t *testing.T) {
	r := Retry{Delay: 10 * time.Millisecond, MaxDelay: 50 * time.Millisecond, Factor: 2, Jitter: 0.5}
	for attempts, most := range map[int]time.Duration{1: 15, 2: 30, 3: 50, 4: 50, 1000: 50} {
		least := min(most*time.Millisecond/3, 25*time.Millisecond)
		for range 100 {
			if d := r.wait(attempts); d < least || d > most*time.Millisecond {
				t.Fatalf("after %d attempts: %v", attempts, d)
			}
		}
	}
}
