package server

import (
	"context"
	"io"
	"iter"
	"os"
	"sync"
	"time"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/engine"
	"github.com/syndicate/syndicate/plan"
)

// fake is a System with two units, which stop when told.
type fake struct {
	mu    sync.Mutex
	units []engine.UnitStatus
	asked chan string   // causes of Stop
	gone  chan struct{} // closed when all has stopped
	hurry chan struct{}

	state  engine.Health // of the system
	cause  string
	strict bool
	// operate carries out applies and commands.
	operate func(ctx context.Context, what any, progress func(api.Progress)) (api.Result, error)
	// happened is the journal, and more what comes to who follows.
	happened []api.Event
	more     chan api.Event
	running  *plan.Running
}

func newFake() *fake {
	return &fake{
		asked: make(chan string, 8), gone: make(chan struct{}), hurry: make(chan struct{}, 8),
		state: engine.SystemReady, more: make(chan api.Event), running: new(plan.Running),
		units: []engine.UnitStatus{
			{ID: "service.api", Kind: "service", State: engine.Ready, PID: 7, ReadyAfter: 250 * time.Millisecond},
			{ID: "service.web", Kind: "service", State: engine.Pending, WaitingFor: []string{"service.api ready"}},
		},
	}
}

func (f *fake) Status() engine.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return engine.Status{Name: "demo", State: f.state, Cause: f.cause, PID: os.Getpid(), Units: append([]engine.UnitStatus(nil), f.units...)}
}

func (f *fake) Measured() engine.Status { return f.Status() }

func (f *fake) MeasuredNow() (engine.Status, bool) { return f.Status(), true }

func (f *fake) tail(_ string, n int) []string { return make([]string, n) }

func (f *fake) set(state engine.State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.units[0].State = state
}

func (f *fake) Stop(ctx context.Context, cause string) error {
	f.asked <- cause
	select {
	case <-f.gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Permit lets nothing through, but for granted.
func (f *fake) Permit(unit string) (*engine.Permit, error) {
	if unit == "breaker.granted" {
		return new(engine.Permit), nil
	}
	return nil, &engine.RefusedError{Unit: unit, Reason: "5 failures in a row", Until: time.Now().Add(time.Minute)}
}

func (f *fake) Hurry() { f.hurry <- struct{}{} }

func (f *fake) Units() *plan.Running {
	return f.running
}

func (f *fake) Questions() api.Questions { return api.Questions{Env: []string{"HOME"}} }

func (f *fake) Apply(ctx context.Context, req ApplyRequest, progress func(api.Progress)) (api.Result, error) {
	return f.operate(ctx, req, progress)
}

func (f *fake) Command(ctx context.Context, req CommandRequest, progress func(api.Progress)) (api.Result, error) {
	return f.operate(ctx, req, progress)
}

func (f *fake) Events(ctx context.Context, q EventQuery) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		for _, ev := range f.happened {
			if ev.Seq > q.After && !yield(ev, nil) {
				return
			}
		}
		for q.Follow {
			select {
			case ev := <-f.more:
				if !yield(ev, nil) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

func (f *fake) metrics(w io.Writer) error {
	_, err := io.WriteString(w, "syndicate_units{state=\"ready\"} 1\n")
	return err
}
