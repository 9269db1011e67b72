package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/syndicate/syndicate/socket"
)

// front stands before net/http on the control socket. The question that is asked
// a thousand times a second, how everything is, it answers itself, on the
// goroutine of the connection: net/http starts another one for each request, to
// see whether the client goes away, and moves five deadlines, which takes longer
// than the answer. All else it hands on to net/http, and with it whatever the
// connection asks from then on.
//
// It is the listener that accepts those connections.
type front struct {
	open   context.Context // ends when the server closes
	log    hclog.Logger
	status func() (head, rest []byte, err error)
	// statusNow is status where that needs no waiting; else ok is false.
	statusNow func() (head, rest []byte, ok bool)

	handed    chan *admitted
	attending sync.WaitGroup
}

func newFront(open context.Context, log hclog.Logger, status func() (head, rest []byte, err error), statusNow func() (head, rest []byte, ok bool)) *front {
	return &front{open: open, log: log, status: status, statusNow: statusNow, handed: make(chan *admitted)}
}

// listen attends to all that a gate admits, until that is closed.
func (f *front) listen(g *gate) {
	const least, most = 5 * time.Millisecond, time.Second
	for pause := least; ; pause = min(2*pause, most) {
		conn, err := g.Accept()
		switch {
		case err == nil:
			if a := conn.(*admitted); !f.atOnce(a) {
				f.attending.Go(func() { f.attend(a) })
			}
			pause = least / 2
		case errors.Is(err, net.ErrClosed):
			return
		default: // too many open files, which passes
			f.log.Warn("cannot accept a control connection", "error", err)
			select {
			case <-time.After(pause):
			case <-f.open.Done():
				return
			}
		}
	}
}

// Accept implements net.Listener.
func (f *front) Accept() (net.Conn, error) {
	select {
	case conn := <-f.handed:
		return conn, nil
	case <-f.open.Done():
		return nil, net.ErrClosed
	}
}

// Addr implements net.Listener.
func (f *front) Addr() net.Addr { return &net.UnixAddr{Net: "unix"} }

// Close implements net.Listener. The front ends with the server.
func (f *front) Close() error { return nil }

// atOnce answers the only question of a connection where that is there already
// and nothing has to be waited for, and reports whether the connection is seen
// to: a goroutine for each takes a fifth of what such an answer takes.
func (f *front) atOnce(conn *admitted) (done bool) {
	if !socket.Arrived(conn.Conn) {
		return false
	}
	d := desks.Get().(*desk)
	defer func() {
		if p := recover(); p != nil {
			f.panicked(p)
			_ = conn.Close()
			done = true
		}
	}()
	n, err := conn.Read(d.in)
	if err != nil {
		_ = conn.Close()
		desks.Put(d)
		return true
	}
	q, plain := plainStatus(d.in[:n])
	if plain && q.last && q.length == n {
		if head, rest, ok := f.statusNow(); ok {
			d.compose(head, rest, true)
			d.widen(conn, rest)
			f.send(conn, d, rest, socket.WriteBothNow(conn.Conn, d.out, rest))
			return true
		}
	}
	conn.first = slices.Clone(d.in[:n])
	desks.Put(d)
	return false
}

// send sends what is left of an answer after so many bytes, and closes the
// connection. Only a goroutine may wait for the client.
func (f *front) send(conn *admitted, d *desk, rest []byte, sent int) {
	end := func() {
		_ = conn.Close()
		d.reset()
		desks.Put(d)
	}
	if sent == len(d.out)+len(rest) {
		end()
		return
	}
	f.attending.Go(func() {
		defer end()
		_ = conn.SetWriteDeadline(time.Now().Add(sendTimeout))
		goOn := context.AfterFunc(f.open, func() { _ = conn.SetWriteDeadline(time.Now().Add(closeGrace)) })
		defer goOn()
		first := min(sent, len(d.out))
		_, _ = socket.WriteBoth(conn.Conn, d.out[first:], rest[sent-first:])
	})
}

func (f *front) panicked(p any) { // as by net/http: no question ends the engine
	f.log.Error("the answer to a status request panicked", "panic", p)
}

// attend answers what is asked on a connection, until that closes or asks for
// something else.
func (f *front) attend(conn *admitted) {
	goOn := context.AfterFunc(f.open, func() {
		_ = conn.SetReadDeadline(time.Unix(1, 0))
		_ = conn.SetWriteDeadline(time.Now().Add(closeGrace))
	})
	d := desks.Get().(*desk)
	handed := false
	defer func() {
		if p := recover(); p != nil {
			f.panicked(p)
		}
		goOn()
		d.reset()
		desks.Put(d)
		if !handed {
			_ = conn.Close()
			changed(conn, http.StateClosed)
		}
	}()
	for patience := headTimeout; ; patience = idleTimeout {
		if d.reads.due(patience) {
			_ = conn.SetReadDeadline(d.reads.at)
		}
		if f.open.Err() != nil { // looked at after the deadline was set, which else is set after this
			return
		}
		n, err := conn.Read(d.in)
		if err != nil {
			return
		}
		changed(conn, http.StateActive)
		for asked := d.in[:n]; len(asked) > 0; {
			q, ok := plainStatus(asked)
			if ok {
				ok, err = f.answer(conn, d, q.last)
			}
			if !ok {
				handed = goOn() && f.handOn(conn, slices.Clone(asked))
				return
			}
			if q.last || err != nil {
				return
			}
			asked = asked[q.length:]
		}
		changed(conn, http.StateIdle)
	}
}

// handOn gives a connection to net/http, with what it has asked.
func (f *front) handOn(conn *admitted, asked []byte) bool {
	conn.first = asked
	select {
	case f.handed <- conn:
		return true
	case <-f.open.Done():
		return false
	}
}
