package gateway

import (
	"errors"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/syndicate/syndicate/socket"
)

// carriage is a session that a loop carries.
type carriage struct {
	loop           *loop
	client, server side
	left           chan struct{} // closed when the loop has let go of it
	dropped        bool          // the same; written by the loop, under its lock
}

// side is one side of a session that a loop carries.
type side struct {
	fd     int
	was    net.Conn // before, and closed
	of     *carriage
	other  *side
	said   func([]byte)  // is told what it says
	held   []byte        // was said, and the other has no room for it yet
	failed syscall.Errno // of reading
}

// events are what the loop wants to know of a side.
func (s *side) events() uint32 {
	events := uint32(unix.EPOLLRDHUP)
	if len(s.held) == 0 {
		events |= unix.EPOLLIN
	}
	if len(s.other.held) > 0 {
		events |= unix.EPOLLOUT
	}
	return events
}

// carry has a loop move what the sides say, and returns once there is
// something that the loop does not decide. It returns also what was read, and
// is still to be written, up to the server and down to the client.
//
// Sessions with TLS are not carried: they need more than to be moved.
func (s *session) carry(asked, answered func([]byte)) (up, down []byte) {
	c := s.board(asked, answered)
	if c == nil {
		return nil, nil
	}
	c.loop.carry(c)
	<-c.left
	s.mu.Lock()
	s.carriage = nil
	s.client, s.server = c.client.land(), c.server.land()
	s.patience.follow(s.server)
	if s.retired {
		s.look()
	}
	s.mu.Unlock()
	if s.g.killed.Err() != nil {
		s.abort()
	}
	return c.client.held, c.server.held
}

// board takes both connections out of Go's hands: what arrives on them would
// wake its poller as well. It returns nil where that cannot be.
func (s *session) board(asked, answered func([]byte)) *carriage {
	l := s.g.quietest()
	if l == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retired {
		return nil
	}
	client, server := socket.Duplicate(s.client), socket.Duplicate(s.server)
	if client < 0 || server < 0 {
		_, _ = unix.Close(client), unix.Close(server)
		return nil
	}
	_, _ = s.client.Close(), s.server.Close()
	c := &carriage{loop: l, left: make(chan struct{})}
	c.client = side{fd: client, was: s.client, of: c, other: &c.server, said: asked}
	c.server = side{fd: server, was: s.server, of: c, other: &c.client, said: answered}
	s.patience.follow(descriptor(server))
	s.carriage = c
	return c
}

// quietest is the loop that carries the fewest sessions, nil where there is
// none.
func (g *Gateway) quietest() *loop {
	var best *loop
	for _, l := range g.loops {
		if best == nil || l.carried.Load() < best.carried.Load() {
			best = l
		}
	}
	return best
}

// release has the loop let go of it soon.
func (c *carriage) release() { c.loop.release(c) }

// descriptor is one whose settings can be changed, and nothing else.
type descriptor int

// SyscallConn implements syscall.Conn.
func (d descriptor) SyscallConn() (syscall.RawConn, error) { return d, nil }

// Control implements syscall.RawConn.
func (d descriptor) Control(f func(uintptr)) error {
	f(uintptr(d))
	return nil
}

// Read implements syscall.RawConn.
func (descriptor) Read(func(uintptr) bool) error { return errors.ErrUnsupported }

// Write implements syscall.RawConn.
func (descriptor) Write(func(uintptr) bool) error { return errors.ErrUnsupported }

// landed is a connection that a loop has carried.
type landed struct {
	*os.File
	was    net.Conn
	failed error // what reading has come to already
}

// land gives a connection back into Go's hands.
func (s *side) land() net.Conn {
	c := &landed{File: os.NewFile(uintptr(s.fd), "connection"), was: s.was}
	if s.failed != 0 {
		c.failed = os.NewSyscallError("read", s.failed)
	}
	return c
}

// Read implements net.Conn.
func (c *landed) Read(b []byte) (int, error) {
	if c.failed != nil {
		return 0, c.failed
	}
	return c.File.Read(b)
}

// CloseWrite says that nothing more comes.
func (c *landed) CloseWrite() error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = unix.Shutdown(int(fd), unix.SHUT_WR) }); err != nil {
		return err
	}
	return failed
}

// LocalAddr implements net.Conn.
func (c *landed) LocalAddr() net.Addr { return c.was.LocalAddr() }

// RemoteAddr implements net.Conn.
func (c *landed) RemoteAddr() net.Addr { return c.was.RemoteAddr() }
