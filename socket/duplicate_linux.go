package socket

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// Duplicate returns another descriptor of a connection, which the caller
// closes, or -1 where it is no plain one or no descriptor is left. With it a
// connection is taken out of Go's poller: close conn, and keep this one.
func Duplicate(conn net.Conn) int {
	var raw syscall.RawConn
	var err error
	switch c := conn.(type) {
	case *net.TCPConn:
		raw, err = c.SyscallConn()
	case *net.UnixConn:
		raw, err = c.SyscallConn()
	default:
		return -1
	}
	if err != nil {
		return -1
	}
	return duplicate(raw)
}

// DuplicateListener is [Duplicate] for a listener.
func DuplicateListener(l net.Listener) int {
	of, ok := l.(syscall.Conn)
	if !ok {
		return -1
	}
	raw, err := of.SyscallConn()
	if err != nil {
		return -1
	}
	return duplicate(raw)
}

func duplicate(raw syscall.RawConn) int {
	another := -1
	err := raw.Control(func(fd uintptr) {
		if n, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0); err == nil {
			another = n
		}
	})
	if err != nil {
		return -1
	}
	return another
}
