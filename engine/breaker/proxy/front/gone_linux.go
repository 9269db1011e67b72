package front

import (
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// departures tells of clients that go away, by an epoll(7) of its own: Go's
// tells only who waits for something to read. Go's one watches it, so that
// nothing happens while nobody goes.
type departures struct {
	file *os.File
	raw  syscall.RawConn

	mu    sync.Mutex
	next  uint64
	conns map[uint64]*conn // by what the kernel calls them: a descriptor may be another's by then
}

// newDepartures returns nil where the kernel has no descriptor left.
func newDepartures() *departures {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	if unix.SetNonblock(fd, true) != nil {
		_ = unix.Close(fd)
		return nil
	}
	d := &departures{file: os.NewFile(uintptr(fd), "epoll"), conns: map[uint64]*conn{}}
	if d.raw, err = d.file.SyscallConn(); err != nil {
		_ = d.file.Close()
		return nil
	}
	return d
}

// watch tells connections that their clients are gone, until it is closed.
func (d *departures) watch() {
	var events [64]unix.EpollEvent
	for {
		var n int
		err := d.raw.Read(func(fd uintptr) bool {
			n, _ = unix.EpollWait(int(fd), events[:], 0)
			return n > 0
		})
		if err != nil {
			return
		}
		for i := range n {
			d.mu.Lock()
			c := d.conns[token(&events[i])]
			d.mu.Unlock()
			if c != nil {
				c.departs()
			}
		}
	}
}

func (d *departures) close() { _ = d.file.Close() }

// add watches a connection until that is closed or taken out, and reports
// whether it can.
func (d *departures) add(c *conn) bool {
	socket, ok := c.Conn.(syscall.Conn)
	if !ok {
		return false
	}
	var err error
	if c.raw, err = socket.SyscallConn(); err != nil {
		return false
	}
	d.mu.Lock()
	d.next++
	c.id = d.next
	d.conns[c.id] = c
	d.mu.Unlock()
	event := unix.EpollEvent{Events: unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(c.id), Pad: int32(c.id >> 32)}
	failed := c.raw.Control(func(fd uintptr) {
		err = d.raw.Control(func(epoll uintptr) { err = unix.EpollCtl(int(epoll), unix.EPOLL_CTL_ADD, int(fd), &event) })
	})
	if failed != nil || err != nil {
		d.remove(c)
		return false
	}
	return true
}

// remove forgets a connection. The kernel does so when that is closed.
func (d *departures) remove(c *conn) {
	d.mu.Lock()
	delete(d.conns, c.id)
	d.mu.Unlock()
}

func token(e *unix.EpollEvent) uint64 { return uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32 }

// ended reports whether nothing more comes on a connection: its client has
// said so, or is not there any more. It reads nothing.
func ended(raw syscall.RawConn) bool {
	over := true
	err := raw.Control(func(fd uintptr) {
		var b [1]byte
		for {
			n, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
			if err != unix.EINTR {
				over = err != unix.EAGAIN && n <= 0
				return
			}
		}
	})
	return err != nil || over
}
