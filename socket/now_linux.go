//go:build linux && !race

package socket

import (
	"syscall"
	"unsafe"
)

// ReadNow is read(2) of a descriptor that does not block, without a word to
// Go's scheduler. b is not empty.
func ReadNow(fd int, b []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		switch errno {
		case 0:
			return int(n), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

// WriteNow is write(2) of a descriptor that does not block, without a word to
// Go's scheduler, until all is written or there is an error. b is not empty.
func WriteNow(fd int, b []byte) (int, syscall.Errno) {
	written := 0
	for written < len(b) {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b[written])), uintptr(len(b)-written))
		switch errno {
		case 0:
			written += int(n)
		case syscall.EINTR:
		default:
			return written, errno
		}
	}
	return written, 0
}
