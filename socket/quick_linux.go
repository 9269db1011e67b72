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
// TCP and of Unix sockets that are streams go to the kernel without a word to
// Go's scheduler: they never block. Where there is nothing to read, and no room
// to write, the goroutine waits as ever, and deadlines and Close hold. Of other
// connections it returns conn.
//
// Both methods may be called by several goroutines, which take turns.
func Quick(conn net.Conn) net.Conn {
	switch c := conn.(type) {
	case *net.TCPConn:
		if raw, err := c.SyscallConn(); err == nil {
			q := &quickTCP{c, calls{conn: c, raw: raw}}
			q.prepare()
			return q
		}
	case *net.UnixConn:
		if raw, err := c.SyscallConn(); err == nil && c.LocalAddr().Network() == "unix" {
			q := &quickUnix{c, calls{conn: c, raw: raw}}
			q.prepare()
			return q
		}
	}
	return conn
}

type quickTCP struct {
	*net.TCPConn
	calls
}

type quickUnix struct {
	*net.UnixConn
	calls
}

// calls are the system calls of one connection.
type calls struct {
	conn net.Conn
	raw  syscall.RawConn
	in   reading
	out  writing
}

func (c *calls) prepare() {
	c.in.try, c.in.look = c.in.read, c.in.peek
	c.out.try, c.out.now = c.out.write, func(fd uintptr) { c.out.write(fd) }
}

// Read implements io.Reader.
func (c *quickTCP) Read(b []byte) (int, error) { return c.read(b) }

// Write implements io.Writer.
func (c *quickTCP) Write(b []byte) (int, error) { return c.write(b, nil) }

// Read implements io.Reader.
func (c *quickUnix) Read(b []byte) (int, error) { return c.read(b) }

// Write implements io.Writer.
func (c *quickUnix) Write(b []byte) (int, error) { return c.write(b, nil) }

func (c *calls) read(b []byte) (int, error) {
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

func (c *calls) write(b, then []byte) (int, error) {
	w := &c.out
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left, w.then = b, then
	err := c.raw.Write(w.try)
	n := len(b) + len(then) - len(w.left) - len(w.then)
	w.left, w.then = nil, nil
	switch {
	case err != nil:
		return n, named("write", err)
	case w.err != 0:
		return n, c.failed("write", w.err)
	}
	return n, nil
}

func (c *calls) writeNow(b, then []byte) int {
	w := &c.out
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left, w.then = b, then
	_ = c.raw.Control(w.now)
	n := len(b) + len(then) - len(w.left) - len(w.then)
	w.left, w.then = nil, nil
	return n
}

// writing is a call of Write, [WriteBoth] or [WriteBothNow].
type writing struct {
	mu         sync.Mutex
	try        func(uintptr) bool
	now        func(uintptr)
	left, then []byte
	both       [2]syscall.Iovec
	err        syscall.Errno
}

func (w *writing) write(fd uintptr) bool {
	for w.err = 0; w.err == 0 && len(w.left)+len(w.then) > 0; {
		var n int
		n, w.err = w.once(fd)
		first := min(n, len(w.left))
		w.left, w.then = w.left[first:], w.then[n-first:]
	}
	return w.err != syscall.EAGAIN
}

// once hands what is left to the kernel, which may take a part of it.
func (w *writing) once(fd uintptr) (int, syscall.Errno) {
	if len(w.left) == 0 {
		w.left, w.then = w.then, nil
	}
	if len(w.then) == 0 {
		return WriteNow(int(fd), w.left)
	}
	for i, piece := range [][]byte{w.left, w.then} {
		w.both[i].Base = &piece[0]
		w.both[i].SetLen(len(piece))
	}
	n, _, errno := syscall.RawSyscall(syscall.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&w.both[0])), uintptr(len(w.both)))
	switch errno {
	case 0:
		return int(n), 0
	case syscall.EINTR:
		return 0, 0
	}
	return 0, errno
}

// WriteBoth writes two pieces as if they were one, with one call where that
// takes both.
func WriteBoth(conn net.Conn, b, then []byte) (int, error) {
	switch c := conn.(type) {
	case *quickTCP:
		return c.write(b, then)
	case *quickUnix:
		return c.write(b, then)
	}
	return writeBoth(conn, b, then)
}

// WriteBothNow writes what the kernel takes of two pieces at once, and returns
// how much that is: nothing where there was an error, which the next write
// tells.
func WriteBothNow(conn net.Conn, b, then []byte) int {
	switch c := conn.(type) {
	case *quickTCP:
		return c.writeNow(b, then)
	case *quickUnix:
		return c.writeNow(b, then)
	}
	return 0
}

// named has an error of a syscall.RawConn name what was called.
func named(op string, err error) error {
	if e, ok := err.(*net.OpError); ok {
		e.Op = op
	}
	return err
}

// failed gives an error the form that those of package net have.
func (c *calls) failed(op string, errno syscall.Errno) error {
	return &net.OpError{
		Op: op, Net: c.conn.LocalAddr().Network(), Source: c.conn.LocalAddr(), Addr: c.conn.RemoteAddr(),
		Err: &os.SyscallError{Syscall: op, Err: errno},
	}
}

// Arrived reports whether something can be read from a connection, its
// end and its failure included, without reading it. Nobody else may read
// meanwhile.
func Arrived(conn net.Conn) bool {
	switch c := conn.(type) {
	case *quickTCP:
		return c.arrived()
	case *quickUnix:
		return c.arrived()
	}
	return arrived(conn)
}

func (c *calls) arrived() bool {
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
