package relay

import (
	"context"
	"io"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/syndicate/syndicate/socket"
)

// pair is two connections that a loop forwards to one another.
type pair struct {
	loop *loop
	call Call

	mu         sync.Mutex
	client, up side          // guarded by mu
	trying     *try          // while up is not connected yet; guarded by mu
	stops      []func() bool // of what waits for contexts; guarded by mu
	asked      bool          // the client has sent something; guarded by mu
	told       bool          // call.First was; guarded by mu
	queued     bool          // a worker has it in again; guarded by mu
	over       bool          // guarded by mu
}

// side is one connection of a pair, by what its last events and calls said.
type side struct {
	fd       int
	pair     *pair
	readable bool // it may have something to read
	writable bool // it may have room
	unsure   bool // a short read may have stopped before the end, or a mark
	way      way  // that what it sends goes
}

func newPair(l *loop, client, up int, call Call) *pair {
	p := &pair{loop: l, call: call}
	p.client = side{fd: client, pair: p, writable: true}
	p.up = side{fd: up, pair: p, writable: true}
	p.client.way = way{from: &p.client, to: &p.up}
	p.up.way = way{from: &p.up, to: &p.client}
	return p
}

// forward has the loop forward a client to a connection.
func (l *loop) forward(c *Client, up *net.TCPConn, call Call, until []context.Context) {
	fd := socket.Duplicate(up)
	_ = up.Close()
	if fd < 0 { // there are no descriptors
		c.Reset()
		call.Ended()
		return
	}
	p := newPair(l, c.fd, fd, call)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heed(until)
	if p.watch(&p.up) {
		p.join()
	}
}

// heed has it end where contexts do. The lock is held.
func (p *pair) heed(until []context.Context) {
	for _, ctx := range until {
		p.stops = append(p.stops, context.AfterFunc(ctx, p.reset))
	}
}

// join begins to forward, now that both are connected. The lock is held.
func (p *pair) join() {
	p.call.Connected()
	p.watch(&p.client)
}

// watch has the loop tell of a side, and reports whether it does. The lock is
// held.
func (p *pair) watch(s *side) bool {
	if p.loop.watch(s.fd, s) != nil {
		p.close(true)
		return false
	}
	return true
}

// reset ends both connections, from any goroutine.
func (p *pair) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.close(true)
	}
}

// leave ends what belongs to the pair but for its connections. The lock is
// held.
func (p *pair) leave() {
	p.over = true
	for _, stop := range p.stops {
		stop()
	}
	if p.trying != nil {
		p.trying.timeout.Stop()
	}
}

// close closes both connections, by a reset where the other sides are to see
// that something went wrong. The lock is held.
func (p *pair) close(reset bool) {
	p.leave()
	p.loop.forget(p.client.fd, p.up.fd)
	for _, s := range []*side{&p.client, &p.up} {
		if reset {
			resetDescriptor(s.fd)
		} else {
			_ = unix.Close(s.fd)
		}
		s.way.drop()
	}
	p.call.Ended()
}

// resetDescriptor closes a connection so that the other side sees a failure at
// once.
func resetDescriptor(fd int) {
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	_ = unix.Close(fd)
}

// happened tells of what epoll(7) says of a connection.
func (s *side) happened(events uint32, by *worker) {
	p := s.pair
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	if p.trying != nil && !p.connected() {
		return
	}
	const ends = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
	s.readable = s.readable || events&(unix.EPOLLIN|ends) != 0
	s.writable = s.writable || events&(unix.EPOLLOUT|ends) != 0
	s.unsure = s.unsure || events&(unix.EPOLLPRI|ends) != 0
	if events&unix.EPOLLERR != 0 && s.way.ended {
		// Nobody reads from it any more, and so nobody would notice.
		if errno, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || errno != 0 {
			p.close(true)
			return
		}
	}
	p.move(by)
}

// turn goes on where the last one stopped for the sake of others.
func (p *pair) turn(by *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queued = false
	if !p.over {
		p.move(by)
	}
}

// move moves what can be moved, both ways. The lock is held.
func (p *pair) move(by *worker) {
	more := false
	for _, w := range []*way{&p.client.way, &p.up.way} {
		m, err := w.move(by)
		if err != nil {
			p.close(true)
			return
		}
		more = more || m
	}
	switch {
	case p.client.way.passed && p.up.way.passed:
		p.close(false)
	case more && !p.queued:
		p.queued = true
		by.again = append(by.again, p)
	}
}

// heard notes that a side has sent something, or ended.
func (s *side) heard(n int, errno unix.Errno) {
	p := s.pair
	if s == &p.client {
		p.asked = p.asked || n > 0
		return
	}
	if p.told {
		return
	}
	p.told = true
	var err error
	switch {
	case errno != 0:
		err = os.NewSyscallError("read", errno)
	case n == 0:
		err = io.EOF
	}
	p.call.First(n, p.asked, err)
}
