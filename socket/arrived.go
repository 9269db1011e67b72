package socket

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// arrived is [Arrived] for any connection that is a socket.
func arrived(conn net.Conn) bool {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return true
	}
	var looked error
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		for {
			_, _, looked = unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
			if looked != unix.EINTR {
				return
			}
		}
	})
	return err != nil || looked != unix.EAGAIN
}
