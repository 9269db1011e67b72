package log

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// newPipe returns a pipe whose reading end waits in Go's poller and whose
// writing end is an ordinary blocking one, as a child expects.
func newPipe(name string) (r, w *os.File, err error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, os.NewSyscallError("pipe2", err)
	}
	if err := syscall.SetNonblock(p[0], true); err != nil {
		_ = syscall.Close(p[0])
		_ = syscall.Close(p[1])
		return nil, nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(p[0]), name), os.NewFile(uintptr(p[1]), name), nil
}

// growPipe makes the pipe hold more, where the limits of this user allow it.
func growPipe(fd uintptr, size int) {
	_, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, size)
}
