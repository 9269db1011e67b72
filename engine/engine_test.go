package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/event"
	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
)

// The test binary plays the services, too: see child.
const childVariable = "SYNDICATE_TEST_CHILD"

// child is what a service of these tests does.
func child(mode string) {
	switch mode {
	case "http":
		l, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		fmt.Println("listening")
		_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/crash" {
				os.Exit(7)
			}
		}))
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ignoring SIGTERM")
		select {}
	case "lines":
		for i := range 10000 {
			fmt.Printf("line %d\n", i)
		}
	case "notify":
		conn, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET"))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		_, _ = conn.Write([]byte("READY=1"))
		_ = conn.Close()
		select {}
	case "wait":
		fmt.Println("waiting")
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM)
		<-stop
	}
}

// trial is one system under test.
type trial struct {
	t      *testing.T
	sys    *spec.System
	engine *Engine
	result chan Result
	stop   context.CancelCauseFunc
	guards map[string][]byte // what an earlier engine saved

	mu     sync.Mutex
	events []event.Event
	wake   chan struct{}
}

var errTestOver = errors.New("the test is over")

func newTrial(t *testing.T) *trial {
	dir := t.TempDir()
	return &trial{t: t, wake: make(chan struct{}), result: make(chan Result, 1), sys: &spec.System{
		Name: "test", Dir: dir, StateDir: filepath.Join(dir, "state"),
		Degraded: "allow", OnFailure: "continue",
		Environ: []string{"PATH=" + os.Getenv("PATH")},
	}}
}

// service adds one that is played by the test binary, or by sh where mode
// begins with "sh:".
func (tr *trial) service(name, mode string, change func(*spec.Service)) *spec.Service {
	addr := spec.Addr{Kind: spec.KindService, Name: name}
	svc := &spec.Service{
		Block: spec.Block{Addr: addr, Critical: true},
		Command: spec.Command{
			Argv: []spec.Expr[string]{spec.Known(os.Args[0])}, Dir: tr.sys.Dir,
			Env: []spec.EnvVar{{Name: childVariable, Value: spec.Known(spec.Plain(mode))}},
		},
		Host:    "127.0.0.1",
		Start:   spec.Start{Attempts: 3, Backoff: spec.DefaultBackoff},
		Restart: spec.Restart{On: "always", Limit: 5, Within: spec.Duration(time.Minute), Backoff: spec.DefaultBackoff},
		Stop:    spec.Stop{Signal: "SIGTERM", Timeout: spec.Duration(10 * time.Second)},
		Log:     spec.Log{MaxSize: 50 * spec.Megabyte, Keep: 5},
	}
	if script, ok := strings.CutPrefix(mode, "sh:"); ok {
		svc.Argv, svc.Shell, svc.Env = []spec.Expr[string]{spec.Known(script)}, true, nil
	}
	if change != nil {
		change(svc)
	}
	tr.sys.Services = append(tr.sys.Services, svc)
	slices.SortFunc(tr.sys.Services, func(a, b *spec.Service) int { return a.Addr.Compare(b.Addr) })
	return svc
}

// task adds a start-up task run by sh.
func (tr *trial) task(name, script string) {
	tr.sys.Tasks = append(tr.sys.Tasks, &spec.Task{
		Block:   spec.Block{Addr: spec.Addr{Kind: spec.KindTask, Name: name}, Critical: true},
		Command: spec.Command{Argv: []spec.Expr[string]{spec.Known(script)}, Shell: true, Dir: tr.sys.Dir},
		Run:     "up", Timeout: spec.Duration(time.Hour),
		Retry: spec.Retry{Attempts: 1, Backoff: spec.DefaultBackoff},
		Stop:  spec.Stop{Signal: "SIGTERM", Timeout: spec.Duration(10 * time.Second)},
		Log:   spec.Log{MaxSize: 50 * spec.Megabyte, Keep: 5},
	})
}

func (tr *trial) edge(from, to spec.Addr, condition string) {
	tr.sys.Edges = append(tr.sys.Edges, spec.Edge{
		From: from, To: to, Condition: condition, Reasons: []spec.Reason{{Text: "depends_on"}},
	})
}

func addrOf(kind spec.Kind, name string) spec.Addr { return spec.Addr{Kind: kind, Name: name} }

// up starts everything.
func (tr *trial) up() {
	tr.t.Helper()
	p, diags := plan.Build(tr.sys, plan.Facts{})
	if diags.HasErrors() {
		tr.t.Fatal(diags)
	}
	ports, err := ChoosePorts(tr.sys, nil, nil, nil)
	if err != nil {
		tr.t.Fatal(err)
	}
	tr.engine, err = New(Config{
		System: tr.sys, Plan: p, Life: "test" + strings.ReplaceAll(tr.t.Name(), "/", "-"), Ports: ports, Guards: tr.guards,
		Observe: func(ev event.Event) {
			tr.mu.Lock()
			defer tr.mu.Unlock()
			tr.events = append(tr.events, ev)
			close(tr.wake)
			tr.wake = make(chan struct{})
		},
	})
	if err != nil {
		tr.t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	tr.stop = cancel
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tr.result <- tr.engine.Run(ctx)
	}()
	tr.t.Cleanup(func() {
		cancel(errTestOver)
		tr.engine.Hurry()
		<-ended
	})
}

