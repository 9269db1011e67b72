package localsocket

import (
	"errors"
	"fmt"
	"net"
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
	var peer Peer
	var got error
	if err := raw.Control(func(fd uintptr) {
		cred, err := unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
		if err != nil {
			got = err
			return
		}
		peer.UID = int(cred.Uid)
		peer.PID, got = unix.GetsockoptInt(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERPID)
	}); err != nil {
		return Peer{}, fmt.Errorf("ask for peer: %w", err)
	}
	if got != nil {
		return Peer{}, fmt.Errorf("ask for peer: %w", got)
	}
	return peer, nil
}
