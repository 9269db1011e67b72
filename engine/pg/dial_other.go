//go:build !linux

package pg

import (
	"syscall"
	"time"
)

// control does nothing where the kernel has no such bound.
func (l Liveness) control(string, string, syscall.RawConn) error { return nil }

// BoundUnacknowledged does nothing where the kernel has no such bound.
func BoundUnacknowledged(syscall.RawConn, time.Duration) error { return nil }