// until waits for the nth time that a unit reaches a state.
func (tr *trial) until(unit string, state State, n int) event.Event {
	tr.t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		tr.mu.Lock()
		seen := 0
		for _, ev := range tr.events {
			if ev.Unit == unit && ev.To == string(state) {
				if seen++; seen == n {
					tr.mu.Unlock()
					return ev
				}
			}
		}
		wake := tr.wake
		tr.mu.Unlock()
		select {
		case <-wake:
		case <-timeout:
			tr.t.Fatalf("%s did not become %s %d times: %v", unit, state, n, tr.engine.Status().Units)
		}
	}
}

// end stops everything and returns how it went.
func (tr *trial) end() Result {
	tr.t.Helper()
	tr.stop(errTestOver)
	return <-tr.result
}

// transitions lists the events of some states, as "unit state".
func (tr *trial) transitions(states ...State) []string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	var list []string
	for _, ev := range tr.events {
		if ev.Unit != "" && slices.Contains(states, State(ev.To)) {
			list = append(list, ev.Unit+" "+string(ev.To))
		}
	}
	return list
}

func (tr *trial) status(unit string) UnitStatus {
	tr.t.Helper()
	for _, u := range tr.engine.Status().Units {
		if u.ID == unit {
			return u
		}
	}
	tr.t.Fatalf("there is no unit %s", unit)
	return UnitStatus{}
}

func httpProbe(svc *spec.Service) *spec.Probe {
	return &spec.Probe{
		Kind: spec.ProbeHTTP, Interval: spec.Duration(time.Second), Timeout: spec.Duration(time.Second),
		Deadline: spec.Duration(30 * time.Second),
		Target: spec.Later("self.url", spec.Range{}, nil, func(l spec.Lookup) (string, error) {
			url, err := l(svc.Addr, "url")
			if err != nil {
				return "", err
			}
			return url.(string) + "/healthz", nil
		}),
	}
}

func withHTTP(svc *spec.Service) {
	svc.Port = &spec.Port{Auto: true}
	svc.Ready = httpProbe(svc)
}

func TestServicesStartInOrderAndStopInReverse(t *testing.T) {
	tr := newTrial(t)
	tr.service("db", "http", withHTTP)
	tr.task("seed", "echo seeding")
	tr.service("api", "http", withHTTP)
	db, seed, api := addrOf(spec.KindService, "db"), addrOf(spec.KindTask, "seed"), addrOf(spec.KindService, "api")
	tr.edge(seed, db, "ready")
	tr.edge(api, seed, "completed")
	tr.up()
	tr.until("service.api", Ready, 1)
	if s := tr.engine.Status(); s.State != SystemReady {
		t.Errorf("the system is %s: %s", s.State, s.Cause)
	}
	if r := tr.end(); r.Failure != "" || !r.Settled {
		t.Errorf("result is %+v", r)
	}
	want := []string{
		"service.db ready", "task.seed completed", "service.api ready",
		"service.api stopped", "service.db stopped",
	}
	if got := tr.transitions(Ready, Completed, Stopped); !slices.Equal(got, want) {
		t.Errorf("order is %q, want %q", got, want)
	}
}

func TestACrashedServiceIsRestarted(t *testing.T) {
	tr := newTrial(t)
	tr.service("api", "http", withHTTP)
	tr.up()
	tr.until("service.api", Ready, 1)
	before := tr.status("service.api")
	resp, err := http.Get(before.URL + "/crash")
	if err == nil {
		resp.Body.Close()
	}
	tr.until("service.api", Ready, 2)
	after := tr.status("service.api")
	if after.PID == before.PID || after.Restarts != 1 || after.LastExit != "exit status 7" {
		t.Errorf("after the crash: %+v", after)
	}
}

func TestAKilledServiceIsRestartedAndItsChildrenAreGone(t *testing.T) {
	tr := newTrial(t)
	tr.service("tree", "sh:setsid sleep 1000 & sleep 1000 & echo up; wait", func(s *spec.Service) {
		s.Ready = &spec.Probe{Kind: spec.ProbeLog, Target: spec.Known("up")}
	})
	tr.up()
	tr.until("service.tree", Ready, 1)
	first := marked(t, "service.tree")
	if len(first) != 3 {
		t.Fatalf("the tree has %d processes, want 3", len(first))
	}
	_ = syscall.Kill(tr.status("service.tree").PID, syscall.SIGKILL)
	tr.until("service.tree", Ready, 2)
	for _, pid := range marked(t, "service.tree") {
		if slices.Contains(first, pid) {
			t.Errorf("process %d of the first run is left", pid)
		}
	}
	tr.end()
	if left := marked(t, "service.tree"); len(left) != 0 {
		t.Errorf("processes %v are left", left)
	}
}

