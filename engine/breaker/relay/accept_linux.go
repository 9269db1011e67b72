package relay

import (
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/syndicate/syndicate/socket"
)

// accepts is how many connections a worker accepts before it is the others'
// turn.
const accepts = 16

// entrance is a listener that a loop accepts from, past Go's poller, which
// each connection would wake.
type entrance struct {
	loop *loop
	door *Door
	end  func() // closes the descriptor

	mu     sync.RWMutex // held for reading while it accepts
	fd     int
	later  *time.Timer // until it accepts again, or nil; guarded by mu
	closed bool        // guarded by mu
}

// lent is a listener whose owner has something to do once it is closed.
type lent interface {
	// Replace has it keep another descriptor of the same socket instead of
	// its own, for Close to close.
	Replace(fd int)
	Close() error
}

// enter has the loop accept for a door, or returns nil where there are no
// descriptors for that.
func (l *loop) enter(d *Door, from net.Listener) entry {
	e := &entrance{loop: l, door: d, fd: socket.DuplicateListener(from)}
	if e.fd < 0 {
		return nil
	}
	if owner, ok := from.(lent); ok {
		owner.Replace(e.fd)
		e.end = func() { _ = owner.Close() }
	} else {
		_ = from.Close()
		e.end = func() { _ = unix.Close(e.fd) }
	}
	setOptions(e.fd)
	return e
}

func (e *entrance) begin() {
	if err := e.loop.watch(e.fd, e); err != nil {
		e.door.fail(err)
	}
}

// happened tells that there may be connections.
func (e *entrance) happened(_ uint32, by *worker) { e.turn(by) }

// turn accepts what there is.
func (e *entrance) turn(by *worker) {
	if errno := e.accept(by); errno != 0 {
		e.failed(errno)
	}
}

func (e *entrance) accept(by *worker) unix.Errno {
	e.mu.RLock()
	defer e.mu.RUnlock()
	for range accepts {
		if e.closed {
			return 0
		}
		fd, errno := accept(e.fd)
		switch errno {
		case 0:
			e.door.accepted(&Client{relay: e.door.relay, fd: fd})
		case unix.EAGAIN:
			return 0
		case unix.EINTR:
		default:
			return errno
		}
	}
	if !slices.Contains(by.again, turner(e)) {
		by.again = append(by.again, e)
	}
	return 0
}

// failed accepts again in time. While the door is shut, nobody comes; the next
// one to come tells that it is open.
func (e *entrance) failed(errno unix.Errno) {
	opened, after, err := e.door.again(errno)
	switch {
	case err != nil:
		e.door.fail(err)
	case opened != nil:
	default:
		e.mu.Lock()
		defer e.mu.Unlock()
		if !e.closed {
			e.later = time.AfterFunc(after, func() { e.loop.ask(e) })
		}
	}
}

func (e *entrance) control(do func(fd int) error) error {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		return net.ErrClosed
	}
	return do(e.fd)
}

func (e *entrance) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	if e.later != nil {
		e.later.Stop()
	}
	e.loop.forget(e.fd)
	// Others may have the socket as well, for which it would stay.
	_ = unix.EpollCtl(e.loop.epoll, unix.EPOLL_CTL_DEL, e.fd, nil)
	e.end()
}

// accept is accept4(2), without a word to Go's scheduler: the listener never
// blocks.
func accept(fd int) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), 0, 0, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	return int(n), errno
}
