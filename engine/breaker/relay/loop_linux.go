package relay

import (
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// watched is what has a descriptor that a loop learns of.
type watched interface{ happened(events uint32) }

// turner is what has more to do than is good for the others.
type turner interface{ turn() }

// loop forwards the connections that it has on one goroutine.
//
// That goroutine waits in epoll_wait(2), past Go's poller, and is not bound to
// a thread. What waits in a system call keeps its processor for a while, so
// the loops leave one to whatever else the program does.
type loop struct {
	epoll, bell int // descriptors; the bell has the loop look what it is asked
	ended       chan struct{}
	pairs       atomic.Int64

	mu      sync.Mutex
	watched map[int32]watched // by descriptor; guarded by mu
	asked   []turner          // are to have a turn; guarded by mu
	over    bool              // guarded by mu

	// Of the goroutine alone:
	buffer *[bufferSize]byte
	again  []turner // had their turn, and have more to do
	pipes  []*pipe  // empty ones
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
	l := &loop{ended: make(chan struct{}), watched: map[int32]watched{}, buffer: new([bufferSize]byte)}
	var err error
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil
	}
	if l.bell, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		_ = unix.Close(l.epoll)
		return nil
	}
	if l.watch(l.bell, nil) != nil {
		_, _ = unix.Close(l.epoll), unix.Close(l.bell)
		return nil
	}
	go l.run()
	return l
}

// watch has the loop tell of what happens to a descriptor, until forget.
func (l *loop) watch(fd int, w watched) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)}); err != nil {
		return err
	}
	l.watched[int32(fd)] = w
	return nil
}

// forget has it tell nothing of descriptors any more, which are to be closed.
func (l *loop) forget(fds ...int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, fd := range fds {
		delete(l.watched, int32(fd))
	}
}

// ask gives somebody a turn soon, from any goroutine.
func (l *loop) ask(t turner) {
	l.mu.Lock()
	l.asked = append(l.asked, t)
	l.mu.Unlock()
	l.ring()
}

func (l *loop) ring() { _, _ = unix.Write(l.bell, []byte{1, 0, 0, 0, 0, 0, 0, 0}) }

// end ends a loop that has no connections.
func (l *loop) end() {
	l.mu.Lock()
	l.over = true
	l.mu.Unlock()
	l.ring()
	<-l.ended
}

// run is the loop.
func (l *loop) run() {
	defer close(l.ended)
	defer l.close()
	var happened [maxEvents]unix.EpollEvent
	var to [maxEvents]watched
	var turns []turner
	for {
		wait := -1
		if len(l.again) > 0 {
			wait = 0
		}
		n, err := unix.EpollWait(l.epoll, happened[:], wait)
		if err != nil { // EINTR: the descriptor and the memory are good
			continue
		}
		turns = append(turns[:0], l.again...)
		l.again = l.again[:0]
		l.mu.Lock()
		over := l.over
		for i := range n {
			// One that was closed meanwhile is not there, or another one: that
			// one looks, finds nothing, and is none the worse for it.
			to[i] = l.watched[happened[i].Fd]
		}
		turns = append(turns, l.asked...)
		l.asked = nil
		l.mu.Unlock()
		if over {
			return
		}
		for i := range n {
			if to[i] != nil {
				to[i].happened(happened[i].Events)
			}
		}
		for _, t := range turns {
			t.turn()
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
