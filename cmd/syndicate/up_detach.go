package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/api/server"
	"github.com/syndicate/syndicate/engine"
	"github.com/syndicate/syndicate/engine/event"
	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/spec/decode"
)

// daemonWord is the first argument of an engine in the background. It is no
// command: such an engine needs a bundle and somebody to report to.
const daemonWord = "engine-in-background"

// order is what an engine in the background is told before the bundle.
type order struct {
	Config   string   `json:"config"`
	StateDir string   `json:"state_dir,omitempty"` // --state-dir
	Verbose  bool     `json:"verbose,omitempty"`
	Given    []string `json:"given,omitempty"`   // global flags, for hints
	Operand  string   `json:"operand,omitempty"` // the configuration, where it was one
	Meant    []string `json:"meant,omitempty"`   // flags that the bundle was made with, for hints as well
	Targets  []string `json:"targets,omitempty"`
	By       string   `json:"by"` // who asks
}

// reportPulse is how often it reports what it waits for.
const reportPulse = time.Second

// report is a line of what it reports: progress, or something that the engine
// has to say of itself.
type report struct {
	api.Progress
	Note string `json:"note,omitempty"`
	Next string `json:"next,omitempty"` // the next command to try, with a result
}

// greeting is the first line that it reports; reports follow. Greetings with a
// note come before it.
type greeting struct {
	Note string `json:"note,omitempty"` // of what is done before anything begins
	PID  int    `json:"pid"`            // 0 where nothing has begun
	// Late says that another engine took the state directory first.
	Late bool `json:"late,omitempty"`
}

// errLate is the error of a start that came after another one.
var errLate = errors.New("another engine was faster")

// detach starts an engine in the background, and shows how it comes up.
func (c *upCmd) detach(ctx context.Context, s *session, config string, loaded *decode.Result, bundle *decode.Bundle, confined []spec.Addr) error {
	sys := loaded.System
	p, diags := plan.Build(sys, plan.Facts{Targets: confined})
	if diags.HasErrors() {
		return s.refuse(diags, loaded.Sources)
	}
	reports, err := s.spawn(order{
		Config: config, StateDir: s.stateDir, Verbose: s.verbose, Given: s.given, Operand: s.operand, Meant: s.meant,
		Targets: addressTexts(confined), By: self(),
	}, sys.Name, bundle.Bytes())
	if err != nil {
		return err
	}
	defer reports.Close()
	// Whoever waits for a line no longer closes what it would come through.
	defer context.AfterFunc(ctx, func() { _ = reports.SetReadDeadline(time.Now()) })()
	in := json.NewDecoder(bufio.NewReader(reports))
	show := s.follow(nil, unitsOf(p))
	var hello greeting
	for {
		hello = greeting{}
		if err := in.Decode(&hello); err != nil {
			return c.lostEngine(ctx, s, sys.StateDir, err)
		}
		if hello.Note == "" {
			break
		}
		show.view.Note(hello.Note)
		show.view.Flush()
	}
	if hello.Late {
		return errLate
	}
	for {
		var got report
		if err := in.Decode(&got); err != nil {
			return c.lostEngine(ctx, s, sys.StateDir, err)
		}
		switch {
		case got.Note != "":
			show.view.Note(got.Note)
			show.view.Flush()
			continue
		case got.Result != nil:
			if got.Result.Failed() {
				_, _ = io.Copy(io.Discard, reports) // until the engine is gone
			}
			if got.Result.Outcome == api.OutcomeRefused {
				show.view.Flush()
				return s.refused(*got.Result, got.Next)
			}
			return show.end(s, *got.Result, summary(p))
		case !c.Wait && hello.PID != 0:
			show.view.Print(fmt.Sprintf("%s starts in the background (pid %d). To see how it goes: %s", sys.Name, hello.PID, s.here("status")))
			show.view.Flush()
			return nil
		}
		show.progress(got.Progress)
	}
}

