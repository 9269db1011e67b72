package socket

import (
	"errors"
	"net"
)

// Begun returns a connection of which some bytes were read before: they are
// what is read first. As that of a TCP connection it has CloseWrite and
// SetLinger.
func Begun(conn net.Conn, first []byte) net.Conn { return &begunConn{conn, first} }

type begunConn struct {
	net.Conn
	first []byte
}

// Read implements io.Reader.
func (c *begunConn) Read(into []byte) (int, error) {
	if len(c.first) > 0 {
		n := copy(into, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(into)
}

// CloseWrite ends one way of it.
func (c *begunConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// SetLinger is a *net.TCPConn's.
func (c *begunConn) SetLinger(seconds int) error {
	if tcp, ok := c.Conn.(interface{ SetLinger(int) error }); ok {
		return tcp.SetLinger(seconds)
	}
	return errors.ErrUnsupported
}
