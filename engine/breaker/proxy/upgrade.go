package proxy

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"strings"

	"github.com/syndicate/syndicate/socket"
)

// upgradeType is the protocol that a request asks for, or an answer switches
// to; empty: none.
func upgradeType(h http.Header) string {
	if strings.Contains(strings.ToLower(strings.Join(h["Connection"], ",")), "upgrade") {
		return h.Get("Upgrade")
	}
	return ""
}

// upgradable is the answer to a client that asks for another protocol. What
// such a client sends before it has its answer is behind the request in the
// server's buffer, where the reverse proxy leaves it: here the connection
// begins with it.
type upgradable struct{ http.ResponseWriter }

// Unwrap lets an http.ResponseController find the rest.
func (u upgradable) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// Hijack implements http.Hijacker.
func (u upgradable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, both, err := http.NewResponseController(u.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if n := both.Reader.Buffered(); n > 0 {
		early, _ := both.Reader.Peek(n) // it is there
		conn = socket.Begun(conn, bytes.Clone(early))
	}
	return conn, both, nil
}
