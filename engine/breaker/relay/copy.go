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

// forward forwards on a goroutine for each way, and returns once both
// connections are closed.
func forward(client, up *net.TCPConn, call Call, until []context.Context) {
	defer call.Ended()
	defer func() { _, _ = client.Close(), up.Close() }()
	for _, ctx := range until {
		defer context.AfterFunc(ctx, func() { reset(client); reset(up) })()
	}
	call.Connected()
	var asked atomic.Bool
	var both sync.WaitGroup
	both.Go(func() {
		copyWay(up, client, func(n int, _ error) { asked.Store(n > 0) })
	})
	both.Go(func() {
		copyWay(client, up, func(n int, err error) {
			if !errors.Is(err, net.ErrClosed) { // by this side
				call.First(n, asked.Load(), err)
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
