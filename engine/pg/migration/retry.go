package migration

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// lockAttempts is how often a file, or a unit of it, is tried that could not
// get a lock.
const lockAttempts = 5

// lacksLock reports whether trying again may help: the lock was not to be had
// in time, or PostgreSQL ended a deadlock.
func lacksLock(err error) bool {
	pe, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pe.Code == "55P03" || pe.Code == "40P01")
}

// retryWait is the wait after so many attempts, with jitter: two deployers
// that met do not meet again.
func retryWait(attempt int) time.Duration {
	return time.Duration((0.5 + rand.Float64()) * float64(time.Duration(attempt)*200*time.Millisecond))
}

// pause waits, or returns the cause of a cancellation.
func pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
