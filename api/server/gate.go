package server

import (
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/syndicate/syndicate/localsocket"
	"github.com/syndicate/syndicate/socket"
)

// gate admits a bounded number of connections, and only of those who may.
// Where they are too many, one that has asked before and asks nothing now makes
// room: a client that keeps its connection open keeps nobody else out.
type gate struct {
	net.Listener
	free  chan struct{}
	admit func(net.Conn) (localsocket.Peer, bool)

	mu   sync.Mutex
	idle []*admitted // the longest first; guarded by mu
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
		if !g.enter() {
			_ = conn.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
			_, _ = io.WriteString(conn, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			_ = conn.Close()
			continue
		}
		return &admitted{Conn: socket.Quick(conn), peer: peer, gate: g, leave: sync.OnceFunc(func() { <-g.free })}, nil
	}
}

// enter takes a place, if need be that of whoever is idle longest.
func (g *gate) enter() bool {
	for {
		select {
		case g.free <- struct{}{}:
			return true
		default:
		}
		g.mu.Lock()
		var longest *admitted
		if len(g.idle) > 0 {
			longest, g.idle = g.idle[0], g.idle[1:]
		}
		g.mu.Unlock()
		if longest == nil {
			return false
		}
		_ = longest.Close()
	}
}

// changed is told by a server what a connection does.
func changed(conn net.Conn, state http.ConnState) {
	if outer, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		conn = outer.NetConn()
	}
	a, ok := conn.(*admitted)
	if !ok {
		return
	}
	g := a.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	g.idle = slices.DeleteFunc(g.idle, func(other *admitted) bool { return other == a })
	if state == http.StateIdle {
		g.idle = append(g.idle, a)
	}
}

// admitted is a connection that gives its place back.
type admitted struct {
	net.Conn
	first []byte // what was read of it already, if anything: see front
	peer  localsocket.Peer
	gate  *gate
	leave func()
}

// Read implements net.Conn.
func (a *admitted) Read(b []byte) (int, error) {
	if len(a.first) == 0 {
		return a.Conn.Read(b)
	}
	n := copy(b, a.first)
	a.first = a.first[n:]
	return n, nil
}

// Close ends the connection.
func (a *admitted) Close() error {
	defer a.leave()
	return a.Conn.Close()
}
