package front

import (
	"io"
	"os"
	"syscall"

	"github.com/syndicate/syndicate/socket"
)

// reading is a read of a connection that knows whether it waited.
type reading struct {
	into  []byte
	n     int
	errno syscall.Errno
	tries int
	try   func(uintptr) bool
}

// read is Read. It reports whether it waited.
func (c *conn) read(into []byte) (n int, waited bool, err error) {
	r := &c.reading
	if r.try == nil {
		r.try = r.once
	}
	r.into, r.tries = into, 0
	switch err := c.raw.Read(r.try); {
	case err != nil:
		return 0, true, err
	case r.errno != 0:
		return 0, true, &os.SyscallError{Syscall: "read", Err: r.errno}
	case r.n == 0:
		return 0, true, io.EOF
	}
	return r.n, r.tries > 1, nil
}

func (r *reading) once(fd uintptr) bool {
	r.tries++
	r.n, r.errno = socket.ReadNow(int(fd), r.into)
	return r.errno != syscall.EAGAIN
}
