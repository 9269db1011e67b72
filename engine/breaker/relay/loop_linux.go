package relay

import (
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// watched is what has a descriptor that a loop learns of.
type watched interface {
	happened(events uint32, w *worker)
}

// turner is what has more to do than is good for the others.
type turner interface{ turn(w *worker) }

// loop forwards all the connections of a process.
//
// One worker waits in epoll_wait(2) for what happens to any of them. Others
// help for as long as more happens than it takes at a time: a thread that is
// woken for a few messages takes more from whatever shares the processors with
// it than it gives.
type loop struct {
	epoll, bell int           // descriptors; the bell has the loop look what it is asked
	help        chan struct{} // has a value where a helper is called
	ending      chan struct{} // closed once it is over
	workers     sync.WaitGroup

	mu      sync.Mutex
	watched map[int32]watched // by descriptor; guarded by mu
	asked   []turner          // are to have a turn; guarded by mu
	over    bool              // guarded by mu
}

const (
	maxHelpers = 3
	events     = unix.EPOLLIN | unix.EPOLLPRI | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET
)

// startLoop returns nil where the kernel has no descriptors for one.
func startLoop() *loop {
	l := &loop{help: make(chan struct{}, 1), ending: make(chan struct{}), watched: map[int32]watched{}}
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
	l.workers.Go(newWorker(l).lead)
	for range min(maxHelpers, runtime.GOMAXPROCS(0)-1) {
		l.workers.Go(newWorker(l).follow)
	}
	return l
}

// watch has the loop tell of what happens to a descriptor, until forget.
func (l *loop) watch(fd int, w watched) error {
	l.mu.Lock()
	l.watched[int32(fd)] = w
	l.mu.Unlock()
	err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
	if err != nil {
		l.forget(fd)
	}
	return err
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
	close(l.ending)
	l.ring()
	l.workers.Wait()
	_, _ = unix.Close(l.epoll), unix.Close(l.bell)
}
