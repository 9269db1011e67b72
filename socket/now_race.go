//go:build linux && race

package socket

import "syscall"

// ReadNow is read(2) of a descriptor that does not block. b is not empty. The
// race detector learns of it.
func ReadNow(fd int, b []byte) (int, syscall.Errno) {
	for {
		n, err := syscall.Read(fd, b)
		switch errno, _ := err.(syscall.Errno); errno {
		case 0:
			return n, 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

// WriteNow is write(2) of a descriptor that does not block, until all is
// written or there is an error. b is not empty. The race detector learns of
// it.
func WriteNow(fd int, b []byte) (int, syscall.Errno) {
	written := 0
	for written < len(b) {
		n, err := syscall.Write(fd, b[written:])
		switch errno, _ := err.(syscall.Errno); errno {
		case 0:
			written += n
		case syscall.EINTR:
		default:
			return written, errno
		}
	}
	return written, 0
}
