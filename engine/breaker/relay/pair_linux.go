package relay

import (
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// pair is two connections that a loop forwards to one another.
type pair struct {
	loop  *loop
	first func(n int, asked bool, err error) // nil once it was called
	done  chan struct{}                      // closed once the connections are

	mu         sync.Mutex
	client, up side // guarded by mu
	asked      bool // the client has sent something; guarded by mu
	queued     bool // it is in loop.again; guarded by mu
	over       bool // guarded by mu
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

func newPair(l *loop, client, up int, first func(int, bool, error)) *pair {
	p := &pair{loop: l, first: first, done: make(chan struct{})}
	p.client = side{fd: client, pair: p, writable: true}
	p.up = side{fd: up, pair: p, writable: true}
	p.client.way = way{from: &p.client, to: &p.up}
	p.up.way = way{from: &p.up, to: &p.client}
	return p
}

// begin gives it to the loop.
func (p *pair) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	p.loop.add(&p.client, &p.up)
	if p.loop.watch(p.client.fd) != nil || p.loop.watch(p.up.fd) != nil {
		p.close(true)
	}
}

// reset ends both connections, from any goroutine.
func (p *pair) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.close(true)
	}
}

// close closes both connections, by a reset where the other sides are to see
// that something went wrong. The lock is held.
func (p *pair) close(reset bool) {
	p.over = true
	p.loop.remove(&p.client, &p.up)
	for _, s := range []*side{&p.client, &p.up} {
		if reset {
			_ = unix.SetsockoptLinger(s.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		}
		_ = unix.Close(s.fd)
		s.way.drop()
	}
	close(p.done)
}

// happened tells of what epoll(7) says of a connection.
func (s *side) happened(events uint32) {
	p := s.pair
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
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
	p.move()
}

// turn goes on where the last one stopped for the sake of others.
func (p *pair) turn() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queued = false
	if !p.over {
		p.move()
	}
}

// move moves what can be moved, both ways. The lock is held.
func (p *pair) move() {
	more := false
	for _, w := range []*way{&p.client.way, &p.up.way} {
		m, err := w.move(p.loop)
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
		p.loop.again = append(p.loop.again, p)
	}
}

// heard notes that a side has sent something, or ended.
func (s *side) heard(n int, errno unix.Errno) {
	p := s.pair
	if s == &p.client {
		p.asked = p.asked || n > 0
		return
	}
	if p.first == nil {
		return
	}
	var err error
	switch {
	case errno != 0:
		err = os.NewSyscallError("read", errno)
	case n == 0:
		err = io.EOF
	}
	p.first(n, p.asked, err)
	p.first = nil
}
