package gateway

import (
	"context"
	"io"
	"net"
	"sync"
	"time"
)

// keys finds the server of a session by the key that cancels its queries. Its
// zero value is ready for use, by many goroutines.
type keys struct {
	mu    sync.Mutex
	known map[string]*session // guarded by mu
}

func (k *keys) add(key string, s *session) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil {
		k.known = map[string]*session{}
	}
	k.known[key] = s
}

// remove forgets the key of a session that has ended.
func (k *keys) remove(key string, s *session) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known[key] == s {
		delete(k.known, key)
	}
}

func (k *keys) find(key string) *session {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.known[key]
}

// maxCancels bounds the cancel requests that the server has to deal with at
// once: it makes a process for each. The others wait.
const maxCancels = 32

// cancelTimeout bounds handing a cancel request to the server, or waiting for
// that.
const cancelTimeout = 30 * time.Second

// cancel hands a client's request on to the server that its session is with.
// It returns once the server has taken note, as the server does: a client
// that goes on then meets no cancel that comes late.
func (g *Gateway) cancel(packet []byte) {
	g.stats.cancels.Add(1)
	key, err := cancelKey(packet)
	if err != nil {
		g.stats.lost.Add(1)
		return
	}
	s := g.keys.find(key)
	if s == nil {
		g.stats.lost.Add(1)
		return
	}
	if err := s.cancel(packet); err != nil {
		g.stats.lost.Add(1)
		g.notes.say("a cancel request did not reach the server: %v", reason(err))
	}
}

// cancel sends a cancel request to the session's server.
func (s *session) cancel(packet []byte) error {
	ctx, end := context.WithTimeout(s.g.killed, cancelTimeout)
	defer end()
	select {
	case s.g.cancels <- struct{}{}:
		defer func() { <-s.g.cancels }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	conn, err := s.g.server.connect(ctx, s.target)
	if err != nil {
		return err
	}
	defer conn.Close()
	return exchange(ctx, conn, packet)
}

// exchange sends a packet, and waits until the other side has closed.
func exchange(ctx context.Context, conn net.Conn, packet []byte) error {
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := conn.Write(packet); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, conn); err != nil && ctx.Err() != nil {
		return err
	}
	return nil // also where the server resets what it need not answer
}
