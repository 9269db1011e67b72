//go:build linux && !race

package socket

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// Quick returns a connection that is as conn but for Read and Write, which of
// TCP go to the kernel without a word to Go's scheduler: they never block.
// Where there is nothing to read, and no room to write, the goroutine waits as
// ever, and deadlines and Close hold. Of other connections it returns conn.
//
// Both methods may be called by several goroutines, which take turns.
func Quick(conn net.Conn) net.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return conn
	}
	c := &quick{TCPConn: tcp, raw: raw}
	c.in.try, c.in.look, c.out.try = c.in.read, c.in.peek, c.out.write
	return c
}

type quick struct {
	*net.TCPConn
	raw syscall.RawConn
	in  reading
	out writing
}

// Read implements io.Reader.
func (c *quick) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	r := &c.in
	r.mu.Lock()
	defer r.mu.Unlock()
	r.b = b
	err := c.raw.Read(r.try)
	r.b = nil
	switch {
	case err != nil:
		return 0, named("read", err)
	case r.err != 0:
		return 0, c.failed("read", r.err)
	case r.n == 0:
		return 0, io.EOF
	}
	return r.n, nil
}

// reading is a call of Read.
type reading struct {
	mu   sync.Mutex
	try  func(uintptr) bool
	look func(uintptr)
	b    []byte
	n    int
	err  syscall.Errno
}

func (r *reading) read(fd uintptr) bool {
	r.n, r.err = ReadNow(int(fd), r.b)
	return r.err != syscall.EAGAIN
}

// Write implements io.Writer.
func (c *quick) Write(b []byte) (int, error) {
	w := &c.out
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left = b
	err := c.raw.Write(w.try)
	n := len(b) - len(w.left)
	w.left = nil
	switch {
	case err != nil:
		return n, named("write", err)
	case w.err != 0:
		return n, c.failed("write", w.err)
	}
	return n, nil
}

// writing is a call of Write.
type writing struct {
	mu   sync.Mutex
	try  func(uintptr) bool
	left []byte
	err  syscall.Errno
}

func (w *writing) write(fd uintptr) bool {
	n, errno := WriteNow(int(fd), w.left)
	w.left, w.err = w.left[n:], errno
	return errno != syscall.EAGAIN
}

// named has an error of a syscall.RawConn name what was called.
func named(op string, err error) error {
	if e, ok := err.(*net.OpError); ok {
		e.Op = op
	}
	return err
}

// failed gives an error the form that those of package net have.
func (c *quick) failed(op string, errno syscall.Errno) error {
	return &net.OpError{
		Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(),
		Err: &os.SyscallError{Syscall: op, Err: errno},
	}
}

// Arrived reports whether something can be read from a TCP connection, its
// end and its failure included, without reading it. Nobody else may read
// meanwhile.
func Arrived(conn net.Conn) bool {
	c, ok := conn.(*quick)
	if !ok {
		return arrived(conn)
	}
	r := &c.in
	r.mu.Lock()
	defer r.mu.Unlock()
	err := c.raw.Control(r.look)
	return err != nil || r.err != syscall.EAGAIN
}

func (r *reading) peek(fd uintptr) {
	var b byte
	for {
		_, _, r.err = syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&b)), 1, syscall.MSG_PEEK|syscall.MSG_DONTWAIT, 0, 0)
		if r.err != syscall.EINTR {
			return
		}
	}
}
