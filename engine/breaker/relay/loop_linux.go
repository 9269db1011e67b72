package relay

import (
	"context"
	"net"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/syndicate/syndicate/socket"
)

// loop forwards the connections that it has on one goroutine.
//
// That goroutine waits in epoll_wait(2), past Go's poller, and is not bound to
// a thread. What waits in a system call keeps its processor for a while, so
// the loops leave one to whatever else the program does.
type loop struct {
	epoll, bell int // descriptors; the bell is rung at the end
	ended       chan struct{}
	pairs       atomic.Int64

	mu    sync.Mutex
	sides map[int32]*side // by descriptor; guarded by mu
	over  bool            // guarded by mu

	// Of the goroutine alone:
	buffer *[bufferSize]byte
	again  []*pair // had their turn, and have more to do
	pipes  []*pipe // empty ones
}

const (
	maxLoops  = 4
	maxEvents = 128
	events    = unix.EPOLLIN | unix.EPOLLPRI | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET
)

// startLoops starts as many loops as the machine is good for and the kernel
// gives, which may be none.
func startLoops() []*loop {
	var all []*loop
	for range max(1, min(maxLoops, runtime.GOMAXPROCS(0)-1)) {
		if l := startLoop(); l != nil {
			all = append(all, l)
		}
	}
	return all
}

func startLoop() *loop {
	l := &loop{ended: make(chan struct{}), sides: map[int32]*side{}, buffer: new([bufferSize]byte)}
	var err error
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil
	}
	if l.bell, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		_ = unix.Close(l.epoll)
		return nil
	}
	if l.watch(l.bell) != nil {
		_, _ = unix.Close(l.epoll), unix.Close(l.bell)
		return nil
	}
	go l.run()
	return l
}

// watch has the loop learn of what happens to a descriptor, until that is
// closed.
func (l *loop) watch(fd int) error {
	return unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
}

// end ends a loop that has no connections.
func (l *loop) end() {
	l.mu.Lock()
	l.over = true
	l.mu.Unlock()
	_, _ = unix.Write(l.bell, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	<-l.ended
}

// forward is Relay.Forward's. It reports whether it has taken the
// connections.
func (l *loop) forward(with Pair, until []context.Context) bool {
	client, up, ok := detach(with.Client, with.Upstream)
	if !ok {
		return false
	}
	p := newPair(l, client, up, with.First)
	l.pairs.Add(1)
	defer l.pairs.Add(-1)
	for _, ctx := range until {
		defer context.AfterFunc(ctx, p.reset)()
	}
	p.begin()
	<-p.done
	return true
}

// detach takes connections out of Go's hands, and its poller: what arrives on
// them would wake both.
func detach(a, b *net.TCPConn) (afd, bfd int, ok bool) {
	if afd = socket.Duplicate(a); afd < 0 {
		return 0, 0, false
	}
	if bfd = socket.Duplicate(b); bfd < 0 {
		_ = unix.Close(afd)
		return 0, 0, false
	}
	_, _ = a.Close(), b.Close()
	return afd, bfd, true
}

// run is the loop.
func (l *loop) run() {
	defer close(l.ended)
	defer l.close()
	var happened [maxEvents]unix.EpollEvent
	var to [maxEvents]*side
	var turns []*pair
	for {
		wait := -1
		if len(l.again) > 0 {
			wait = 0
		}
		n, err := unix.EpollWait(l.epoll, happened[:], wait)
		if err != nil { // EINTR: the descriptor and the memory are good
			continue
		}
		l.mu.Lock()
		over := l.over
		for i := range n {
			// One that was closed meanwhile is not there, or another one: that
			// one looks, finds nothing, and is none the worse for it.
			to[i] = l.sides[happened[i].Fd]
		}
		l.mu.Unlock()
		if over {
			return
		}
		turns, l.again = l.again, turns[:0]
		for i := range n {
			if to[i] != nil {
				to[i].happened(happened[i].Events)
			}
		}
		for _, p := range turns {
			p.turn()
		}
		clear(turns)
	}
}

func (l *loop) close() {
	for _, p := range l.pipes {
		p.close()
	}
	_, _ = unix.Close(l.epoll), unix.Close(l.bell)
}

func (l *loop) add(sides ...*side) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range sides {
		l.sides[int32(s.fd)] = s
	}
}

func (l *loop) remove(sides ...*side) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range sides {
		delete(l.sides, int32(s.fd))
	}
}
