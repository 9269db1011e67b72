package front

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/syndicate/syndicate/socket"
)

// desk is the memory that attending to a connection takes: as much as in
// net/http.
type desk struct {
	in    [4 << 10]byte // a request that is longer is handed on
	out   [4 << 10]byte // of an answer, before it is sent
	early [2 << 10]byte // of an answer's body, before its length is known
}

var desks = sync.Pool{New: func() any { return new(desk) }}

// conn is a connection whose requests are served here.
type conn struct {
	net.Conn
	server *Server
	out    []byte // what is to be sent
	early  []byte // the beginning of a body, which is to follow

	ctx      context.Context // ends when the client goes away
	cancel   context.CancelFunc
	template *http.Request // what all of its requests have in common
	accepted time.Time
	asked    atomic.Bool // something was

	id   uint64
	raw  syscall.RawConn
	over atomic.Bool // the client has ended its side: look whether all was read

	reading reading
	waited  time.Time // for something to read, for the last time
}

// Write puts a part of an answer's head into the buffer.
func (c *conn) Write(b []byte) (int, error) {
	c.out = append(c.out, b...)
	return len(b), nil
}

// departs is told when the client ends its side of the connection, or is gone.
// What it asked before may still be there to be read.
func (c *conn) departs() {
	c.over.Store(true)
	if ended(c.raw) {
		c.cancel()
	}
}

// attend answers what is asked on a connection until that ends, or asks for
// something that is net/http's.
func (s *Server) attend(c *conn) {
	d := desks.Get().(*desk)
	c.out, c.early = d.out[:0], d.early[:0]
	handed, posted := false, false
	defer func() {
		c.cancel()
		s.watching.remove(c)
		s.forget(c)
		desks.Put(d)
		if !handed {
			_ = c.Conn.Close()
			s.changed(c, http.StateClosed)
		}
	}()
	for first := true; ; first = false {
		n, err := s.next(c, d.in[:])
		if err != nil {
			return
		}
		if first {
			c.asked.Store(true)
			_ = c.SetReadDeadline(time.Time{})
		}
		s.changed(c, http.StateActive)
		asked := d.in[:n]
		if posted {
			asked = withoutNewlines(asked)
		}
		for len(asked) > 0 {
			q, ok := parse(asked)
			if !ok {
				handed = s.handOn(c, bytes.Clone(asked))
				return
			}
			if !s.call(c, &q) {
				return
			}
			asked = asked[q.length:]
			if posted = q.method == http.MethodPost; posted {
				asked = withoutNewlines(asked)
			}
		}
		s.changed(c, http.StateIdle)
	}
}

// next reads what is asked next. Where the server closes, that is what was
// asked before it did.
func (s *Server) next(c *conn, in []byte) (int, error) {
	if s.closing.Load() && c.asked.Load() { // looked at after the deadline was taken off, which else is set after that
		_ = c.SetReadDeadline(past)
	}
	n, waited, err := c.read(in)
	if err != nil && errors.Is(err, os.ErrDeadlineExceeded) && s.closing.Load() && socket.Arrived(c.Conn) {
		_ = c.SetReadDeadline(time.Time{})
		n, waited, err = c.read(in)
	}
	if now := time.Now(); waited || now.Sub(c.waited) >= stint {
		c.waited = now
		if !waited {
			s.turns.stepBack()
		}
	}
	return n, err
}

// stint is how long a connection may go on without waiting for anything, where
// others may want the processor.
const stint = 100 * time.Microsecond

// call has a request answered, and reports whether the connection goes on.
func (s *Server) call(c *conn, q *request) (goesOn bool) {
	if c.over.Load() && ended(c.raw) { // it ended behind an earlier request
		c.cancel()
	}
	r := new(http.Request)
	*r = *c.template
	r.Method, r.URL, r.RequestURI, r.Host, r.Header, r.Close = q.method, q.url, q.uri, q.host, q.header, q.last
	r.Body, r.ContentLength = q.reader()
	a := &answer{conn: c, req: r, header: make(http.Header, 8)}
	a.last.Store(q.last)
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler {
				s.logf("front: panic serving %v: %v\n%s", c.RemoteAddr(), p, debug.Stack())
			}
			if a.begun {
				a.send(nil) // what there is of it, and no end
			}
			goesOn = false
		}
	}()
	s.HTTP.Handler.ServeHTTP(a, r)
	return a.finish()
}
