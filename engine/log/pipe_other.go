//go:build !linux

package log

import (
	"os"
	"syscall"
)

// newPipe returns a pipe whose reading end waits in Go's poller and whose
// writing end is an ordinary blocking one, as a child expects.
func newPipe(name string) (r, w *os.File, err error) {
	var p [2]int
	syscall.ForkLock.RLock()
	if err = syscall.Pipe(p[:]); err == nil {
		syscall.CloseOnExec(p[0])
		syscall.CloseOnExec(p[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("pipe", err)
	}
	if err := syscall.SetNonblock(p[0], true); err != nil {
		_ = syscall.Close(p[0])
		_ = syscall.Close(p[1])
		return nil, nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(p[0]), name), os.NewFile(uintptr(p[1]), name), nil
}

// growPipe does nothing: only Linux lets a pipe grow.
func growPipe(uintptr, int) {}
