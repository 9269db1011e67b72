package pool

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/syndicate/syndicate/engine/pg"
)

// ErrClosed is the cause that uses of a pool end with when it is closed.
var ErrClosed = errors.New("the database is being stopped")

// ClosedError says that a database is not reached now: its server does not
// run, or has not answered yet.
type ClosedError struct{ Name string }

func (e *ClosedError) Error() string { return e.Name + " is not ready" }

// Holder is who has a connection.
type Holder struct {
	What  string // in two or three words: schema check
	Since time.Time
}

// BusyError says that no connection was free in time.
type BusyError struct {
	Name    string
	Max     int           // connections of the pool
	Waited  time.Duration // acquire_timeout
	Holders []Holder      // the longest first
}

func (e *BusyError) Error() string {
	const shown = 3
	var who []string
	for _, h := range e.Holders[:min(len(e.Holders), shown)] {
		who = append(who, fmt.Sprintf("%s for %s", h.What, time.Since(h.Since).Round(time.Millisecond)))
	}
	if more := len(e.Holders) - shown; more > 0 {
		who = append(who, fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("wait for a connection to %s: none of the pool's %d was free within acquire_timeout, %s; they are taken by: %s",
		e.Name, e.Max, e.Waited, strings.Join(who, ", "))
}

// OpenError says that the breaker of a database lets nothing through now.
type OpenError struct {
	Name string
	Err  error // of the breaker: why, and until when
}

func (e *OpenError) Error() string { return e.Name + ": " + e.Err.Error() }

// Unwrap returns what the breaker said.
func (e *OpenError) Unwrap() error { return e.Err }

// ConnectionClass reports whether an error is of the connection and not of
// what was asked over it: refused, lost, or no answer in time, the codes of
// class 08, 57P01 to 57P03 (the server stops, crashed or starts) and 53300
// (it is full). Those alone count against a breaker.
func ConnectionClass(err error) bool {
	e, ok := errors.AsType[*pg.Error](err)
	if !ok {
		return false
	}
	switch e.SQLState {
	case "":
		return e.Temporary
	case "57P01", "57P02", "57P03", "53300":
		return true
	}
	return strings.HasPrefix(e.SQLState, "08")
}
