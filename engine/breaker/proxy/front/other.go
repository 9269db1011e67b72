//go:build !linux

package front

import (
	"net"
	"syscall"
)

// departures would tell of clients that go away.
type departures struct{}

// newDepartures returns nil: everything is net/http's.
func newDepartures() *departures { return nil }

func (*departures) watch()         {}
func (*departures) close()         {}
func (*departures) add(*conn) bool { return false }
func (*departures) remove(*conn)   {}

func ended(syscall.RawConn) bool { return false }

// turnstile would let others go first.
type turnstile struct{}

func newTurnstile() *turnstile { return nil }

func (*turnstile) stepBack() {}
func (*turnstile) close()    {}

// reading would be a read that knows whether it waited.
type reading struct{}

func (*conn) read([]byte) (int, bool, error) { return 0, false, net.ErrClosed }
