package gateway

import (
	"errors"
	"syscall"
)

// passes reports whether a failure to accept a connection is one of the
// moment: no descriptors, or a client that has gone meanwhile.
func passes(err error) bool {
	for _, e := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ECONNABORTED, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
