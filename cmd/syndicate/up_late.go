package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/api/client"
	"github.com/syndicate/syndicate/engine"
)

// errSlow is the cause of a wait that lasted longer than --timeout.
var errSlow = errors.New("the timeout is over")

// lateWait bounds how long an engine may take to say what it still waits for:
// whoever set a timeout has waited already.
const lateWait = 2 * time.Second

// lostEngine says why nothing more is heard of an engine.
func (c *upCmd) lostEngine(ctx context.Context, s *session, dir string, err error) error {
	switch {
	case errors.Is(context.Cause(ctx), errSlow):
		return c.slow(s, dir)
	case ctx.Err() != nil:
		return s.left(ctx, err)
	}
	return failWith(fmt.Errorf("lost the engine: %w", err), s.here("status"))
}

// slow says that a system was not ready in time, and what of it is not.
func (c *upCmd) slow(s *session, dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), lateWait)
	defer cancel()
	late := &exitError{code: exitNotReady, hint: s.here("status")}
	st, err := client.New(dir).StatusWithLines(ctx, quoted)
	if err != nil {
		who := "its engine"
		if info, held, _, _ := holder(dir); held {
			who = fmt.Sprintf("the engine (pid %d)", info.PID)
		}
		late.err = fmt.Errorf("not ready within %s; what has begun goes on, and %s does not answer", c.Timeout, who)
		return late
	}
	units := unready(st)
	late.err = fmt.Errorf("%snot ready within %s; what has begun goes on", culprits(units), c.Timeout)
	show := s.follow(nil, unitIDs(units))
	show.view.Unready(units, st.Now)
	show.view.Flush()
	if len(units) > 0 && len(units[0].Lines) > 0 {
		late.hint = s.here("logs", units[0].ID)
	}
	return late
}

// unready lists the units that a system still waits for: first those that are
// on their way or in trouble, then those that wait for them.
func unready(st api.Status) []api.Unit {
	var first, then []api.Unit
	for _, u := range st.Units {
		switch engine.State(u.State) {
		case engine.Starting, engine.Backoff, engine.Unhealthy, engine.Failed, engine.Stopping:
			first = append(first, u)
		case engine.Pending, engine.Blocked:
			if u.Held == "" {
				then = append(then, u)
			}
		}
	}
	return slices.Concat(first, then)
}

func unitIDs(units []api.Unit) []string {
	ids := make([]string, len(units))
	for i, u := range units {
		ids[i] = u.ID
	}
	return ids
}

// culprits names who is not ready, as the subject of a sentence.
func culprits(units []api.Unit) string {
	ids := unitIDs(units)
	switch n := len(ids); {
	case n == 0:
		return ""
	case n == 1:
		return ids[0] + " is "
	case n > named:
		return fmt.Sprintf("%s and %d more are ", strings.Join(ids[:named], ", "), n-named)
	default:
		return strings.Join(ids[:n-1], ", ") + " and " + ids[n-1] + " are "
	}
}
