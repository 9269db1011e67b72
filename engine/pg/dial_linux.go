package pg

import (
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func (l Liveness) control(network, _ string, c syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	return BoundUnacknowledged(c, l.Unacknowledged)
}

// BoundUnacknowledged sets [Liveness.Unacknowledged] of a TCP connection.
func BoundUnacknowledged(c syscall.RawConn, bound time.Duration) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(bound.Milliseconds()))
	})
	if err != nil {
		return err
	}
	return failed
}
