package engine

import (
	"errors"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
)

// RefusedError says that a circuit breaker lets a call not through.
type RefusedError struct {
	Unit, Reason string
	Until        time.Time // zero: nobody knows
}

func (e *RefusedError) Error() string { return e.Unit + ": " + e.Reason }

// Permit is one call that a circuit breaker lets through: the first of its
// methods that is called counts.
type Permit struct{ breaker.Permit }

// Failed says that the call failed, and in a few words why.
func (p *Permit) Failed(why string) { p.Failure(breaker.Evidence{Error: why}) }

// Permit asks the circuit breaker of a unit, a breaker or a database, for one
// call. The error is a [*RefusedError] where that may not be.
func (e *Engine) Permit(unit string) (*Permit, error) {
	m := e.core.definitions()[unit]
	if m == nil {
		return nil, e.check(Command{Verb: "trip", Units: []string{unit}})
	}
	w, ok := m.work.(guarded)
	if !ok || w.breaker() == nil {
		return nil, &ActionError{Unit: unit, Action: "exec", Known: e.actionsOf(m)}
	}
	p := new(Permit)
	var err error
	p.Permit, err = w.breaker().Permit()
	if open, ok := errors.AsType[*breaker.OpenError](err); ok {
		return nil, &RefusedError{Unit: unit, Reason: open.Reason, Until: open.Until}
	}
	return p, err
}
