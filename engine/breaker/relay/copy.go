package relay

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"github.com/syndicate/syndicate/socket"
)

// forward forwards on a goroutine for each way.
func forward(p Pair, until []context.Context) {
	defer func() { _, _ = p.Client.Close(), p.Upstream.Close() }()
	for _, ctx := range until {
		defer context.AfterFunc(ctx, func() { reset(p.Client); reset(p.Upstream) })()
	}
	var asked atomic.Bool
	var both sync.WaitGroup
	both.Go(func() {
		copyWay(p.Upstream, p.Client, func(n int, _ error) { asked.Store(n > 0) })
	})
	both.Go(func() {
		copyWay(p.Client, p.Upstream, func(n int, err error) {
			if !errors.Is(err, net.ErrClosed) { // by this side
				p.First(n, asked.Load(), err)
			}
		})
	})
	both.Wait()
}

// reset closes a connection so that the other side sees a failure at once.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

// messages is how much a connection may carry at a time, in bytes, to be
// copied through memory.
const messages = 8 << 10

// copyWay copies one way to the end, from the first read on that fills its
// buffer as io.Copy does, and passes the end on. first is told how the first
// read went.
func copyWay(to, from *net.TCPConn, first func(int, error)) {
	err := copyMessages(socket.Quick(to), socket.Quick(from), first)
	if err == nil {
		_, err = io.Copy(to, from)
	}
	if err != nil && err != io.EOF {
		reset(to)
		reset(from)
		return
	}
	_ = to.CloseWrite()
}

// copyMessages copies up to the first read that fills the buffer, or an
// error.
func copyMessages(to io.Writer, from io.Reader, first func(int, error)) error {
	buffer := make([]byte, messages)
	for {
		n, err := from.Read(buffer)
		if first != nil {
			first(n, err)
			first = nil
		}
		if n > 0 && err == nil {
			_, err = to.Write(buffer[:n])
		}
		if err != nil || n == len(buffer) {
			return err
		}
	}
}
