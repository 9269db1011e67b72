package process

import "golang.org/x/sys/unix"

const (
	// canKeep says that a guardian may have copies of listening sockets: on
	// Linux a socket can be told to listen no longer while others have it.
	canKeep  = true
	earType  = unix.SOCK_SEQPACKET
	noSignal = unix.MSG_NOSIGNAL
)
