package gateway

import (
	"encoding/binary"
	"errors"
	"io"
	"time"

	"github.com/syndicate/syndicate/socket"
)

// goneTimeout is how long the server may take to end a session whose client
// has gone.
const goneTimeout = 5 * time.Second

// relay copies both directions until the session has ended.
func (s *session) relay() {
	s.flights.stats, s.flights.now = s.g.stats, time.Now
	if bound := s.g.limits.Load().SlowQuery; bound > 0 {
		s.flights.slow = func(f flight, took time.Duration) {
			if took >= bound {
				s.slow(f, took)
			}
		}
	}
	defer close(s.over)
	r, a := requests{&s.flights}, &answers{flights: &s.flights, failed: s.failed}
	if len(s.early) > 0 {
		s.heard(s.early, a)
	}
	var up, down []byte
	if len(s.early) == 0 || s.deliver(s.client, s.early) {
		s.early = nil
		up, down = s.carry(func(b []byte) { s.asked(b, r) }, func(b []byte) { s.heard(b, a) })
	}
	uploaded := make(chan struct{})
	go func() {
		defer close(uploaded)
		s.upload(up, r)
	}()
	s.download(down, a)
	// The server has ended: what it said last arrives, and what the client
	// still says goes nowhere.
	_ = s.server.Close()
	closeWrite(s.client)
	_ = s.client.SetReadDeadline(time.Now().Add(lingerTime))
	<-uploaded
}

// slow notes a query that took long.
func (s *session) slow(f flight, took time.Duration) {
	statement := OtherStatements
	if f.series != nil {
		statement = f.series.text
	}
	s.g.notes.say("slow query, %s: %s (%s)", took.Round(time.Millisecond/10), statement, s.who)
}

// upload takes what the client sends to the server, after what of that is left.
func (s *session) upload(left []byte, r requests) {
	from, to := socket.Quick(s.client), socket.Quick(s.server)
	if !push(to, left) {
		discard(s.client)
		return
	}
	buf := newBuffer()
	for {
		n, err := from.Read(buf.bytes)
		if b := buf.bytes[:n]; n > 0 && !(s.asked(b, r) && push(to, b)) {
			discard(s.client)
			return
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			closeWrite(s.server)
			return
		case isOverdue(err):
			return
		default:
			s.abandon()
			return
		}
		buf.fit(n)
	}
}

// push writes what there is. It reports whether there is still somebody to
// take it.
func push(to io.Writer, b []byte) bool {
	if len(b) == 0 {
		return true
	}
	_, err := to.Write(b)
	return err == nil
}

// asked notes what the client sends. It reports whether that is still taken.
func (s *session) asked(b []byte, r requests) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.flights.in.feed(b, r)
	s.patience.send(len(b))
	return true
}

// download takes what the server sends to the client, after what of that is
// left, until either has gone.
func (s *session) download(left []byte, a *answers) {
	from, to := socket.Quick(s.server), socket.Quick(s.client)
	if !s.deliver(to, left) {
		return
	}
	buf := newBuffer()
	for {
		n, err := from.Read(buf.bytes)
		if b := buf.bytes[:n]; n > 0 {
			s.heard(b, a)
			if !s.deliver(to, b) {
				return
			}
		}
		switch {
		case err == nil:
		case isOverdue(err):
			if s.gaveUp() {
				return
			}
		default:
			s.lost(to, err)
			return
		}
		if s.farewell() {
			return
		}
		buf.fit(n)
	}
}

// heard notes what the server sends.
func (s *session) heard(b []byte, a *answers) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flights.out.feed(b, a)
	if s.flights.answered() {
		s.patience.answered()
	}
}

// deliver hands bytes of the server to the client. Where that has gone it
// waits until the server has ended as well, and returns false.
func (s *session) deliver(to io.Writer, b []byte) bool {
	if !push(to, b) {
		s.abandon()
		discard(s.server)
		return false
	}
	return true
}

// abandon ends a session whose client has gone: what the server works on for
// it is cancelled, and its connection ends within goneTimeout.
func (s *session) abandon() {
	s.gone.Do(func() {
		s.mu.Lock()
		busy := s.flights.busy()
		s.closing = true
		s.mu.Unlock()
		_ = s.client.Close()
		_ = s.server.SetDeadline(time.Now().Add(goneTimeout))
		closeWrite(s.server)
		if busy && s.key != "" {
			s.g.running.Go(s.cancelAll)
		}
	})
}

// again is the time between two cancels of a session whose client has gone.
const again = 200 * time.Millisecond

// cancelAll cancels what the server works on until the session is over: a
// cancel that comes before its query has begun is lost.
func (s *session) cancelAll() {
	tick := time.NewTicker(again)
	defer tick.Stop()
	for {
		_ = s.cancel(cancelPacket(s.key))
		select {
		case <-tick.C:
		case <-s.over:
			return
		}
	}
}

// cancelPacket is the request that cancels what runs under a key.
func cancelPacket(key string) []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 8+len(key)), uint32(8+len(key)))
	b = binary.BigEndian.AppendUint32(b, codeCancel)
	return append(b, key...)
}

// gaveUp reports whether a deadline on the server's side is the end. If it is
// not, it was there to have the session look around.
func (s *session) gaveUp() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return true
	}
	_ = s.server.SetReadDeadline(time.Time{})
	return false
}

// farewell ends a session that is to end and is idle. It reports whether it
// did. From then on nothing of the client is taken: so nothing is carried out
// of which the client is not told.
func (s *session) farewell() bool {
	s.mu.Lock()
	if s.retired && s.flights.idle() {
		s.closing = true
	}
	over := s.closing && s.retired
	s.mu.Unlock()
	if over {
		_ = s.client.SetWriteDeadline(time.Now().Add(sendTimeout))
		_, _ = s.client.Write(stopped().encode())
	}
	return over
}

// failed is told of each error of the server. One that ends the session, and
// says that the server goes, counts for the guard. The caller holds mu.
func (s *session) failed(severity, state string) {
	if severity != "FATAL" && severity != "PANIC" {
		return
	}
	s.flights.ended = true
	if connectionClass(state) {
		s.bury("the server ended a session (SQLSTATE " + state + ")")
	}
}
