//go:build !linux

package front

import "syscall"

// departures would tell of clients that go away.
type departures struct{}

// newDepartures returns nil: everything is net/http's.
func newDepartures() *departures { return nil }

func (*departures) watch()         {}
func (*departures) close()         {}
func (*departures) add(*conn) bool { return false }
func (*departures) remove(*conn)   {}

func ended(syscall.RawConn) bool { return false }
