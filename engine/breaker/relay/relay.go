package relay

import (
	"context"
	"net"
	"sync"
)

// Relay forwards connections. All of a process have their loops in common,
// which run from the first Open to the last Close.
type Relay struct{ loops []*loop }

// shared are the loops of all.
var shared struct {
	mu    sync.Mutex
	users int     // guarded by mu
	loops []*loop // guarded by mu
}

// Open returns a relay, which is to be closed once nothing is forwarded by it
// any more.
func Open() *Relay {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.users == 0 {
		shared.loops = startLoops()
	}
	shared.users++
	return &Relay{shared.loops}
}

// Close lets go of it. Nothing may be forwarded any more.
func (r *Relay) Close() {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.users--; shared.users > 0 {
		return
	}
	for _, l := range shared.loops {
		l.end()
	}
	shared.loops = nil
}

// Pair is two connections that are to be forwarded to one another.
type Pair struct {
	Client, Upstream *net.TCPConn
	// First is told, before anything else happens to the connections, what
	// came first from upstream: so many bytes, io.EOF or another error; and
	// whether the client had sent something by then. It is not called where
	// the client or Forward's caller ends the connections before. It must not
	// block: others wait meanwhile.
	First func(n int, asked bool, err error)
}

// Forward forwards until both ways have ended, or one of the contexts has,
// which resets both connections. They are closed when it returns. It may be
// called by many goroutines at once.
func (r *Relay) Forward(p Pair, until ...context.Context) {
	if l := r.loop(); l == nil || !l.forward(p, until) {
		forward(p, until)
	}
}

// enough is how many connections have a loop of their own rather than a part
// of another one: fewer are relayed sooner by one, since none of their
// messages has to wake another thread.
const enough = 64

// loop is the first that has few connections, or the one that has fewest; nil
// where there are none.
func (r *Relay) loop() *loop {
	var best *loop
	for _, l := range r.loops {
		n := l.pairs.Load()
		if n < enough {
			return l
		}
		if best == nil || n < best.pairs.Load() {
			best = l
		}
	}
	return best
}
