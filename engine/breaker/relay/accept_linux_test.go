package relay

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// Where there are no descriptors, clients wait for others to end, and then
// have their turn. Somebody hears of it.
func TestAcceptsOnceThereAreDescriptors(t *testing.T) {
	both(t, func(t *testing.T, r *Relay) {
		l := listen(t)
		clients := make(chan *Client, 1)
		short := make(chan error, 1)
		d := r.Accept(l, func(c *Client) { clients <- c }, func(err error) {
			select {
			case short <- err:
			default: // once is enough
			}
		})
		defer d.Close()
		c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(c)
		var was unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
			t.Fatal(err)
		}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1, Max: was.Max}); err != nil {
			t.Fatal(err)
		}
		err = unix.Connect(c, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: l.Addr().(*net.TCPAddr).Port})
		early := len(clients)
		told := <-short
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(told, unix.EMFILE) {
			t.Errorf("told of %v", told)
		}
		if err != nil || early > 0 {
			t.Errorf("connecting: %v; accepted before there were descriptors: %d", err, early)
		}
		(<-clients).Reset()
	})
}

// The kernel may choose the very port that a client connects to for the
// client's end, where nobody listens. That is nobody, too.
func TestConnectedToItself(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	self := local(fd)
	if self == (netip.AddrPort{}) || self.Port() != localPort(fd) {
		t.Fatalf("it is %s, and its port %d", self, localPort(fd))
	}
	for there := false; !there && err == nil; {
		there, err = establish(fd, self)
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("connected to itself: %v", err)
	}
}

// owned is a listener with something to do once it is closed.
type owned struct {
	*net.TCPListener
	fd     int
	closed chan struct{}
}

func (o *owned) Replace(fd int) { o.fd = fd; _ = o.TCPListener.Close() }
func (o *owned) Close() error   { defer close(o.closed); return unix.Close(o.fd) }

// Who lends a listener closes it, and one that others have as well goes on
// without this door.
func TestLentListener(t *testing.T) {
	r := Open()
	defer r.Close()
	l := listen(t).(*net.TCPListener)
	f, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	o := &owned{TCPListener: l, closed: make(chan struct{})}
	clients := make(chan *Client, 1)
	d := r.Accept(o, func(c *Client) { clients <- c }, nil)
	c := dial(t, l.Addr().String())
	(<-clients).Reset()
	_ = c.Close()
	d.Close()
	<-o.closed
	c = dial(t, l.Addr().String()) // in line for the other one
	defer c.Close()
	if len(clients) > 0 {
		t.Error("it is accepted at a door that is closed")
	}
}
