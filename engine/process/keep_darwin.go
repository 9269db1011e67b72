package process

import "golang.org/x/sys/unix"

const (
	canKeep  = false
	earType  = unix.SOCK_STREAM
	noSignal = 0
)
