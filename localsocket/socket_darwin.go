package localsocket

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Address returns an address that fits of a socket in a directory.
func Address(dir, name string) (addr string, done func(), err error) {
	path := filepath.Join(dir, name)
	if len(path) > maxAddr {
		return "", nil, fmt.Errorf("the path %s is too long for a socket (%d bytes, at most %d): choose a shorter state_dir", path, len(path), maxAddr)
	}
	return path, func() {}, nil
}

// credentials asks about a socket.
func credentials(fd int) (Peer, error) {
	cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return Peer{}, err
	}
	pid, err := unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID)
	return Peer{UID: int(cred.Uid), PID: pid}, err
}