// spawn starts an engine in the background and returns what it reports.
func (s *session) spawn(o order, name string, bundle []byte) (*os.File, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start in the background: %w", err)
	}
	reports, theirs, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start in the background: %w", err)
	}
	defer theirs.Close()
	cmd := exec.Command(program, daemonWord, "of", name)
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		reports.Close()
		return nil, fmt.Errorf("start in the background: %w", err)
	}
	head, err := json.Marshal(o)
	if err == nil {
		_, err = in.Write(append(append(head, '\n'), bundle...))
	}
	if err = errors.Join(err, in.Close()); err != nil && !errors.Is(err, syscall.EPIPE) {
		reports.Close()
		return nil, fmt.Errorf("start in the background: %w", err)
	}
	return reports, cmd.Process.Release()
}

// daemon is an engine in the background: it reads its order and a bundle from
// standard input and reports to descriptor 3 until everything was started.
func daemon() int {
	drop(syscall.SIGHUP)
	syscall.CloseOnExec(3) // no service has it
	r := newReporter(os.NewFile(3, "reports"))
	err := runDaemon(r)
	if err == nil {
		return exitDone
	}
	failure := &exitError{code: exitFailed, err: err}
	errors.As(err, &failure)
	if failure.err != nil {
		r.refuse(failure, taken(err))
	}
	return failure.code
}

func runDaemon(r *reporter) error {
	in := bufio.NewReader(os.Stdin)
	head, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the order: %w", err)
	}
	var o order
	if err := json.Unmarshal(head, &o); err != nil {
		return fmt.Errorf("read the order: %w", err)
	}
	bundle, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("read the bundle: %w", err)
	}
	decoded, diags := decode.Replay(bundle, decode.Override{})
	if diags.HasErrors() {
		return newRefusal(diags, decoded.Sources)
	}
	s := newSession(os.Stdin, os.Stdout, os.Stderr)
	s.stateDir, s.verbose, s.given, s.operand, s.meant, s.by = o.StateDir, o.Verbose, o.Given, o.Operand, o.Meant, o.By
	s.stderr.Writer = preface{r}
	home, err := s.moveIn(decoded.System, o.Config)
	if err != nil {
		return err
	}
	defer home.leave()
	if home.log, err = openOwnLog(home.lock.Dir()); err != nil {
		return err
	}
	defer home.log.close()
	s.stderr = home.log.stream()
	confined, err := parseTargets(o.Targets)
	if err != nil {
		return err
	}
	return s.begin(home, decoded, confined, r)
}

// reporter tells whoever started an engine in the background how it comes
// up, in a goroutine of its own: the engine never waits for it. The nil
// reporter reports to nobody.
type reporter struct {
	out    *os.File
	result chan api.Result // the last report
	ended  chan struct{}   // closed after the last report
	once   sync.Once
	// undone says that the start was: the reports end with the process then.
	undone bool

	mu    sync.Mutex
	notes []string // not reported yet; guarded by mu
	mute  bool     // nobody reads any more; guarded by mu
}

// mostNotes bounds the notes that wait for a reader.
const mostNotes = 100

// Write takes a line of the engine's log: whoever waits for the start is to
// see it, too. It never blocks.
func (r *reporter) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.mute && len(r.notes) < mostNotes {
		r.notes = append(r.notes, strings.TrimRight(string(p), "\n"))
	}
	return len(p), nil
}

// tell reports the notes; with the last ones nothing comes any more.
func (r *reporter) tell(last bool) {
	r.mu.Lock()
	notes := r.notes
	r.notes, r.mute = nil, last
	r.mu.Unlock()
	for _, note := range notes {
		_ = r.send(report{Note: note})
	}
}

func newReporter(out *os.File) *reporter {
	return &reporter{out: out, result: make(chan api.Result, 1), ended: make(chan struct{})}
}

// preface reports each line that is written to it, before begin.
type preface struct{ r *reporter }

func (p preface) Write(line []byte) (int, error) {
	return len(line), p.r.send(greeting{Note: strings.TrimRight(string(line), "\n")})
}

