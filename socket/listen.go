package socket

import "net"

// Listen returns a listener that accepts what l does, as [Quick] connections.
func Listen(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

// Accept implements net.Listener.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return Quick(c), nil
}

// writeBoth is [WriteBoth] for any connection.
func writeBoth(conn net.Conn, b, then []byte) (int, error) {
	pieces := net.Buffers{b, then}
	n, err := pieces.WriteTo(conn)
	return int(n), err
}
