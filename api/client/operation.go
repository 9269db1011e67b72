package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/syndicate/syndicate/api"
)

// ApplyRequest asks to do what a bundle declares.
type ApplyRequest struct {
	Bundle     []byte
	PlanDigest string // of the plan that was shown; empty: whatever it is
	NoRollback bool
	Offline    bool     // databases that run elsewhere are not asked
	Targets    []string // addresses; empty: everything
	// Guess says that the bundle was made of the engine's questions, by
	// somebody who has not decoded it: where there is anything to say of it
	// the outcome is "unsure", and nothing was done.
	Guess bool
}

// Apply has a bundle applied and returns how that ended. It calls progress,
// which may be nil, with each event before. When ctx ends first, an apply
// that had begun goes on without this client.
func (c *Client) Apply(ctx context.Context, req ApplyRequest, progress func(api.Progress)) (api.Result, error) {
	query := url.Values{}
	if req.PlanDigest != "" {
		query.Set("plan", req.PlanDigest)
	}
	if req.NoRollback {
		query.Set("no_rollback", "true")
	}
	if req.Guess {
		query.Set("guess", "true")
	}
	if req.Offline {
		query.Set("offline", "true")
	}
	if len(req.Targets) > 0 {
		query["target"] = req.Targets
	}
	r, err := c.operate(ctx, request{
		http.MethodPost, api.PathApply, query, &body{"application/octet-stream", req.Bundle},
	}, progress)
	if err != nil {
		return r, fmt.Errorf("apply: %w", err)
	}
	return r, nil
}

// Command tells units to do something and returns how that ended. It calls
// progress, which may be nil, with each event before.
func (c *Client) Command(ctx context.Context, req api.CommandRequest, progress func(api.Progress)) (api.Result, error) {
	b, err := jsonBody(req)
	if err != nil {
		return api.Result{}, fmt.Errorf("%s: %w", req.Verb, err)
	}
	r, err := c.operate(ctx, request{http.MethodPost, api.PathCommands, nil, b}, progress)
	if err != nil {
		return r, fmt.Errorf("%s: %w", req.Verb, err)
	}
	return r, nil
}

func (c *Client) operate(ctx context.Context, req request, progress func(api.Progress)) (api.Result, error) {
	var result *api.Result
	err := follow(ctx, c, req, func(p api.Progress) error {
		if p.Result != nil {
			result = p.Result
		} else if progress != nil {
			progress(p)
		}
		return nil
	})
	switch {
	case result != nil:
		return *result, nil
	case err == nil:
		err = ErrUnfinished
	}
	return api.Result{}, err
}

// EventQuery says which events to read.
type EventQuery struct {
	After  uint64    // only those with a higher number
	Since  time.Time // only those that happened then or later, unless After is set
	Units  []string
	Tail   int // only the last ones of those that have happened; 0: all
	Follow bool
}

// Events calls fn with what happened, oldest first, and with Follow with what
// happens. An error of fn ends it and is returned.
func (c *Client) Events(ctx context.Context, q EventQuery, fn func(api.Event) error) error {
	query := readQuery(q.Units, q.Tail, q.Follow, q.Since)
	if q.After > 0 {
		query.Set("since", strconv.FormatUint(q.After, 10))
	}
	if err := follow(ctx, c, request{http.MethodGet, api.PathEvents, query, nil}, fn); err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	return nil
}

// LogQuery says which lines to read.
type LogQuery struct {
	Units  []string
	Since  time.Time
	Tail   int    // only the last lines, of all units together; 0: all
	Grep   string // a regular expression
	Follow bool
}

// Logs calls fn with what units wrote, merged by time, and with Follow with
// what they write. An error of fn ends it and is returned.
func (c *Client) Logs(ctx context.Context, q LogQuery, fn func(api.LogLine) error) error {
	query := readQuery(q.Units, q.Tail, q.Follow, q.Since)
	if q.Grep != "" {
		query.Set("grep", q.Grep)
	}
	if err := follow(ctx, c, request{http.MethodGet, api.PathLogs, query, nil}, fn); err != nil {
		return fmt.Errorf("read logs: %w", err)
	}
	return nil
}

// readQuery is what reading events and logs has in common.
func readQuery(units []string, tail int, follow bool, since time.Time) url.Values {
	query := url.Values{}
	if len(units) > 0 {
		query["unit"] = units
	}
	if tail > 0 {
		query.Set("tail", strconv.Itoa(tail))
	}
	if follow {
		query.Set("follow", "true")
	}
	if !since.IsZero() {
		query.Set("since", since.UTC().Format(time.RFC3339Nano))
	}
	return query
}
