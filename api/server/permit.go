package server

import (
	"crypto/rand"
	"errors"
	"net/http"
	"sync"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/engine"
)

// Breakers let calls through. *engine.Engine is one.
type Breakers interface {
	Permit(unit string) (*engine.Permit, error)
}

// permits are those that clients hold, by their names.
type permits struct {
	mu   sync.Mutex
	held map[string]*held // guarded by mu
}

// held is a permit whose stream is open.
type held struct {
	permit *engine.Permit
	told   chan struct{} // closed once its outcome is
}

func (p *permits) add(permit *engine.Permit) (id string, h *held) {
	id, h = rand.Text(), &held{permit, make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil {
		p.held = map[string]*held{}
	}
	p.held[id] = h
	return id, h
}

// take returns a permit to whoever is the first to ask.
func (p *permits) take(id string) *held {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.held[id]
	delete(p.held, id)
	return h
}

// permit asks a circuit breaker for a call. The stream holds what it gives.
func (s *Server) permit(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Breakers == nil {
		missing(w, "circuit breakers")
		return
	}
	unit := r.URL.Query().Get("unit")
	p, err := s.cfg.Breakers.Permit(unit)
	refused, isRefused := errors.AsType[*engine.RefusedError](err)
	if err != nil && !isRefused {
		fail(w, http.StatusNotFound, err.Error())
		return
	}
	out := newStream(w, r)
	if isRefused {
		out.send("", api.Permit{Breaker: unit, Reason: refused.Reason, Until: refused.Until})
		out.end(nil)
		return
	}
	defer p.Neutral() // where nobody tells how it went
	ctx, done := s.following(out)
	defer done()
	id, h := s.permits.add(p)
	defer s.permits.take(id)
	if out.send("", api.Permit{ID: id, Breaker: unit, Trial: p.Trial()}) {
		select {
		case <-h.told:
		case <-ctx.Done():
		}
	}
	out.end(nil)
}

// outcome takes how a call went.
func (s *Server) outcome(w http.ResponseWriter, r *http.Request) {
	var o api.Outcome
	if !decode(w, r, "outcome", &o) {
		return
	}
	switch o.Outcome {
	case api.CallSucceeded, api.CallFailed, api.CallNeutral:
	default:
		fail(w, http.StatusBadRequest, `an outcome is success, failure or neutral: {"id":"…","outcome":"failure","error":"exit code 3"}`)
		return
	}
	h := s.permits.take(o.ID)
	if h == nil {
		fail(w, http.StatusGone, "there is no such permit: its stream has ended, or its outcome was told")
		return
	}
	switch o.Outcome {
	case api.CallSucceeded:
		h.permit.Success()
	case api.CallFailed:
		h.permit.Failed(o.Error)
	default:
		h.permit.Neutral()
	}
	close(h.told)
	answer(w, http.StatusOK, jsonType, o)
}
