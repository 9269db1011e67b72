package relay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// both runs a test of each way to forward: the loops, where the system has
// them, and goroutines.
func both(t *testing.T, test func(*testing.T, *Relay)) {
	t.Run("loops", func(t *testing.T) {
		r := Open()
		defer r.Close()
		test(t, r)
	})
	t.Run("goroutines", func(t *testing.T) { test(t, &Relay{}) })
}

// tester is what testing.T and rapid.T have in common.
type tester interface {
	Helper()
	Fatal(...any)
	Cleanup(func())
}

// connected returns the two ends of a connection. The test's end, which is
// the first, fails after a time rather than to wait for ever.
func connected(t tester) (near, far *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	near = dial(t, l.Addr().String())
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = accepted.Close() })
	return near, accepted.(*net.TCPConn)
}

// heard is what First was told.
type heard struct {
	n     int
	asked bool
	err   error
}

// forwarded is a pair that is forwarded, seen from its ends. It implements
// Call.
type forwarded struct {
	client, up *net.TCPConn
	connected  atomic.Int32
	failed     chan error
	first      chan heard    // closed once it is over
	over       chan struct{} // closed then, too
}

func newForwarded() *forwarded {
	return &forwarded{failed: make(chan error, 2), first: make(chan heard, 2), over: make(chan struct{})}
}

func (f *forwarded) Failed(err error)                   { f.failed <- err }
func (f *forwarded) Connected()                         { f.connected.Add(1) }
func (f *forwarded) First(n int, asked bool, err error) { f.first <- heard{n, asked, err} }
func (f *forwarded) Ended()                             { close(f.first); close(f.over) }

// start forwards a client that a door has let in to a connection.
func start(t tester, r *Relay, until ...context.Context) *forwarded {
	t.Helper()
	f := newForwarded()
	var client *Client
	f.client, client = admitted(t, r)
	var up *net.TCPConn
	f.up, up = connected(t)
	client.Forward(up, f, until...)
	return f
}

// admitted connects to a door, and returns the connection and its client.
func admitted(t tester, r *Relay) (*net.TCPConn, *Client) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	clients := make(chan *Client, 1)
	d := r.Accept(l, func(c *Client) { clients <- c }, nil)
	defer d.Close()
	return dial(t, l.Addr().String()), <-clients
}

// dial connects to an address. The connection fails after a time rather than
// to wait for ever.
func dial(t tester, address string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return c.(*net.TCPConn)
}

func (f *forwarded) end() {
	_, _ = f.client.Close(), f.up.Close()
	<-f.over
}

// pseudo is a stream that anybody can tell any part of.
func pseudo(n int, seed uint64) []byte {
	all := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed)})
	_, _ = r.Read(all)
	return all
}

// Whatever both sides send, in whatever pieces, arrives whole at the other
// one, and so does the end of each, in every order.
func TestEverythingPasses(t *testing.T) {
	both(t, func(t *testing.T, r *Relay) {
		rapid.Check(t, func(t *rapid.T) {
			sizes := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(1, 100), rapid.IntRange(4000, 70000), rapid.Just(300000)), 0, 3)
			type plan struct {
				pieces []int
				reads  int // bytes at a time
				after  bool
			}
			draw := func(name string) plan {
				return plan{sizes.Draw(t, name), rapid.SampledFrom([]int{4 << 10, 1 << 16}).Draw(t, name+" reads"), rapid.Bool().Draw(t, name+" ends after it has heard everything")}
			}
			plans := [2]plan{draw("client"), draw("upstream")}
			if plans[0].after && plans[1].after {
				plans[1].after = false // somebody has to begin
			}
			f := start(t, r)
			ends := [2]*net.TCPConn{f.client, f.up}
			var all sync.WaitGroup
			for i, p := range plans {
				n := 0
				for _, size := range p.pieces {
					n += size
				}
				sent, done := pseudo(n, uint64(i)), make(chan struct{})
				all.Go(func() {
					at := 0
					for _, size := range p.pieces {
						if _, err := ends[i].Write(sent[at : at+size]); err != nil {
							t.Errorf("write: %v", err)
						}
						at += size
					}
					if p.after {
						<-done
					}
					_ = ends[i].CloseWrite()
				})
				other := plans[1-i]
				want := 0
				for _, size := range other.pieces {
					want += size
				}
				all.Go(func() {
					defer close(done)
					got, err := io.ReadAll(&pieces{ends[i], p.reads})
					if err != nil || !bytes.Equal(got, pseudo(want, uint64(1-i))) {
						t.Errorf("side %d got %d bytes of %d: %v", i, len(got), want, err)
					}
				})
			}
			all.Wait()
			<-f.over
			_, _ = f.client.Close(), f.up.Close()
		})
	})
}

