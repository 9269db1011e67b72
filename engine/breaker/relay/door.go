package relay

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Door is a listener whose connections a relay accepts. It can be shut and
// opened again without giving up its address: while it is shut the kernel
// refuses connections itself. On Linux a socket that listens at a port of its
// choice and is shut down for reading is closed to connections and bound
// still, and listens again when told to (a port that the kernel chose is given
// up); where it does not go, the door stays open.
type Door struct {
	relay    *Relay
	accepted func(*Client)
	failed   chan error
	entry    entry
	short    func(error)

	mu     sync.Mutex
	opened chan struct{} // closed once it is open again; nil: it is open; guarded by mu
	closed bool          // guarded by mu
}

// entry is how a door accepts.
type entry interface {
	begin()
	// control calls do with the listening socket, unless that is closed.
	control(do func(fd int) error) error
	// close closes it, and returns once it accepts nothing any more.
	close()
}

// Accept has each connection that comes to a TCP listener given to accepted,
// which must not block. The listener is the door's from now on. Whenever no
// connection can be accepted for now, short is told why; it may be nil.
func (r *Relay) Accept(l net.Listener, accepted func(*Client), short func(error)) *Door {
	d := &Door{relay: r, accepted: accepted, failed: make(chan error, 1), short: short}
	if r.loop != nil {
		d.entry = r.loop.enter(d, l)
	}
	if d.entry == nil {
		d.entry = &acceptor{d, l, make(chan struct{}), make(chan struct{})}
	}
	d.entry.begin()
	return d
}

// Failed has the error, should the listener be of no use any more.
func (d *Door) Failed() <-chan error { return d.failed }

func (d *Door) fail(err error) {
	select {
	case d.failed <- err:
	default:
	}
}

// Close closes the listener. Once it returns, accepted is not called any more.
func (d *Door) Close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.entry.close()
}

// Shut closes it to connections, those that were not accepted yet as well.
func (d *Door) Shut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.opened != nil {
		return
	}
	d.opened = make(chan struct{})
	if d.entry.control(func(fd int) error { return unix.Shutdown(fd, unix.SHUT_RD) }) != nil {
		d.opened = nil
	}
}

// Open lets connections in, and reports whether that went: somebody else may
// have taken the address.
func (d *Door) Open() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.opened != nil && d.entry.control(func(fd int) error { return unix.Listen(fd, unix.SOMAXCONN) }) == nil {
		close(d.opened)
		d.opened = nil
	}
	return d.opened == nil
}

// scarce is how long a door waits where accepting fails for want of something
// that comes back, such as descriptors: others will end.
const scarce = 50 * time.Millisecond

// again says when to accept again after that has failed: once a channel is
// closed, or, where there is none, after a time. It returns the error where
// that would never go well.
func (d *Door) again(failed error) (opened <-chan struct{}, after time.Duration, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.opened != nil {
		return d.opened, 0, nil
	}
	if d.closed {
		return make(chan struct{}), 0, nil // never
	}
	switch errno, _ := errors.AsType[syscall.Errno](failed); errno {
	case 0, unix.EBADF, unix.ENOTSOCK, unix.EOPNOTSUPP, unix.EFAULT:
		return nil, 0, failed
	case unix.EINVAL: // shut: by this door, which is open again by now, or by somebody else
		listens := false
		_ = d.entry.control(func(fd int) error {
			n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
			listens = n != 0
			return err
		})
		if !listens {
			return nil, 0, failed
		}
		return nil, 0, nil
	case unix.ECONNABORTED: // the client is gone
		return nil, 0, nil
	}
	if d.short != nil {
		d.short(failed)
	}
	return nil, scarce, nil // accept(2) passes errors of the network on, too
}

// acceptor accepts on a goroutine.
type acceptor struct {
	door     *Door
	listener net.Listener
	closing  chan struct{}
	ended    chan struct{}
}

func (a *acceptor) begin() { go a.run() }

func (a *acceptor) run() {
	defer close(a.ended)
	for {
		c, err := a.listener.Accept()
		select {
		case <-a.closing:
			if err == nil {
				_ = c.Close()
			}
			return
		default:
		}
		if err == nil {
			a.door.accepted(&Client{relay: a.door.relay, conn: c.(*net.TCPConn)})
			continue
		}
		opened, after, err := a.door.again(err)
		if err != nil {
			a.door.fail(err)
			return
		}
		var over <-chan time.Time
		if opened == nil {
			over = time.After(after)
		}
		select {
		case <-opened:
		case <-over:
		case <-a.closing:
			return
		}
	}
}

func (a *acceptor) control(do func(fd int) error) error {
	socket, ok := a.listener.(syscall.Conn)
	if !ok {
		return errors.ErrUnsupported
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = do(int(fd)) }); err != nil {
		return err
	}
	return failed
}

func (a *acceptor) close() {
	close(a.closing)
	_ = a.listener.Close()
	<-a.ended
}
