package relay

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// listen listens at a port that is its own also while nobody listens there:
// see Door.
func listen(t tester) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if l, err = net.Listen("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	return l
}

func addrPort(l net.Listener) netip.AddrPort { return l.Addr().(*net.TCPAddr).AddrPort() }

// nobody is an address where nobody listens.
func nobody(t tester) netip.AddrPort {
	t.Helper()
	l := listen(t)
	_ = l.Close()
	return addrPort(l)
}

// silent is an address that answers nobody who connects, until end.
func silent(t tester) (at netip.AddrPort, end func()) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		err = errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0))
	}
	if err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	in := name.(*syscall.SockaddrInet4)
	at = netip.AddrPortFrom(netip.AddrFrom4(in.Addr), uint16(in.Port))
	only := dial(t, at.String()) // there is room for one
	return at, func() { _, _ = syscall.Close(fd), only.Close() }
}

// echo answers at an address, until end.
func echo(t tester) (at netip.AddrPort, end func()) {
	l := listen(t)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { _, _ = io.Copy(c, c); _ = c.Close() })
		}
	})
	return addrPort(l), func() { _ = l.Close(); all.Wait() }
}

func answers(c net.Conn) error {
	if _, err := c.Write([]byte("x")); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 1))
	return err
}

// A client that cannot be connected is given back, and may be connected
// elsewhere.
func TestConnect(t *testing.T) {
	both(t, func(t *testing.T, r *Relay) {
		there, end := echo(t)
		defer end()
		mute, unmute := silent(t)
		defer unmute()
		c, client := admitted(t, r)
		f := newForwarded()
		client.Connect(nobody(t), time.Minute, f, t.Context())
		if err := <-f.failed; !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("where nobody listens: %v", err)
		}
		client.Connect(mute, 20*time.Millisecond, f, t.Context())
		if err := <-f.failed; !os.IsTimeout(errors.Unwrap(err)) {
			t.Errorf("where nobody answers: %v", err)
		}
		if f.connected.Load() != 0 {
			t.Error("it was told to be connected")
		}
		client.Connect(there, time.Minute, f, t.Context())
		if err := answers(c); err != nil {
			t.Error(err)
		}
		if heard := <-f.first; heard.n != 1 || !heard.asked || f.connected.Load() != 1 {
			t.Errorf("told %+v", heard)
		}
		_ = c.Close()
		<-f.over
	})
}

// What ends a connection ends it while it is connected, too.
func TestEndsWhileConnecting(t *testing.T) {
	both(t, func(t *testing.T, r *Relay) {
		mute, unmute := silent(t)
		defer unmute()
		ctx, cancel := context.WithCancel(t.Context())
		c, client := admitted(t, r)
		f := newForwarded()
		client.Connect(mute, time.Minute, f, ctx)
		cancel()
		<-f.over
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the client sees %v", err)
		}
		if len(f.failed) > 0 || f.connected.Load() > 0 {
			t.Error("more was told")
		}
		c, client = admitted(t, r)
		client.Reset()
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("one that is reset sees %v", err)
		}
	})
}

// Shut, the kernel refuses clients, as often as need be, and none is lost once
// it is open again.
func TestDoor(t *testing.T) {
	both(t, func(t *testing.T, r *Relay) {
		l := listen(t)
		clients := make(chan *Client, 1)
		d := r.Accept(l, func(c *Client) { clients <- c }, nil)
		for range 10 {
			c := dial(t, l.Addr().String())
			(<-clients).Reset()
			_ = c.Close()
			d.Shut()
			d.Shut()
			if _, err := net.Dial("tcp", l.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("shut: %v", err)
			}
			for range 2 {
				if !d.Open() {
					t.Error("it stays shut")
				}
			}
		}
		d.Shut()
		d.Close()
		select {
		case err := <-d.Failed():
			t.Error(err)
		default:
		}
	})
}

// A listener that somebody else has shut is of no use any more.
func TestDoorFails(t *testing.T) {
	both(t, func(t *testing.T, r *Relay) {
		d := r.Accept(listen(t), func(c *Client) { c.Reset() }, nil)
		defer d.Close()
		if err := d.entry.control(func(fd int) error { return syscall.Shutdown(fd, syscall.SHUT_RD) }); err != nil {
			t.Fatal(err)
		}
		if err := <-d.Failed(); !errors.Is(err, syscall.EINVAL) {
			t.Error(err)
		}
	})
}

// told checks that what a call is told is in order, and nothing comes twice.
type told struct {
	client    *Client
	next      func(c *told) bool // says whether to connect again after a failure
	open      *sync.WaitGroup
	connected bool
	first     bool
	ended     atomic.Bool
	wrong     chan string
}

func (c *told) check(well bool, what string) {
	if !well || c.ended.Load() {
		c.wrong <- what
	}
}

func (c *told) Failed(error) {
	c.check(!c.connected, "failed")
	if !c.next(c) {
		c.ended.Store(true)
		c.client.Reset()
		c.open.Done()
	}
}

func (c *told) Connected() {
	c.check(!c.connected, "connected")
	c.connected = true
}

func (c *told) First(n int, asked bool, err error) {
	c.check(c.connected && !c.first && (n > 0) == (err == nil), "first")
	c.first = true
}

func (c *told) Ended() {
	c.check(true, "ended")
	c.ended.Store(true)
	c.open.Done()
}

// Whatever clients, targets and those who end them do at whatever moment, each
// client comes to one end, and is told of it in order.
func TestEveryClientComesToAnEnd(t *testing.T) {
	both(t, func(t *testing.T, r *Relay) {
		there, end := echo(t)
		defer end()
		mute, unmute := silent(t)
		defer unmute()
		gone := nobody(t)
		rapid.Check(t, func(t *rapid.T) {
			targets := rapid.SliceOfN(rapid.SampledFrom([]netip.AddrPort{there, gone, mute}), 1, 3).Draw(t, "targets")
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			var open sync.WaitGroup
			wrong := make(chan string, 100)
			l := listen(t)
			d := r.Accept(l, func(client *Client) {
				open.Add(1)
				at := 0
				c := &told{client: client, open: &open, wrong: wrong}
				c.next = func(c *told) bool {
					if at == len(targets) {
						return false
					}
					at++
					client.Connect(targets[at-1], time.Millisecond, c, ctx)
					return true
				}
				c.next(c)
			}, nil)
			var clients []*net.TCPConn
			for _, step := range rapid.SliceOfN(rapid.SampledFrom([]string{"dial", "dial", "dial", "ask", "close", "reset", "end", "shut", "open", "cancel"}), 1, 12).Draw(t, "steps") {
				if step == "dial" {
					if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
						clients = append(clients, c.(*net.TCPConn))
					}
					continue
				}
				switch step {
				case "shut":
					d.Shut()
				case "open":
					d.Open()
				case "cancel":
					cancel()
				}
				if len(clients) == 0 {
					continue
				}
				c := clients[len(clients)-1]
				switch step {
				case "ask":
					_, _ = c.Write([]byte("x"))
				case "close":
					_ = c.Close()
				case "reset":
					reset(c)
				case "end":
					_ = c.CloseWrite()
				}
			}
			d.Close()
			for _, c := range clients {
				_ = c.Close()
			}
			open.Wait()
			select {
			case what := <-wrong:
				t.Fatalf("told out of order: %s", what)
			case err := <-d.Failed():
				t.Fatal(err)
			default:
			}
		})
	})
}
