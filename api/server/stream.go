package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/syndicate/syndicate/api"
)

// flushDelay is how long events of a burst are collected before they are
// sent together.
const flushDelay = 5 * time.Millisecond

// errGone is why the context of a stream ends when nobody reads it.
var errGone = errors.New("the client does not read")

// stream writes server-sent events. Its methods may be called by several
// goroutines. Once writing fails, or takes too long, its context ends.
type stream struct {
	ctx    context.Context
	cancel context.CancelCauseFunc

	mu      sync.Mutex // guards all below
	w       http.ResponseWriter
	control *http.ResponseController
	buf     bytes.Buffer
	enc     *json.Encoder
	flushed time.Time
	later   *time.Timer // flushes, once armed
	armed   bool
	beat    *time.Timer // says that we live
	closed  bool
}

// newStream begins to answer with a stream. It must be ended.
func newStream(w http.ResponseWriter, r *http.Request) *stream {
	s := &stream{w: w, control: http.NewResponseController(w)}
	s.ctx, s.cancel = context.WithCancelCause(r.Context())
	s.enc = json.NewEncoder(&s.buf)
	s.enc.SetEscapeHTML(false)
	_ = s.control.SetReadDeadline(time.Time{})
	h := w.Header()
	h.Set("Content-Type", streamType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies pass it on at once
	h.Set(api.VersionHeader, api.FormatVersion)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.later = time.AfterFunc(time.Hour, func() { s.locked(s.flush) })
	s.later.Stop()
	s.beat = time.AfterFunc(api.Heartbeat, func() {
		s.locked(func() {
			s.write([]byte(":\n\n"))
			s.flush()
		})
	})
	s.flush()
	return s
}

// locked calls f unless the stream has ended.
func (s *stream) locked(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		f()
	}
}

// send writes one event, with an id unless that is empty. It reports whether
// somebody may still be reading.
func (s *stream) send(id string, v any) bool {
	s.locked(func() { s.event("", id, v) })
	return s.ctx.Err() == nil
}

// event writes an event of a kind. s.mu is held.
func (s *stream) event(kind, id string, v any) {
	s.buf.Reset()
	if kind != "" {
		s.buf.WriteString("event: " + kind + "\n")
	}
	if id != "" {
		s.buf.WriteString("id: " + id + "\n")
	}
	s.buf.WriteString("data: ")
	if err := s.enc.Encode(v); err != nil { // ends with a newline
		s.cancel(err)
		return
	}
	s.buf.WriteByte('\n')
	s.write(s.buf.Bytes())
	switch now := time.Now(); {
	case now.Sub(s.flushed) >= flushDelay:
		s.flush()
	case !s.armed:
		s.armed = true
		s.later.Reset(flushDelay)
	}
}

// write hands bytes to the connection, or ends the stream.
func (s *stream) write(p []byte) {
	_ = s.control.SetWriteDeadline(time.Now().Add(sendTimeout))
	if _, err := s.w.Write(p); err != nil {
		s.cancel(errGone)
	}
}

// flush sends what was written. s.mu is held.
func (s *stream) flush() {
	s.armed = false
	_ = s.control.SetWriteDeadline(time.Now().Add(sendTimeout))
	if err := s.control.Flush(); err != nil {
		s.cancel(errGone)
	}
	s.flushed = time.Now()
	s.beat.Reset(api.Heartbeat)
}

// end completes the stream: with a problem where err is one. It does nothing
// where nobody reads any more, or after the first time.
func (s *stream) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if s.ctx.Err() == nil {
		if err != nil {
			s.event("problem", "", problem(http.StatusInternalServerError, err.Error()))
		} else {
			s.event("end", "", struct{}{})
		}
		s.flush()
	}
	s.closed = true
	s.later.Stop()
	s.beat.Stop()
	s.cancel(nil)
}
