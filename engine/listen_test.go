package engine

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Another descriptor of a socket that is kept takes the place of the first
// one, for the guardian too, until it is closed; then the address refuses
// clients although somebody else has the socket still.
func TestKeptIsReplaced(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f, err := l.(*net.TCPListener).File() // the guardian's
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	released := 0
	k := &kept{TCPListener: l.(*net.TCPListener), release: func() { released++ }}
	raw, err := k.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	inode := func() (n uint64) {
		err = raw.Control(func(fd uintptr) {
			var s unix.Stat_t
			if e := unix.Fstat(int(fd), &s); e != nil {
				t.Error(e)
			}
			n = s.Ino
		})
		return n
	}
	before := inode()
	another, err := unix.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	k.Replace(another)
	if after := inode(); err != nil || after != before {
		t.Errorf("it is %d, was %d, and the error %v", after, before, err)
	}
	if c, err := net.Dial("tcp", l.Addr().String()); err != nil {
		t.Error(err)
	} else {
		_ = c.Close()
	}
	if err := k.Close(); err != nil || released != 1 {
		t.Errorf("released %d times, %v", released, err)
	}
	if inode(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if err := k.Close(); !errors.Is(err, net.ErrClosed) || released != 1 {
		t.Errorf("released %d times, %v", released, err)
	}
	if c, err := net.Dial("tcp", l.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("it accepts %v, %v", c, err)
	}
}
