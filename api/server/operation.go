package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/engine"
)

const (
	operationPulse = time.Second // at most between two events of an operation
	maxQueue       = 8192        // events that wait for a client
	maxWaiting     = 20          // units that are named as waited for
)

// apply does what a bundle declares.
func (s *Server) apply(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Operator == nil {
		missing(w, "way to apply changes")
		return
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(loadTimeout))
	_ = control.SetWriteDeadline(time.Now().Add(loadTimeout + sendTimeout))
	bundle, err := io.ReadAll(r.Body)
	if err != nil {
		refuseBody(w, "bundle", err)
		return
	}
	if len(bundle) == 0 {
		fail(w, http.StatusBadRequest, "the body is empty: send a bundle, as up does")
		return
	}
	req := ApplyRequest{
		Bundle:     bundle,
		PlanDigest: r.URL.Query().Get("plan"),
		NoRollback: given(r, "no_rollback"),
		Offline:    given(r, "offline"),
		Guess:      given(r, "guess"),
		Targets:    r.URL.Query()["target"],
		Actor:      actor(r),
	}
	s.operate(w, r, func(ctx context.Context, progress func(api.Progress)) (api.Result, error) {
		return s.cfg.Operator.Apply(ctx, req, progress)
	})
}

// command tells units to do something.
func (s *Server) command(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Operator == nil {
		missing(w, "commands")
		return
	}
	var body api.CommandRequest
	if !decode(w, r, "command", &body) {
		return
	}
	if body.Verb == "" || len(body.Units) == 0 && body.Verb != "start" {
		fail(w, http.StatusBadRequest, `a command needs a verb and units: {"verb":"restart","units":["service.api"]}`)
		return
	}
	req := CommandRequest{Verb: body.Verb, Units: body.Units, Args: body.Args, Actor: actor(r)}
	s.operate(w, r, func(ctx context.Context, progress func(api.Progress)) (api.Result, error) {
		return s.cfg.Operator.Command(ctx, req, progress)
	})
}

// actor names who asks.
func actor(r *http.Request) string {
	a, _ := api.ActorOf(r.Context())
	return a.String()
}

// operate carries an operation out and streams its progress. It returns only
// after the operation has: a client that goes away, or does not read, is cut
// off before that.
func (s *Server) operate(w http.ResponseWriter, r *http.Request, run func(context.Context, func(api.Progress)) (api.Result, error)) {
	out := newStream(w, r)
	began := time.Now()
	queue := &backlog{wake: make(chan struct{}, 1)}
	done := make(chan struct{})
	defer func() {
		out.end(nil)
		<-done
	}()
	go func() {
		defer close(done)
		result, err := run(out.ctx, queue.put)
		if err != nil {
			result = Refused(err)
		}
		queue.put(api.Progress{Result: &result})
	}()
	tick := time.NewTicker(operationPulse)
	defer tick.Stop()
	for {
		var batch []api.Progress
		select {
		case <-out.ctx.Done():
			return
		case <-queue.wake:
			var lost bool
			if batch, lost = queue.take(); lost {
				out.end(fmt.Errorf("more than %d events waited for this client: the operation goes on, see %s", maxQueue, api.PathEvents))
				return
			}
			tick.Reset(operationPulse)
		case <-tick.C:
			batch = []api.Progress{{Waiting: waitingUnits(s.snapshot())}}
		}
		for _, p := range batch {
			p.Elapsed = api.Seconds(time.Since(began).Seconds())
			if !out.send("", p) || p.Result != nil {
				return
			}
		}
	}
}

// Reporter is an error that can be told as what validate finds.
type Reporter interface {
	error
	Report() json.RawMessage
}

// Refused is the result of what was not done, and why.
func Refused(err error) api.Result {
	r := api.Result{Outcome: api.OutcomeRefused, Cause: err.Error()}
	if why, ok := errors.AsType[Reporter](err); ok {
		r.Report = why.Report()
	}
	return r
}

// waitingUnits lists what is on its way, in order of address.
func waitingUnits(st api.Status) []api.Waiting {
	list := []api.Waiting{}
	for _, u := range st.Units {
		switch engine.State(u.State) {
		case engine.Starting, engine.Backoff, engine.Stopping, engine.Unhealthy, engine.Pending:
			if len(list) < maxWaiting {
				list = append(list, api.Waiting{Unit: u.ID, State: u.State, Since: u.Since, For: u.WaitingFor, Seen: u.Seen})
			}
		}
	}
	return list
}

// backlog is what happened and was not sent yet. Putting never blocks; what
// does not fit is lost, and the client with it.
type backlog struct {
	wake chan struct{}

	mu   sync.Mutex
	list []api.Progress // guarded by mu
	lost bool           // guarded by mu
}

func (b *backlog) put(p api.Progress) {
	b.mu.Lock()
	if len(b.list) < maxQueue {
		b.list = append(b.list, p)
	} else {
		b.lost = true
	}
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *backlog) take() ([]api.Progress, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.list
	b.list = nil
	return list, b.lost
}
