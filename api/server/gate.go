package server

import (
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/syndicate/syndicate/localsocket"
)

// gate admits a bounded number of connections, and only of those who may.
type gate struct {
	net.Listener
	free  chan struct{}
	admit func(net.Conn) (localsocket.Peer, bool)
}

func newGate(l net.Listener, most int, admit func(net.Conn) (localsocket.Peer, bool)) *gate {
	return &gate{Listener: l, free: make(chan struct{}, most), admit: admit}
}

// ownPeers admits the engine's own user and root.
func ownPeers(log hclog.Logger) func(net.Conn) (localsocket.Peer, bool) {
	own := os.Geteuid()
	return func(conn net.Conn) (localsocket.Peer, bool) {
		peer, err := localsocket.PeerOf(conn)
		if err != nil || peer.UID != own && peer.UID != 0 {
			log.Warn("control connection refused", "uid", peer.UID, "pid", peer.PID, "error", err)
			return peer, false
		}
		return peer, true
	}
}

// anyPeer admits everybody: access is a matter of each request.
func anyPeer(net.Conn) (localsocket.Peer, bool) { return localsocket.Peer{}, true }

// Accept returns the next connection that is admitted.
func (g *gate) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		peer, ok := g.admit(conn)
		if !ok {
			_ = conn.Close()
			continue
		}
		select {
		case g.free <- struct{}{}:
			return &admitted{Conn: conn, peer: peer, leave: sync.OnceFunc(func() { <-g.free })}, nil
		default:
			_ = conn.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
			_, _ = io.WriteString(conn, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			_ = conn.Close()
		}
	}
}

// admitted is a connection that gives its place back.
type admitted struct {
	net.Conn
	peer  localsocket.Peer
	leave func()
}

// Close ends the connection.
func (a *admitted) Close() error {
	defer a.leave()
	return a.Conn.Close()
}
