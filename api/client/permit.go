package client

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/syndicate/syndicate/api"
)

// Permit is a call that a circuit breaker lets through. It is held by a
// connection to the engine: a process that dies has told nothing.
type Permit struct {
	api.Permit
	client *Client
	cancel context.CancelFunc
	ended  chan struct{} // closed when the stream has ended, with err
	err    error
}

// RefusedError says that a circuit breaker lets a call not through.
type RefusedError struct{ api.Permit }

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s lets nothing through: %s", e.Breaker, e.Reason)
}

// Permit asks a circuit breaker for one call. The error is a [*RefusedError]
// where that may not be. Of a permit the outcome is to be told, or Close.
func (c *Client) Permit(ctx context.Context, unit string) (*Permit, error) {
	ctx, cancel := context.WithCancel(ctx)
	p := &Permit{client: c, cancel: cancel, ended: make(chan struct{})}
	first := make(chan api.Permit, 1)
	go func() {
		defer close(p.ended)
		p.err = follow(ctx, c, request{method: http.MethodPost, path: api.PathPermits, query: url.Values{"unit": {unit}}}, func(v api.Permit) error {
			select {
			case first <- v:
			default: // of a later version
			}
			return nil
		})
	}()
	select {
	case p.Permit = <-first:
	case <-p.ended:
		select {
		case p.Permit = <-first: // a refusal is told and ended in one
		default:
			cancel()
			return nil, fmt.Errorf("ask %s for a call: %w", unit, cmp.Or(p.err, error(ErrUnfinished)))
		}
	}
	if p.ID == "" {
		p.Close()
		return nil, &RefusedError{p.Permit}
	}
	return p, nil
}

// End tells how the call went.
func (p *Permit) End(ctx context.Context, outcome, why string) error {
	defer p.Close()
	b, err := jsonBody(api.Outcome{ID: p.ID, Outcome: outcome, Error: why})
	if err != nil {
		return err
	}
	ctx, cancel := answerBy(ctx)
	defer cancel()
	resp, err := p.client.do(ctx, http.MethodPost, api.PathOutcomes, nil, b)
	if err != nil {
		return fmt.Errorf("tell %s how the call went: %w", p.Breaker, err)
	}
	defer resp.Body.Close()
	var told api.Outcome
	return json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&told)
}

// Close gives the permit back, as if nothing had been called.
func (p *Permit) Close() {
	p.cancel()
	<-p.ended
}
