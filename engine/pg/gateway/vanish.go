package gateway

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/syndicate/syndicate/engine/pg"
)

// roomy is how many bytes a server takes in before it has to look at them:
// well below the window that a TCP connection begins with, 64 KiB on Linux.
const roomy = 16 << 10

// patience notices a server that has vanished by what was sent to it and
// never acknowledged. The kernel takes for that also what it cannot send
// since the server takes nothing in: one that waits for a lock amid a long
// COPY or pipeline. So the bound holds while the server surely has room for
// all that was sent, and is off from then on until it has answered all of it.
type patience struct {
	conn  syscall.RawConn // nil where it has no such bound
	bound time.Duration
	sent  int // bytes since the server has answered everything
	off   bool
}

// newPatience is that of a connection which was made with a bound.
func newPatience(conn net.Conn, bound time.Duration) patience {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok || bound == 0 {
		return patience{}
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return patience{}
	}
	return patience{conn: raw, bound: bound}
}

// follow has it set its bound by what is the same connection.
func (p *patience) follow(conn any) {
	if c, ok := conn.(syscall.Conn); ok && p.conn != nil {
		if raw, err := c.SyscallConn(); err == nil {
			p.conn = raw
		}
	}
}

// send notes bytes that are about to be sent.
func (p *patience) send(n int) {
	if p.conn == nil || p.off {
		return
	}
	if p.sent += n; p.sent > roomy {
		p.off = true
		_ = pg.BoundUnacknowledged(p.conn, 0) // fails only where the connection is gone
	}
}

// answered notes that the server has read and answered everything.
func (p *patience) answered() {
	p.sent = 0
	if p.off {
		p.off = false
		_ = pg.BoundUnacknowledged(p.conn, p.bound)
	}
}

// isOverdue reports whether a connection has come to its deadline, which is
// ours. One that the kernel gives up has another error, which net.Error calls
// a timeout as well.
func isOverdue(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// lost ends a session whose server has gone without a word. Where the client
// can still be told, between two messages, and waits for something, it is.
func (s *session) lost(to io.Writer, err error) {
	s.mu.Lock()
	f := &s.flights
	expected := s.closing || f.ended || f.left || errors.Is(err, io.EOF) && !f.busy()
	var series *series
	if len(f.asked) > 0 {
		series = f.asked[0].series
	}
	between := f.out.between()
	s.mu.Unlock()
	if expected || s.g.killed.Err() != nil {
		return
	}
	why := "the server closed it"
	if !errors.Is(err, io.EOF) {
		why = reason(err)
	}
	s.g.stats.failed(series, connectionFailure)
	s.g.notes.say("the connection to the server was lost (%s): %s", s.who, why)
	s.bury("a session lost its connection: " + why)
	if !between {
		return
	}
	_ = s.client.SetWriteDeadline(time.Now().Add(sendTimeout))
	_, _ = to.Write((&refusal{
		connectionFailure, "the gateway lost the connection to the database server: " + why,
		"What was under way may have been carried out, or not.",
	}).encode())
}

// bury tells the guard that the server has ended a session for a reason that
// is nobody's but its own.
func (s *session) bury(why string) {
	if !s.g.deaths.first(time.Now()) {
		return
	}
	if permit, err := s.g.guard.Permit(); err == nil {
		permit.Failure(why)
	}
}
