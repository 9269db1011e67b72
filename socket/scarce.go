package socket

import (
	"errors"
	"syscall"
)

// Scarce reports whether accepting or connecting failed for want of something
// that comes back, or of a client that was gone already.
func Scarce(err error) bool {
	for _, e := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
