package gateway

import (
	"io"
	"net"
	"syscall"
	"unsafe"
)

// quick returns the two directions of a connection for copying. Of TCP the
// calls go to the kernel without a word to Go's scheduler: they never block,
// and telling it takes as long as the scheduler's monitor is woken for each.
func quick(conn net.Conn) (io.Reader, io.Writer) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn, conn
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return conn, conn
	}
	r, w := &quickReader{raw: raw}, &quickWriter{raw: raw}
	r.try, w.try = r.read, w.write
	return r, w
}

// quickReader reads. It is for one goroutine at a time.
type quickReader struct {
	raw syscall.RawConn
	try func(uintptr) bool
	b   []byte
	n   uintptr
	err syscall.Errno
}

// Read implements io.Reader.
func (r *quickReader) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	r.b = b
	err := r.raw.Read(r.try)
	r.b = nil
	switch {
	case err != nil:
		return 0, err
	case r.err != 0:
		return 0, r.err
	case r.n == 0:
		return 0, io.EOF
	}
	return int(r.n), nil
}

func (r *quickReader) read(fd uintptr) bool {
	for {
		r.n, _, r.err = syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(&r.b[0])), uintptr(len(r.b)))
		if r.err != syscall.EINTR {
			return r.err != syscall.EAGAIN
		}
	}
}

// quickWriter writes. It is for one goroutine at a time.
type quickWriter struct {
	raw  syscall.RawConn
	try  func(uintptr) bool
	left []byte
	err  syscall.Errno
}

// Write implements io.Writer.
func (w *quickWriter) Write(b []byte) (int, error) {
	w.left = b
	err := w.raw.Write(w.try)
	n := len(b) - len(w.left)
	w.left = nil
	switch {
	case err != nil:
		return n, err
	case w.err != 0:
		return n, w.err
	}
	return n, nil
}

func (w *quickWriter) write(fd uintptr) bool {
	for w.err = 0; len(w.left) > 0; {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(&w.left[0])), uintptr(len(w.left)))
		switch errno {
		case 0:
			w.left = w.left[n:]
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			w.err = errno
			return true
		}
	}
	return true
}
