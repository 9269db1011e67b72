package relay

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Relay forwards connections. All of a process have their loop in common,
// which runs from the first Open to the last Close.
type Relay struct{ loop *loop } // nil: there is none

// shared is the loop of all.
var shared struct {
	mu    sync.Mutex
	users int   // guarded by mu
	loop  *loop // guarded by mu
}

// Open returns a relay, which is to be closed once it has no door and no
// connection any more.
func Open() *Relay {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.users == 0 {
		shared.loop = startLoop()
	}
	shared.users++
	return &Relay{shared.loop}
}

// Close lets go of it. Nothing may be forwarded any more.
func (r *Relay) Close() {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.users--; shared.users > 0 {
		return
	}
	if shared.loop != nil {
		shared.loop.end()
	}
	shared.loop = nil
}

// Client is a connection that a door has let in. Exactly one of Connect,
// Forward and Reset is to be called, from any goroutine, and again one of them
// where Connect has failed.
type Client struct {
	relay *Relay
	conn  *net.TCPConn // nil: it is
	fd    int          // this descriptor, past Go's poller
}

// Call is told how it goes with a client. Its methods may be called by a loop:
// others wait meanwhile, so none may block.
type Call interface {
	// Failed is told why Connect could not connect. The client is open still,
	// and waits for what is to become of it; nothing else is told. It may be
	// called before Connect returns.
	Failed(error)
	// Connected is called once both are connected, before First.
	Connected()
	// First is told, before anything else happens to the connections, what
	// came first from upstream: so many bytes, io.EOF or another error; and
	// whether the client had sent something by then. It is not called where
	// the client or a context ends the connections before.
	First(n int, asked bool, err error)
	// Ended is called last, once both connections are closed.
	Ended()
}

// Connect connects to an address within a time, and forwards the client to it
// until both ways have ended, or one of the contexts has, which resets them.
// It does not wait.
func (c *Client) Connect(to netip.AddrPort, within time.Duration, call Call, until ...context.Context) {
	if c.conn == nil {
		c.relay.loop.connect(c, to, within, call, until)
		return
	}
	go func() {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		for _, u := range until {
			defer context.AfterFunc(u, cancel)()
		}
		dialer := &net.Dialer{Timeout: within}
		up, err := dialer.DialContext(ctx, "tcp", to.String())
		switch {
		case ctx.Err() != nil:
			if err == nil {
				reset(up.(*net.TCPConn))
			}
			c.Reset()
			call.Ended()
		case err != nil:
			call.Failed(err)
		default:
			forward(c.conn, up.(*net.TCPConn), call, until)
		}
	}()
}

// Forward is Connect with a connection that is there, which is the relay's
// from now on.
func (c *Client) Forward(up *net.TCPConn, call Call, until ...context.Context) {
	if c.conn == nil {
		c.relay.loop.forward(c, up, call, until)
		return
	}
	go forward(c.conn, up, call, until)
}

// Reset closes the client's connection so that it sees a failure at once.
func (c *Client) Reset() {
	if c.conn != nil {
		reset(c.conn)
		return
	}
	resetDescriptor(c.fd)
}
