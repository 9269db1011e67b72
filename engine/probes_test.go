package engine

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/syndicate/syndicate/spec"
)

// witness is a server that keeps the requests of probes.
type witness struct {
	*httptest.Server
	mu    sync.Mutex
	seen  []*http.Request // guarded by mu
	wakes chan struct{}   // one for each request to /live
}

func newWitness(t *testing.T) *witness {
	t.Helper()
	w := &witness{wakes: make(chan struct{}, 1000)}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.seen = append(w.seen, r)
		w.mu.Unlock()
		switch r.URL.Path {
		case "/moved":
			http.Redirect(rw, r, "/elsewhere", http.StatusFound)
		case "/teapot":
			rw.WriteHeader(http.StatusTeapot)
		case "/live":
			w.wakes <- struct{}{}
		}
	}))
	t.Cleanup(w.Close)
	return w
}

// requests returns those to a path.
func (w *witness) requests(path string) []*http.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []*http.Request
	for _, r := range w.seen {
		if r.URL.Path == path {
			found = append(found, r)
		}
	}
	return found
}

func probeOf(kind spec.ProbeKind, target string) *spec.Probe {
	return &spec.Probe{
		Kind: kind, Target: spec.Known(target), Interval: spec.Duration(time.Second), Timeout: spec.Duration(5 * time.Second),
		Deadline: spec.Duration(30 * time.Second),
	}
}

// TestEachProbeLooksAsDeclared has a service of each kind of probe become
// ready by what its own block says, in its own place and environment.
func TestEachProbeLooksAsDeclared(t *testing.T) {
	w := newWitness(t)
	tr := newTrial(t)
	with := func(p *spec.Probe, change func(*spec.Service)) func(*spec.Service) {
		return func(s *spec.Service) {
			s.Ready = p
			if change != nil {
				change(s)
			}
		}
	}
	moved := probeOf(spec.ProbeHTTP, w.URL+"/moved")
	tr.service("moved", "sh:exec sleep 1000", with(moved, nil))
	teapot := probeOf(spec.ProbeHTTP, w.URL+"/teapot")
	teapot.Status = []int{http.StatusTeapot}
	teapot.Headers = []spec.EnvVar{{Name: "x-probe", Value: spec.Known(spec.Sensitive("a secret header"))}}
	tr.service("teapot", "sh:exec sleep 1000", with(teapot, nil))
	tr.service("tcp", "sh:exec sleep 1000", with(probeOf(spec.ProbeTCP, w.Listener.Addr().String()), nil))
	exec := probeOf(spec.ProbeExec, "")
	exec.Target = spec.Expr[string]{}
	exec.Argv = []spec.Expr[string]{spec.Known("./check"), spec.Known("as declared")}
	tr.service("exec", "sh:exec sleep 1000", with(exec, func(s *spec.Service) {
		s.Env = []spec.EnvVar{{Name: "MODE", Value: spec.Known(spec.Plain("probed"))}}
	}))
	tr.service("log", "sh:echo half; echo 'listening on 80' >&2; exec sleep 1000", with(probeOf(spec.ProbeLog, "^listening on [0-9]+$"), nil))
	tr.service("file", "sh:touch made; exec sleep 1000", with(probeOf(spec.ProbeFile, filepath.Join(tr.sys.Dir, "made")), nil))
	tr.service("notify", "notify", with(probeOf(spec.ProbeNotify, ""), nil))
	script := "#!/bin/sh\n[ \"$MODE\" = probed ] && [ \"$1\" = 'as declared' ] && [ -x ./check ]\n"
	if err := os.WriteFile(filepath.Join(tr.sys.Dir, "check"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	tr.up()
	for _, s := range tr.sys.Services {
		tr.until(s.Addr.String(), Ready, 1)
	}
	if n := len(w.requests("/elsewhere")); n > 0 {
		t.Errorf("a redirect was followed %d times", n)
	}
	for _, path := range []string{"/moved", "/teapot"} {
		got := w.requests(path)
		if len(got) != 1 || got[0].Method != http.MethodGet {
			t.Fatalf("%s was asked %d times: %v", path, len(got), got)
		}
	}
	if got := w.requests("/teapot")[0].Header.Get("X-Probe"); got != "a secret header" {
		t.Errorf("X-Probe is %q", got)
	}
}

// TestLiveAloneDecidesOnceReady asks the ready probe once for each run, and
// nothing of it afterwards.
func TestLiveAloneDecidesOnceReady(t *testing.T) {
	w := newWitness(t)
	tr := newTrial(t)
	tr.service("api", "sh:exec sleep 1000", func(s *spec.Service) {
		s.Ready, s.Live = probeOf(spec.ProbeHTTP, w.URL+"/ready"), probeOf(spec.ProbeHTTP, w.URL+"/live")
		s.Live.Failures, s.Live.Deadline = 3, 0
		s.Ready.Interval, s.Live.Interval = spec.Duration(time.Millisecond), spec.Duration(time.Millisecond)
	})
	tr.up()
	lives := func(n int) {
		for range n {
			select {
			case <-w.wakes:
			case <-time.After(30 * time.Second):
				t.Fatal("the live probe does not look")
			}
		}
	}
	lives(20)
	if n := len(w.requests("/ready")); n != 1 {
		t.Errorf("the ready probe looked %d times", n)
	}
	if err := syscall.Kill(tr.status("service.api").PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	tr.until("service.api", Ready, 2)
	lives(20)
	if n := len(w.requests("/ready")); n != 2 {
		t.Errorf("the ready probe looked %d times in two runs", n)
	}
}
