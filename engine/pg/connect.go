package pg

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/spec"
)

// Attempt is one that failed, with the wait before the next.
type Attempt struct {
	Number int // from 1
	Of     int
	Next   time.Duration // 0 after the last
	Err    error
}

// ConnectConfig says how to reach a database that runs elsewhere.
type ConnectConfig struct {
	Endpoint Endpoint
	Retry    spec.Retry    // as decoded, defaults filled in
	Timeout  time.Duration // of one attempt; 0 is 5 seconds
	Report   func(Attempt) // of failed attempts; nil drops them
	// Jitter returns a number in [0, 1); nil is random.
	Jitter func() float64
}

// Connect checks that the database answers, and tries again while the
// connection is what fails: refused, lost, starting, full. What trying again
// cannot mend (a wrong password, an unknown database) ends it at once.
func Connect(ctx context.Context, cfg ConnectConfig) error {
	if cfg.Jitter == nil {
		cfg.Jitter = rand.Float64
	}
	if cfg.Report == nil {
		cfg.Report = func(Attempt) {}
	}
	attempts := max(cfg.Retry.Attempts, 1)
	timer := time.NewTimer(0)
	defer timer.Stop()
	var seen error
	for n := 1; ; n++ {
		err := cfg.Endpoint.Check(ctx, cfg.Timeout)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("connect to %s: %w%s", cfg.Endpoint.Address(), context.Cause(ctx), lastSeen(seen))
		}
		seen = telling(seen, err)
		last := !IsTemporary(err) || n >= attempts
		wait := time.Duration(0)
		if !last {
			wait = Wait(n, cfg.Retry.Backoff, cfg.Jitter())
		}
		cfg.Report(Attempt{Number: n, Of: attempts, Next: wait, Err: err})
		if last {
			return giveUp(err, n)
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return fmt.Errorf("connect to %s: %w%s", cfg.Endpoint.Address(), context.Cause(ctx), lastSeen(seen))
		case <-timer.C:
		}
	}
}

// giveUp says after how many attempts, where there was more than one.
func giveUp(err error, attempts int) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || attempts == 1 {
		return err
	}
	final := *e
	final.Reason = fmt.Sprintf("%s, %d times in a row", e.Reason, attempts)
	return &final
}

// Wait returns how long to wait after the nth failure in a row, before the
// next attempt. The first new attempt comes at once. jitter is a random
// number in [0, 1).
func Wait(n int, b spec.Backoff, jitter float64) time.Duration {
	if n <= 1 {
		return 0
	}
	wait, longest := float64(b.Delay), float64(b.MaxDelay)
	for range n - 2 {
		wait *= max(b.Factor, 1)
		if longest > 0 && wait >= longest {
			break
		}
	}
	if longest > 0 {
		wait = min(wait, longest)
	}
	return time.Duration(wait * (1 + float64(b.Jitter)*(2*jitter-1)))
}

// Check connects once and asks for something. timeout bounds all of it; 0 is
// 5 seconds. It is also the default action of a database.
func (e Endpoint) Check(ctx context.Context, timeout time.Duration) error {
	if timeout <= 0 {
		timeout = tryTimeout
	}
	return e.With(ctx, timeout, func(ctx context.Context, conn *pgx.Conn) error {
		var one int
		return conn.QueryRow(ctx, "select 1").Scan(&one)
	})
}
