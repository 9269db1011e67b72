package engine

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/syndicate/syndicate/engine/breaker"
	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/share"
	"github.com/syndicate/syndicate/spec"
)

// sharing is how a breaker stands with those of other engines.
type sharing struct {
	with spec.Addr
	err  error // why it is on its own
	read bool  // what the others say was read once
}

// errNotYet says that nothing was heard of the others so far.
var errNotYet = errors.New("what the others say is not read yet")

// share keeps the breaker at one with those of its name in other engines with
// a system of the same name, until ctx ends. Without its database the breaker
// goes on by itself.
func (w *breakerWork) share(ctx context.Context, b *spec.Breaker) {
	if b.Share.IsZero() {
		w.shared.Store(nil)
		return
	}
	w.shared.Store(&sharing{with: b.Share, err: errNotYet})
	m := w.member(b.Share)
	moved, stop := w.guard.Watch()
	defer stop()
	err := share.Follow(ctx, share.Config{
		Key:       w.engine.System().Name + "/" + b.Addr.String(),
		Endpoint:  func() (pg.Endpoint, error) { return w.directEndpoint(b.Share) },
		Settle:    func(e *share.Entry) ([]byte, error) { return m.Settle((*breaker.Entry)(e)) },
		Agreed:    func(e share.Entry) (bool, error) { return m.Agreed(breaker.Entry(e)) },
		Changed:   moved,
		Connected: func(err error) { w.alone(b, err) },
	})
	if err != nil { // a later version wrote it
		w.alone(b, err)
	}
}

// member returns what keeps the breaker at one with the others, the same one
// for as long as it is the same database.
func (w *breakerWork) member(with spec.Addr) *breaker.Member {
	if w.joined == nil || w.joinedTo != with {
		host, err := os.Hostname()
		if err != nil {
			host = "this machine"
		}
		w.joined, w.joinedTo = breaker.NewMember(w.guard, fmt.Sprintf("the engine on %s, pid %d", host, os.Getpid())), with
	}
	return w.joined
}

// alone notes why the breaker is on its own, nil where it is not, and tells
// of it where that is new.
func (w *breakerWork) alone(b *spec.Breaker, err error) {
	if err != nil {
		err = errors.New(w.redact.clean(err.Error()))
	}
	before := w.shared.Swap(&sharing{with: b.Share, err: err, read: true})
	switch {
	case err != nil && (before == nil || before.err == nil || !before.read):
		w.log.Warn("a breaker is on its own: what it shares cannot be reached", "unit", b.Addr.String(), "database", b.Share.String(), "error", err)
	case err == nil && before != nil && before.err != nil && before.read:
		w.log.Info("a breaker shares its state again", "unit", b.Addr.String(), "database", b.Share.String())
	}
}

// text is what status says of it.
func (s *sharing) text() string {
	switch {
	case s == nil:
		return ""
	case s.err != nil:
		return "on its own, without " + s.with.String() + ": " + s.err.Error()
	}
	return s.with.String()
}

// directEndpoint returns where a database that answers is, past its gateway.
func (s *site) directEndpoint(addr spec.Addr) (pg.Endpoint, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.endpoints[addr]
	if !ok {
		return e, fmt.Errorf("%s is not ready", addr)
	}
	return e, nil
}