// marked lists the processes that carry the mark of this test's life.
func marked(t *testing.T, unit string) []int {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, path := range dirs {
		env, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		vars := strings.Split(string(env), "\x00")
		if slices.Contains(vars, "SYNDICATE_LIFE=test"+strings.ReplaceAll(t.Name(), "/", "-")) && slices.Contains(vars, "SYNDICATE_UNIT="+unit) {
			var pid int
			fmt.Sscanf(path, "/proc/%d/", &pid)
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestACriticalFailureUndoesUp(t *testing.T) {
	tr := newTrial(t)
	tr.service("db", "wait", nil)
	tr.service("api", "sh:echo the reason; exit 3", func(s *spec.Service) {
		s.Start.Attempts = 2
		s.Start.Delay = spec.Duration(time.Millisecond)
		s.Ready = &spec.Probe{Kind: spec.ProbeLog, Target: spec.Known("never")}
	})
	tr.edge(addrOf(spec.KindService, "api"), addrOf(spec.KindService, "db"), "ready")
	tr.up()
	r := <-tr.result
	tr.result <- r
	if want := "service.api failed: exit status 3 (attempt 2 of 2)"; r.Failure != want {
		t.Errorf("failure is %q, want %q", r.Failure, want)
	}
	if got := tr.engine.Tail("service.api", 5); !slices.Equal(got, []string{"the reason"}) {
		t.Errorf("the last lines are %q", got)
	}
	if got := tr.transitions(Stopped); !slices.Equal(got, []string{"service.db stopped"}) {
		t.Errorf("stopped: %q", got)
	}
}

func TestACommandThatDoesNotExistFailsAtOnce(t *testing.T) {
	tr := newTrial(t)
	tr.service("api", "wait", func(s *spec.Service) {
		s.Argv = []spec.Expr[string]{spec.Known("no-such-program")}
	})
	tr.up()
	r := <-tr.result
	tr.result <- r
	if !strings.Contains(r.Failure, "no-such-program") || strings.Contains(r.Failure, "attempt") {
		t.Errorf("failure is %q", r.Failure)
	}
}

func TestHurryKillsWhatIgnoresItsSignal(t *testing.T) {
	tr := newTrial(t)
	tr.service("stubborn", "stubborn", func(s *spec.Service) {
		s.Stop.Timeout = spec.Duration(time.Hour)
		s.Ready = &spec.Probe{Kind: spec.ProbeLog, Target: spec.Known("ignoring")}
	})
	tr.up()
	tr.until("service.stubborn", Ready, 1)
	tr.stop(errTestOver)
	tr.until("service.stubborn", Stopping, 1)
	tr.engine.Hurry()
	tr.until("service.stubborn", Stopped, 1)
	r := <-tr.result
	tr.result <- r
	if got := tr.status("service.stubborn").LastExit; got != "signal: killed" {
		t.Errorf("it ended by %q", got)
	}
}

func TestAPortInUseIsNotTakenForTheService(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	tr := newTrial(t)
	tr.service("api", "http", func(s *spec.Service) {
		s.Port = &spec.Port{Number: l.Addr().(*net.TCPAddr).Port}
		s.Start = spec.Start{Attempts: 1}
		s.Ready = &spec.Probe{Kind: spec.ProbeTCP, Target: spec.Known(l.Addr().String()), Deadline: spec.Duration(time.Minute)}
	})
	tr.up()
	r := <-tr.result
	tr.result <- r
	if !strings.Contains(r.Failure, fmt.Sprintf("is in use by process %d (engine.test)", os.Getpid())) {
		t.Errorf("failure is %q", r.Failure)
	}
}

func TestLinesWrittenAtExitAreInTheLog(t *testing.T) {
	tr := newTrial(t)
	tr.service("lines", "lines", func(s *spec.Service) { s.Restart.On = "never" })
	tr.up()
	tr.until("service.lines", Failed, 1)
	text, err := os.ReadFile(filepath.Join(LogDir(tr.sys.StateDir), "service.lines.log"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n"); n != 10000 || !strings.HasSuffix(string(text), "line 9999\n") {
		t.Errorf("the log has %d lines", n)
	}
}

func TestSensitiveValuesAreNotQuoted(t *testing.T) {
	tr := newTrial(t)
	tr.service("api", "sh:echo \"password is $PASSWORD\"; exit 1", func(s *spec.Service) {
		s.Env = []spec.EnvVar{{Name: "PASSWORD", Value: spec.Known(spec.Sensitive("hunter2hunter2"))}}
		s.Restart.On = "never"
	})
	tr.up()
	tr.until("service.api", Failed, 1)
	if got := tr.engine.Tail("service.api", 5); !slices.Equal(got, []string{"password is " + spec.Hidden}) {
		t.Errorf("quoted: %q", got)
	}
}
