package gateway

import (
	"bytes"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/syndicate/syndicate/socket"
)

// loop moves what the two sides of sessions say, for as long as there is
// nothing to decide: at an end, an error, or when somebody asks for it, it
// lets go of a session. It does so on one goroutine, which waits in epoll(7)
// past Go's own poller: that has many threads take what is ready, and with as
// few processors as a database and its clients often share, each of these
// threads takes from the others.
type loop struct {
	epoll, bell int // descriptors; the bell rings when something else is to do
	carried     atomic.Int64
	ended       chan struct{}

	mu      sync.Mutex
	sides   map[int32]*side // by descriptor; guarded by mu
	leaving []*carriage     // guarded by mu
	over    bool            // guarded by mu

	buffer []byte // of the goroutine alone
}

const (
	maxLoops = 4
	batch    = 128 // events at a time
)

// startLoops starts a loop for each two processors: the other one is for
// those who are connected. There are none where the kernel gives none.
func startLoops() []*loop {
	var all []*loop
	for range max(1, min(maxLoops, runtime.GOMAXPROCS(0)/2)) {
		if l := startLoop(); l != nil {
			all = append(all, l)
		}
	}
	return all
}

func startLoop() *loop {
	l := &loop{ended: make(chan struct{}), sides: map[int32]*side{}, buffer: make([]byte, largeBuffer)}
	var err error
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil
	}
	if l.bell, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		_ = unix.Close(l.epoll)
		return nil
	}
	if l.control(unix.EPOLL_CTL_ADD, l.bell, unix.EPOLLIN|unix.EPOLLET) != nil {
		_, _ = unix.Close(l.epoll), unix.Close(l.bell)
		return nil
	}
	go l.run()
	return l
}

func (l *loop) control(op, fd int, events uint32) error {
	return unix.EpollCtl(l.epoll, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
}

// end ends a loop that carries nothing any more.
func (l *loop) end() {
	l.mu.Lock()
	l.over = true
	l.mu.Unlock()
	l.ring()
	<-l.ended
}

func (l *loop) ring() { _, _ = unix.Write(l.bell, []byte{1, 0, 0, 0, 0, 0, 0, 0}) }

// carry takes a session, unless it was released already.
func (l *loop) carry(c *carriage) {
	l.carried.Add(1)
	l.mu.Lock() // so that it is not dropped halfway
	defer l.mu.Unlock()
	if c.dropped {
		return
	}
	for _, s := range []*side{&c.client, &c.server} {
		l.sides[int32(s.fd)] = s
		if l.control(unix.EPOLL_CTL_ADD, s.fd, s.events()) != nil {
			l.leaving = append(l.leaving, c)
			l.ring()
		}
	}
}

// release has the loop let go of a session soon.
func (l *loop) release(c *carriage) {
	l.mu.Lock()
	l.leaving = append(l.leaving, c)
	l.mu.Unlock()
	l.ring()
}

// run is the loop.
func (l *loop) run() {
	defer close(l.ended)
	var happened [batch]unix.EpollEvent
	var to [batch]*side
	for busy := false; ; {
		n := l.wait(&happened, busy)
		busy = n > 0
		l.mu.Lock()
		for i := range n {
			to[i] = l.sides[happened[i].Fd] // nil for one that was dropped since
		}
		leaving, over := l.leaving, l.over
		l.leaving = nil
		l.mu.Unlock()
		for i := range n {
			if s := to[i]; s != nil {
				l.happened(s, happened[i].Events)
				to[i] = nil
			}
		}
		for _, c := range leaving {
			l.drop(c)
		}
		if over {
			_, _ = unix.Close(l.epoll), unix.Close(l.bell)
			return
		}
	}
}

// wait returns how many events there are. A loop that was busy looks without
// a word to Go's scheduler first: under load there mostly is something.
func (l *loop) wait(events *[batch]unix.EpollEvent, busy bool) int {
	if busy {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(l.epoll), uintptr(unsafe.Pointer(&events[0])), batch, 0, 0, 0)
		if errno == 0 && n > 0 {
			return int(n)
		}
	}
	n, err := unix.EpollWait(l.epoll, events[:], -1)
	if err != nil { // EINTR
		return 0
	}
	return n
}

// happened does what epoll(7) says can be done.
func (l *loop) happened(s *side, events uint32) {
	c := s.of
	if events&(unix.EPOLLERR|unix.EPOLLHUP|unix.EPOLLRDHUP) != 0 {
		l.drop(c)
	}
	if events&unix.EPOLLOUT != 0 && !c.dropped {
		l.write(s.other, s.other.held)
	}
	if events&unix.EPOLLIN != 0 && !c.dropped && len(s.held) == 0 {
		l.read(s)
	}
}

// read takes what a side says to the other.
func (l *loop) read(s *side) {
	n, errno := socket.ReadNow(s.fd, l.buffer)
	switch {
	case errno == syscall.EAGAIN:
	case errno != 0:
		s.failed = errno
		l.drop(s.of)
	case n == 0: // whoever looks next finds that, too
		l.drop(s.of)
	default:
		s.said(l.buffer[:n])
		l.write(s, l.buffer[:n])
	}
}

// write writes what a side has said. What finds no room is held, and the side
// is not read from until it does.
func (l *loop) write(from *side, b []byte) {
	to, held := from.other, len(from.held) > 0
	n, errno := socket.WriteNow(to.fd, b)
	switch {
	case n == len(b):
		from.held = nil
	case held:
		from.held = b[n:]
	default:
		from.held = bytes.Clone(b[n:])
	}
	switch {
	case errno != 0 && errno != syscall.EAGAIN:
		l.drop(from.of)
	case held != (len(from.held) > 0):
		if l.control(unix.EPOLL_CTL_MOD, from.fd, from.events()) != nil || l.control(unix.EPOLL_CTL_MOD, to.fd, to.events()) != nil {
			l.drop(from.of)
		}
	}
}

// drop lets go of a session.
func (l *loop) drop(c *carriage) {
	if c.dropped {
		return
	}
	l.mu.Lock()
	c.dropped = true
	delete(l.sides, int32(c.client.fd))
	delete(l.sides, int32(c.server.fd))
	l.mu.Unlock()
	_ = l.control(unix.EPOLL_CTL_DEL, c.client.fd, 0)
	_ = l.control(unix.EPOLL_CTL_DEL, c.server.fd, 0)
	l.carried.Add(-1)
	close(c.left)
}