// pieces reads at most so much at a time.
type pieces struct {
	from io.Reader
	most int
}

func (p *pieces) Read(into []byte) (int, error) { return p.from.Read(into[:min(p.most, len(into))]) }

// What was heard first is told once, with whether the client had spoken.
func TestFirst(t *testing.T) {
	both(t, func(t *testing.T, r *Relay) {
		for _, test := range []struct {
			name string
			do   func(f *forwarded)
			want heard
		}{
			{"an answer", func(f *forwarded) {
				_, _ = f.client.Write([]byte("q"))
				_, _ = io.ReadFull(f.up, make([]byte, 1))
				_, _ = f.up.Write([]byte("answer"))
			}, heard{6, true, nil}},
			{"it speaks first", func(f *forwarded) { _, _ = f.up.Write([]byte("hi")) }, heard{2, false, nil}},
			{"the end", func(f *forwarded) {
				_, _ = f.client.Write([]byte("q"))
				_, _ = io.ReadFull(f.up, make([]byte, 1))
				_ = f.up.Close()
			}, heard{0, true, io.EOF}},
			{"a reset", func(f *forwarded) { reset(f.up) }, heard{0, false, syscall.ECONNRESET}},
		} {
			f := start(t, r)
			test.do(f)
			got := <-f.first
			if got.n != test.want.n || got.asked != test.want.asked || !errors.Is(got.err, test.want.err) {
				t.Errorf("%s: told %+v", test.name, got)
			}
			f.end()
			if got, again := <-f.first; again {
				t.Errorf("%s: told again: %+v", test.name, got)
			}
		}
	})
}

// A reset is passed on as one, and one of the client's says nothing about
// upstream.
func TestReset(t *testing.T) {
	both(t, func(t *testing.T, r *Relay) {
		for _, who := range []string{"client", "upstream", "context"} {
			ctx, cancel := context.WithCancel(t.Context())
			f := start(t, r, context.Background(), ctx)
			victims := []*net.TCPConn{f.client, f.up}
			switch who {
			case "client":
				reset(f.client)
				victims = victims[1:]
			case "upstream":
				reset(f.up)
				victims = victims[:1]
			case "context":
				cancel()
			}
			for _, c := range victims {
				if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("%s: the other side sees %v", who, err)
				}
			}
			<-f.over
			if got, told := <-f.first; told != (who == "upstream") {
				t.Errorf("%s: told %+v", who, got)
			}
			f.end()
			cancel()
		}
	})
}

// Many connections at once, some of which flood, each get their own.
func TestMany(t *testing.T) {
	both(t, func(t *testing.T, r *Relay) {
		var all sync.WaitGroup
		for i := range 40 {
			f := start(t, r)
			size := 1000
			if i%10 == 0 {
				size = 2 << 20
			}
			all.Go(func() { _, _ = io.Copy(f.up, f.up); _ = f.up.CloseWrite() })
			all.Go(func() {
				defer f.end()
				sent := pseudo(size, uint64(i))
				go func() { _, _ = f.client.Write(sent); _ = f.client.CloseWrite() }()
				if got, err := io.ReadAll(f.client); err != nil || !bytes.Equal(got, sent) {
					t.Errorf("connection %d: %d bytes of %d, %v", i, len(got), size, err)
				}
			})
		}
		all.Wait()
	})
}

// stuffed writes until a side that does not read has everything on the way
// full, and goes on until the connection ends. It returns with the first wait.
func stuffed(t *testing.T, c *net.TCPConn) (ended <-chan error) {
	t.Helper()
	flood := make([]byte, 1<<20)
	var err error
	for err == nil {
		_ = c.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
		_, err = c.Write(flood)
	}
	if ne, ok := err.(net.Error); !ok || !ne.Timeout() {
		t.Fatalf("full: %v", err)
	}
	_ = c.SetWriteDeadline(time.Now().Add(time.Minute))
	done := make(chan error, 1)
	go func() {
		for {
			if _, err := c.Write(flood); err != nil {
				done <- err
				return
			}
		}
	}()
	return done
}

// A side that reads nothing has the other one wait, and what is on the way
// then is let go of where either of them ends it.
func TestEndsWhileFull(t *testing.T) {
	both(t, func(t *testing.T, r *Relay) {
		for _, who := range []string{"reader", "context"} {
			ctx, cancel := context.WithCancel(t.Context())
			f := start(t, r, ctx)
			_ = f.client.SetReadBuffer(4 << 10)
			ended := stuffed(t, f.up)
			if who == "reader" {
				reset(f.client)
			} else {
				cancel()
			}
			if err := <-ended; !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
				t.Errorf("%s: the writer sees %v", who, err)
			}
			<-f.over
			f.end()
			cancel()
		}
	})
}
