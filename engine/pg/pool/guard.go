package pool

import (
	"context"
	"errors"

	"github.com/syndicate/syndicate/engine/pg"
)

// Guard is a circuit breaker as the pool needs it. Its Permit lets one
// attempt through, or says why none may be made now.
type Guard interface {
	Permit() (Permit, error)
}

// Permit is told how its attempt went: one of the three, once.
type Permit interface {
	Success()
	Failure(reason string)
	Neutral()
}

// unguarded lets everything through.
type unguarded struct{}

func (unguarded) Success()       {}
func (unguarded) Failure(string) {}
func (unguarded) Neutral()       {}

// permit asks the breaker.
func (p *Pool) permit() (Permit, error) {
	if p.cfg.Guard == nil {
		return unguarded{}, nil
	}
	permit, err := p.cfg.Guard.Permit()
	if err != nil {
		return nil, &OpenError{Name: p.cfg.Name, Err: err}
	}
	return permit, nil
}

// glance is permit for a health check, which looks whatever the breaker
// says: where that refuses, what is seen does not count for it.
func (p *Pool) glance() (Permit, error) {
	permit, err := p.permit()
	if err != nil {
		return unguarded{}, nil
	}
	return permit, nil
}

// outcome is how an attempt went, as a breaker sees it.
type outcome int

const (
	neutral outcome = iota // it says nothing of the database
	succeeded
	failed
)

// outcomeOf judges an attempt by its error. An answer is a success, also
// where it is an error of SQL or a refused login: the server is there.
func outcomeOf(ctx context.Context, err error) outcome {
	own, isOwn := errors.AsType[*pg.Error](err)
	switch {
	case err == nil:
		return succeeded
	case ctx.Err() != nil:
		return neutral
	case ConnectionClass(err):
		return failed
	case isOwn && own.SQLState != "":
		return succeeded
	}
	return neutral
}

func (o outcome) settle(p Permit, err error) {
	switch o {
	case succeeded:
		p.Success()
	case failed:
		reason := err.Error()
		if e, ok := errors.AsType[*pg.Error](err); ok {
			reason = e.Reason // without the address, which is the same each time
			if e.SQLState != "" {
				reason += " (" + e.SQLState + ")"
			}
		}
		p.Failure(reason)
	default:
		p.Neutral()
	}
}