// begin reports what happens from now on, until end.
func (r *reporter) begin(eng *engine.Engine, bus *event.Bus) {
	if r == nil {
		return
	}
	sub := bus.Subscribe(0)
	go func() {
		defer close(r.ended)
		defer sub.Close()
		_ = r.send(greeting{PID: os.Getpid()})
		for r.next(eng, sub) {
		}
		r.tell(true)
		if !r.undone {
			_ = r.out.Close()
		}
	}()
}

// next reports one thing. It returns false after the last one.
func (r *reporter) next(eng *engine.Engine, sub *event.Subscription) bool {
	r.tell(false)
	select {
	case result := <-r.result:
		r.rest(sub)
		r.undone = result.Failed()
		r.tell(true)
		_ = r.send(api.Progress{Result: &result})
		return false
	default:
	}
	ctx, cancel := context.WithTimeout(context.Background(), reportPulse)
	defer cancel()
	ev, _, err := sub.Next(ctx)
	switch {
	case errors.Is(err, event.ErrClosed):
		result := <-r.result
		r.undone = result.Failed()
		r.tell(true)
		_ = r.send(api.Progress{Result: &result})
		return false
	case err != nil:
		return r.send(api.Progress{Waiting: waitedUnits(eng.Status())}) == nil
	}
	return r.event(ev) == nil
}

// rest reports what has happened and was not reported yet.
func (r *reporter) rest(sub *event.Subscription) {
	past, cancel := context.WithCancel(context.Background())
	cancel()
	for {
		ev, _, err := sub.Next(past)
		if err != nil || r.event(ev) != nil {
			return
		}
	}
}

func (r *reporter) event(ev event.Event) error {
	if ev.Kind != event.Transition {
		return nil
	}
	wire := wireEvent(ev)
	return r.send(api.Progress{Event: &wire})
}

// send writes one report.
func (r *reporter) send(v any) error {
	data, err := json.Marshal(v)
	if err == nil {
		_, err = r.out.Write(append(data, '\n'))
	}
	return err
}

// end has the result reported, the first time that it is called.
func (r *reporter) end(result api.Result) {
	if r != nil {
		r.once.Do(func() { r.result <- result })
	}
}

// refuse reports why nothing has begun; late is whether since another engine
// was faster.
func (r *reporter) refuse(why *exitError, late bool) {
	r.once.Do(func() {
		_ = r.send(greeting{Late: late})
		result := server.Refused(why)
		_ = r.send(report{Progress: api.Progress{Result: &result}, Next: why.hint})
	})
}

// close waits for the last report, for a while: somebody may not read.
func (r *reporter) close() {
	if r == nil {
		return
	}
	r.end(api.Result{Outcome: api.OutcomeCancelled, Cause: "it was stopped before everything was started"})
	select {
	case <-r.ended:
	case <-time.After(lastWords):
	}
}

// settledResult is the result of a start.
func settledResult(state engine.Health, cause string) api.Result {
	if state == engine.SystemReady {
		return api.Result{Outcome: api.OutcomeReady}
	}
	return api.Result{Outcome: api.OutcomeDegraded, Cause: cause}
}

// failedResult is the result of a start that was undone.
func failedResult(eng *engine.Engine, failure string) api.Result {
	unit, _, _ := strings.Cut(failure, " ")
	return api.Result{Outcome: api.OutcomeFailed, Cause: failure, Unit: unit, Lines: eng.Tail(unit, quoted)}
}

// waitedUnits lists what is on its way.
func waitedUnits(st engine.Status) []api.Waiting {
	list := []api.Waiting{}
	for _, u := range st.Units {
		switch u.State {
		case engine.Starting, engine.Backoff, engine.Stopping, engine.Unhealthy:
			list = append(list, api.Waiting{Unit: u.ID, State: string(u.State), Since: u.Since, For: u.WaitingFor, Seen: u.Seen})
		}
	}
	return list
}
