package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/api/client"
	"github.com/syndicate/syndicate/engine"
	"github.com/syndicate/syndicate/engine/log"
)

var errEnough = errors.New("enough")

func TestEventsAreFollowedAndTakenUpAgain(t *testing.T) {
	f, dir := newFake(), t.TempDir()
	serve(t, dir, f)
	for n := range 3 {
		f.happened = append(f.happened, api.Event{Seq: uint64(n + 1), Time: time.Unix(int64(n), 0).UTC(), Kind: api.EventTransition, Unit: "service.api", To: "ready"})
	}
	var got []uint64
	err := client.New(dir).Events(t.Context(), client.EventQuery{After: 1, Follow: true}, func(ev api.Event) error {
		got = append(got, ev.Seq)
		switch ev.Seq {
		case 3:
			go func() { f.more <- api.Event{Seq: 4} }()
		case 4:
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) || !slices.Equal(got, []uint64{2, 3, 4}) {
		t.Errorf("got %v, %v", got, err)
	}

	// What a browser does that was cut off.
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://x/v1/events?since=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Last-Event-ID", "2")
	resp, err := raw(dir).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var text strings.Builder
	if _, err := bufio.NewReader(resp.Body).WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	if want := "id: 3\ndata: {\"seq\":3,"; !strings.HasPrefix(text.String(), want) || !strings.HasSuffix(text.String(), "\n\nevent: end\ndata: {}\n\n") {
		t.Errorf("got %q", text.String())
	}
}

func TestEndOfTheServerEndsWhoFollows(t *testing.T) {
	f, dir := newFake(), t.TempDir()
	s := serve(t, dir, f)
	f.happened = []api.Event{{Seq: 1}}
	err := client.New(dir).Events(t.Context(), client.EventQuery{Follow: true}, func(api.Event) error {
		go func() { _ = s.Close() }()
		return nil
	})
	if err != nil {
		t.Errorf("a follower got %v", err)
	}
}

func TestLogs(t *testing.T) {
	f, dir := newFake(), t.TempDir()
	serve(t, dir, f)
	var lines []string
	read := func(q client.LogQuery, until string) error {
		lines = nil
		return client.New(dir).Logs(t.Context(), q, func(l api.LogLine) error {
			lines = append(lines, l.Unit+" "+string(l.Bytes()))
			if string(l.Bytes()) == until {
				return errEnough
			}
			return nil
		})
	}
	if err := read(client.LogQuery{Units: []string{"service.api"}}, ""); err != nil || len(lines) > 0 {
		t.Errorf("before anything was written: %v, %v", lines, err)
	}
	write(t, dir, "service.api", "one\nt\xffwo\n")
	for _, test := range []struct {
		q    client.LogQuery
		want []string
	}{
		{client.LogQuery{}, []string{"service.api one", "service.api t\xffwo"}},
		{client.LogQuery{Tail: 1}, []string{"service.api t\xffwo"}},
		{client.LogQuery{Grep: "^o"}, []string{"service.api one"}},
		{client.LogQuery{Since: time.Now().Add(time.Hour)}, nil},
		{client.LogQuery{Units: []string{"service.web"}}, nil},
	} {
		if err := read(test.q, ""); err != nil || !slices.Equal(lines, test.want) {
			t.Errorf("%+v: %q, %v", test.q, lines, err)
		}
	}
	if err := read(client.LogQuery{Units: []string{"service.nobody"}}, ""); err == nil || !strings.Contains(err.Error(), "no log of") {
		t.Errorf("an unknown unit: %v", err)
	}
	done := make(chan error, 1)
	go func() {
		done <- client.New(dir).Logs(t.Context(), client.LogQuery{Follow: true}, func(l api.LogLine) error {
			switch string(l.Bytes()) {
			case "one":
				go write(t, dir, "service.web", "three\n")
			case "three":
				return errEnough
			}
			return nil
		})
	}()
	if err := <-done; !errors.Is(err, errEnough) {
		t.Error(err)
	}
}

// write has a unit write a text.
func write(t *testing.T, dir, unit, text string) {
	l, err := log.Open(log.Config{Dir: engine.LogDir(dir), Unit: unit})
	if err != nil {
		t.Error(err)
		return
	}
	c, err := l.Attach(t.Context())
	if err != nil {
		t.Error(err)
		return
	}
	_, _ = c.Stdout.WriteString(text)
	_, _ = c.Stdout.Close(), c.Stderr.Close()
	_ = c.Wait(context.Background())
	_ = l.Close()
}

func TestOperations(t *testing.T) {
	f, dir := newFake(), t.TempDir()
	serve(t, dir, f)
	var asked any
	f.operate = func(ctx context.Context, what any, progress func(api.Progress)) (api.Result, error) {
		asked = what
		progress(api.Progress{Turn: &api.Turn{Operation: "up", Actor: "ada", Since: time.Now()}})
		progress(api.Progress{Event: &api.Event{Unit: "service.api", To: "ready"}})
		return api.Result{Outcome: api.OutcomeFailed, Cause: "no luck", Unit: "service.api", Lines: []string{"a line"}}, nil
	}
	var kinds []string
	seen := func(p api.Progress) {
		switch {
		case p.Turn != nil:
			kinds = append(kinds, "turn "+p.Turn.Actor)
		case p.Event != nil:
			kinds = append(kinds, "event "+p.Event.To)
		default:
			kinds = append(kinds, "waiting")
		}
	}
	r, err := client.New(dir).Apply(t.Context(), client.ApplyRequest{Bundle: []byte("bundle"), PlanDigest: "d", NoRollback: true}, seen)
	if err != nil || r.Outcome != api.OutcomeFailed || !r.Failed() || r.Lines[0] != "a line" {
		t.Errorf("got %+v, %v", r, err)
	}
	if !slices.Equal(kinds, []string{"turn ada", "event ready"}) {
		t.Errorf("progress: %q", kinds)
	}
	apply, ok := asked.(ApplyRequest)
	if !ok || string(apply.Bundle) != "bundle" || apply.PlanDigest != "d" || !apply.NoRollback ||
		!strings.Contains(apply.Actor, fmt.Sprintf("(uid %d, pid %d)", os.Geteuid(), os.Getpid())) {
		t.Errorf("asked %+v", asked)
	}

	f.operate = func(_ context.Context, what any, _ func(api.Progress)) (api.Result, error) {
		asked = what
		return api.Result{}, errors.New("service.api has no action dance")
	}
	r, err = client.New(dir).Command(t.Context(), api.CommandRequest{Verb: "dance", Units: []string{"service.api"}, Args: []string{"x"}}, nil)
	if err != nil || r.Outcome != api.OutcomeRefused || r.Cause != "service.api has no action dance" {
		t.Errorf("got %+v, %v", r, err)
	}
	if cmd, ok := asked.(CommandRequest); !ok || cmd.Verb != "dance" || cmd.Units[0] != "service.api" || cmd.Args[0] != "x" {
		t.Errorf("asked %+v", asked)
	}
}

func TestAnOperationSaysWhatItWaitsFor(t *testing.T) {
	f, dir := newFake(), t.TempDir()
	serve(t, dir, f)
	heard := make(chan struct{})
	f.operate = func(ctx context.Context, _ any, _ func(api.Progress)) (api.Result, error) {
		<-heard
		return api.Result{Outcome: api.OutcomeDone}, nil
	}
	once := false
	r, err := client.New(dir).Command(t.Context(), api.CommandRequest{Verb: "start"}, func(p api.Progress) {
		if once {
			return
		}
		once = true
		if len(p.Waiting) != 1 || p.Waiting[0].Unit != "service.web" || p.Waiting[0].For[0] != "service.api ready" {
			t.Errorf("got %+v", p)
		}
		close(heard)
	})
	if err != nil || r.Failed() {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestAnOperationLearnsThatItsClientIsGone(t *testing.T) {
	f, dir := newFake(), t.TempDir()
	serve(t, dir, f)
	began, ended := make(chan struct{}), make(chan error, 1)
	f.operate = func(ctx context.Context, _ any, _ func(api.Progress)) (api.Result, error) {
		close(began)
		<-ctx.Done()
		ended <- ctx.Err()
		return api.Result{Outcome: api.OutcomeCancelled}, nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-began
		cancel()
	}()
	if _, err := client.New(dir).Command(ctx, api.CommandRequest{Verb: "start"}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := <-ended; err == nil {
		t.Error("the operation goes on for nobody")
	}
}

// A client that asks and never reads holds nobody up: reporting never blocks,
// and what does not fit cuts the client off.
func TestAClientThatDoesNotReadIsCutOff(t *testing.T) {
	f, dir := newFake(), t.TempDir()
	serve(t, dir, f)
	reported := make(chan struct{})
	f.operate = func(ctx context.Context, _ any, progress func(api.Progress)) (api.Result, error) {
		for range 4 * maxQueue {
			progress(api.Progress{Event: &api.Event{Unit: "service.api", Cause: strings.Repeat("x", 1000)}})
		}
		close(reported)
		<-ctx.Done()
		return api.Result{}, nil
	}
	conn, err := api.Dial(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := `{"verb":"start"}`
	fmt.Fprintf(conn, "POST /v1/commands HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	<-reported
	if _, err := client.New(dir).Status(t.Context()); err != nil {
		t.Errorf("another client: %v", err)
	}
	// The end of the handler, which the server's Close waits for, comes with
	// the deadline of the write.
}

func TestReadiness(t *testing.T) {
	f, dir := newFake(), t.TempDir()
	serve(t, dir, f)
	for _, test := range []struct {
		state  engine.Health
		strict bool
		cause  string
		code   int
		want   string
	}{
		{engine.SystemReady, false, "", 200, `"status":"ready"`},
		{engine.SystemDegraded, false, "", 200, `"status":"degraded"`},
		{engine.SystemDegraded, true, "service.web failed", 503, "degraded: service.web failed"},
		{engine.SystemStarting, false, "", 503, "starting: 1 of 2 units is not ready"},
		{engine.SystemFailed, false, "service.api failed: exit status 1", 503, "service.api failed"},
		{engine.SystemStopping, false, "", 503, "stopping"},
	} {
		f.state, f.strict, f.cause = test.state, test.strict, test.cause
		code, text := get(t, raw(dir), "http://x/readyz")
		if code != test.code || !strings.Contains(text, test.want) {
			t.Errorf("%s: %d %s", test.state, code, text)
		}
	}
	if code, text := get(t, raw(dir), "http://x/healthz"); code != 200 || !strings.Contains(text, `"status":"ok"`) {
		t.Errorf("healthz: %d %s", code, text)
	}
}
