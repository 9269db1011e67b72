package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/syndicate/syndicate/engine/store"
	"github.com/syndicate/syndicate/view"
)

// The facts that outlive an engine. Holds stay until start; the others are of
// one life of the system, which a crash of its engine does not end.
const (
	factHeld      = "held/"      // and a unit: who stopped it, and when
	factCompleted = "completed/" // and a one-shot unit: the run digest of what has completed
	factGuard     = "breaker/"   // and a breaker: its state, also for the next life
	factEnviron   = "environ"    // the base environment of children
	factSight     = "sight"      // how everything was: see sight
)

// record is what a state directory remembers of a system.
type record struct {
	*store.Store
	held      map[string]string
	completed map[string]string
	environ   []string
	dir       string
	seq       uint64 // of the last event
	guards    map[string][]byte
}

// remember opens the store of a state directory. Where the last engine ended
// in good order, another life begins, with an environment of its own.
func (h *home) remember(environ []string, logger hclog.Logger) (*record, error) {
	s, err := store.Open(store.Config{Dir: h.lock.Dir(), Life: h.life, Logger: logger})
	if err != nil {
		return nil, err
	}
	r := &record{Store: s, held: map[string]string{}, completed: map[string]string{}, environ: environ, dir: h.lock.Dir(), guards: map[string][]byte{}}
	for _, f := range s.List(factGuard) {
		r.guards[strings.TrimPrefix(f.Key, factGuard)] = f.Value
	}
	for _, f := range s.List(factHeld) {
		r.held[strings.TrimPrefix(f.Key, factHeld)] = string(f.Value)
	}
	if !h.goesOn {
		r.endLife()
		return r, r.begin(environ)
	}
	for _, f := range s.List(factCompleted) {
		r.completed[strings.TrimPrefix(f.Key, factCompleted)] = string(f.Value)
	}
	kept, ok := s.Get(factEnviron)
	if !ok || json.Unmarshal(kept, &r.environ) != nil {
		return r, r.begin(environ)
	}
	return r, nil
}

// begin keeps the environment that a life begins with.
func (r *record) begin(environ []string) error {
	r.environ = environ
	text, err := json.Marshal(environ)
	if err != nil {
		return err
	}
	return r.Put(factEnviron, text)
}

// endLife forgets what concerns one life alone.
func (r *record) endLife() {
	for _, f := range r.List(factCompleted) {
		r.Delete(f.Key)
	}
	r.Delete(factEnviron)
	r.Delete(factSight)
}

// windUp ends a life in good order. The disk takes its time for that, and is
// given that of what follows until the Close.
func (r *record) windUp() {
	r.endLife()
	r.Repose()
}

// hold remembers that a person stopped a unit, or with an empty reason that
// nobody holds it any more.
func (r *record) hold(unit, by string) {
	if by == "" {
		r.Delete(factHeld + unit)
		return
	}
	_ = r.Put(factHeld+unit, []byte(by)) // far smaller than a fact may be
}

// saveGuard remembers what a breaker has seen.
func (r *record) saveGuard(unit string, record []byte) {
	_ = r.Put(factGuard+unit, record) // one that is too large is lost, and begins anew
}

// complete remembers that a one-shot unit has completed.
func (r *record) complete(unit, runDigest string) {
	_ = r.Put(factCompleted+unit, []byte(runDigest))
}

// recalled returns what the record of a system that does not run says: who
// stopped which unit and, where its life goes on, which tasks have completed.
func recalled(ctx context.Context, dir string, goesOn bool) (held, completed map[string]string, err error) {
	reader, err := store.OpenReader(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if held, err = factsBelow(ctx, reader, factHeld); err != nil || !goesOn {
		return held, nil, err
	}
	completed, err = factsBelow(ctx, reader, factCompleted)
	return held, completed, err
}

// tellBroken says that a journal cannot be read, and what becomes of it.
func (s *session) tellBroken(e *store.BrokenError) {
	view.Warning(s.stderr, s.stderr.colour, e.Error()+"; the next up sets it aside and begins a new one")
}

func factsBelow(ctx context.Context, r *store.Reader, prefix string) (map[string]string, error) {
	facts, err := r.List(ctx, prefix)
	found := make(map[string]string, len(facts))
	for _, f := range facts {
		found[strings.TrimPrefix(f.Key, prefix)] = string(f.Value)
	}
	return found, err
}
