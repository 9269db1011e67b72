package localsocket

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Address returns an address that fits of a socket in a directory. A long
// path is reached through a descriptor of the directory, which done closes.
func Address(dir, name string) (addr string, done func(), err error) {
	path := filepath.Join(dir, name)
	if len(path) <= maxAddr {
		return path, func() {}, nil
	}
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", fd, name), func() { _ = unix.Close(fd) }, nil
}

// PeerOf asks the kernel who is at the other end.
func PeerOf(conn net.Conn) (Peer, error) {
	uc, ok := conn.(*net.UnixConn)
	if !ok {
		return Peer{}, errors.New("ask for peer: no Unix socket")
	}
	raw, err := uc.SyscallConn()
	if err != nil {
		return Peer{}, fmt.Errorf("ask for peer: %w", err)
	}
	var cred *unix.Ucred
	var got error
	if err := raw.Control(func(fd uintptr) {
		cred, got = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return Peer{}, fmt.Errorf("ask for peer: %w", err)
	}
	if got != nil {
		return Peer{}, fmt.Errorf("ask for peer: %w", got)
	}
	return Peer{UID: int(cred.Uid), PID: int(cred.Pid)}, nil
}
