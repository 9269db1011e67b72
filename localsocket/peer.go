package localsocket

import (
	"cmp"
	"errors"
	"fmt"
	"net"
)

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
	err = raw.Control(func(fd uintptr) { peer, got = credentials(int(fd)) })
	if err = cmp.Or(err, got); err != nil {
		return Peer{}, fmt.Errorf("ask for peer: %w", err)
	}
	return peer, nil
}
