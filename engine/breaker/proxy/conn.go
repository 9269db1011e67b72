package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/syndicate/syndicate/socket"
)

// upstreamConn is a connection to an upstream that knows whether somebody
// waits for what comes next on it.
//
// An upstream that sends more than it said would otherwise answer the next
// call with the rest: net/http gives a connection to the next call a moment
// before it looks whether anything is left over from the last one. So a call
// waits here for that look. Where nothing was left, the look has become a
// read from the connection; else net/http has closed it.
type upstreamConn struct {
	net.Conn
	mu      sync.Mutex
	changed sync.Cond
	reading bool // guarded by mu
	closed  bool // guarded by mu
}

type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// dialQuick returns a function that connects within a time.
func dialQuick(within time.Duration) dialer {
	d := &net.Dialer{Timeout: within}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return socket.Quick(c), nil
	}
}

// dialUpstream is dialQuick for an http.Transport.
func dialUpstream(within time.Duration) dialer {
	quick := dialQuick(within)
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := quick(ctx, network, address)
		if err != nil {
			return nil, err
		}
		u := &upstreamConn{Conn: c}
		u.changed.L = &u.mu
		return u, nil
	}
}

func (c *upstreamConn) Read(into []byte) (int, error) {
	c.set(&c.reading, true)
	n, err := c.Conn.Read(into)
	c.set(&c.reading, false)
	return n, err
}

func (c *upstreamConn) Close() error {
	err := c.Conn.Close()
	c.set(&c.closed, true)
	return err
}

// CloseWrite ends one way of a connection that was upgraded.
func (c *upstreamConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

func (c *upstreamConn) set(flag *bool, to bool) {
	c.mu.Lock()
	*flag = to
	if to {
		c.changed.Broadcast()
	}
	c.mu.Unlock()
}

// clean waits until nothing is left over on a connection that served before,
// or it is closed. HTTP/2 has no need of it: each of its frames says whose it
// is.
func clean(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		if t.ConnectionState().NegotiatedProtocol == "h2" {
			return
		}
		c = t.NetConn()
	}
	u, ok := c.(*upstreamConn)
	if !ok {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for !u.reading && !u.closed {
		u.changed.Wait()
	}
}
