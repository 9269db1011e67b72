package engine

import (
	"fmt"
	"math"
	"time"

	"github.com/syndicate/syndicate/spec"
)

// again decides what follows a run that ended by itself: another attempt,
// now or later, or none.
func (m *machine) again(i int, out Outcome) {
	u := m.units[i]
	cause := "ended"
	if out.Err != nil {
		cause = out.Err.Error()
	}
	if out.Permanent {
		m.fail(i, cause)
		return
	}
	if !u.everReady {
		if u.attempt >= u.first.Attempts {
			if u.first.Attempts > 1 {
				cause = fmt.Sprintf("%s (attempt %d of %d)", cause, u.attempt, u.first.Attempts)
			}
			m.giveUp(i, cause)
			return
		}
		u.streak++
		m.delay(i, backoff(u.first.Backoff, u.streak, m.random()), cause)
		return
	}
	m.restart(i, out, cause)
}

// restart applies the restart policy of a unit that was ready before.
func (m *machine) restart(i int, out Outcome, cause string) {
	u := m.units[i]
	switch {
	case u.policy.restart.On == "never":
		m.fail(i, cause+`; restart.on is "never"`)
		return
	case u.policy.restart.On == "failure" && out.Clean:
		m.fail(i, cause+`; restart.on is "failure", and this exit was none`)
		return
	}
	if !u.readyAt.IsZero() && m.now.Sub(u.readyAt) >= healthyAgain {
		u.streak = 0
	}
	if out.Outside {
		u.restarts++
		u.streak++
		m.delay(i, backoff(u.policy.restart.Backoff, u.streak-1, m.random()), cause)
		return
	}
	recent := u.window[:0]
	for _, t := range u.window {
		if m.now.Sub(t) < u.policy.restart.Within.Std() {
			recent = append(recent, t)
		}
	}
	u.window = recent
	if limit := u.policy.restart.Limit; len(recent) >= limit {
		restarts := fmt.Sprintf("%d restarts", limit)
		if limit == 1 {
			restarts = "1 restart"
		}
		m.giveUp(i, fmt.Sprintf("%s; gave up after %s within %s", cause, restarts, u.policy.restart.Within))
		return
	}
	u.window = append(u.window, m.now)
	u.restarts++
	u.streak++
	// The first new attempt after health comes at once.
	m.delay(i, backoff(u.policy.restart.Backoff, u.streak-1, m.random()), cause)
}

// giveUp fails a unit whose attempts are used up, until restart.again_after
// where that is declared.
func (m *machine) giveUp(i int, cause string) {
	u := m.units[i]
	m.fail(i, cause)
	if after := u.policy.restart.AgainAfter; after > 0 && m.phase < phaseStopping {
		u.window, u.streak, u.attempt = nil, 0, 0
		m.timer(i, after.Std())
	}
}

// delay waits before the next attempt.
func (m *machine) delay(i int, d time.Duration, cause string) {
	if d <= 0 {
		m.set(i, Pending, cause)
		m.enqueue(i)
		return
	}
	m.set(i, Backoff, cause)
	m.timer(i, d)
}

func (m *machine) timer(i int, d time.Duration) {
	u := m.units[i]
	m.timers++
	u.timer, u.nextAt = m.timers, m.now.Add(d)
	m.effects = append(m.effects, setTimer{i, u.timer, u.nextAt})
}

// backoff returns the wait before new attempt n, from 1; 0 is no wait.
// random is in [0, 1) and spreads the wait by the jitter.
func backoff(b spec.Backoff, n int, random float64) time.Duration {
	if n <= 0 {
		return 0
	}
	d := float64(b.Delay) * math.Pow(max(b.Factor, 1), float64(n-1))
	if limit := float64(b.MaxDelay); limit > 0 && d > limit {
		d = limit
	}
	return time.Duration(d * (1 + float64(b.Jitter)*(2*random-1)))
}
