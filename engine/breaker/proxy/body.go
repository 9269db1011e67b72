package proxy

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

// requestBody is what the client sends. A bounded part of it is kept, as it
// passes, to be sent again.
type requestBody struct {
	from    io.ReadCloser // nil: none
	touched atomic.Bool
	ended   atomic.Bool
	broken  atomic.Bool // the client did not send it to its end
	reading atomic.Bool
	cut     atomic.Bool // by the proxy: nothing more can be read

	mu    sync.Mutex // held while it is read
	kept  []byte
	keeps int   // so much of it
	read  int64 // bytes
	err   error // what it ended with
	lost  atomic.Bool
	onEnd func() // once it has come to its end; may be nil
}

// begin takes the body of a request, of which so many bytes may be kept.
func (b *requestBody) begin(r *http.Request, keeps int) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	b.from, b.keeps = r.Body, keeps
	if keeps == 0 || r.ContentLength > int64(keeps) {
		b.lost.Store(true) // as soon as a byte is read
		return
	}
	b.kept = make([]byte, 0, max(r.ContentLength, 512))
}

// whole reports whether all of it is there, as what package front reads is.
func (b *requestBody) whole() bool {
	_, ok := b.from.(interface{ Len() int })
	return ok
}

// repeatable reports whether it can be sent again from its beginning.
func (b *requestBody) repeatable() bool {
	return b.from == nil || !b.touched.Load() || !b.lost.Load() && !b.broken.Load()
}

// errBodyGone says that a part of a body cannot be had again.
var errBodyGone = errors.New("a part of the request's body is gone")

// readAt reads what follows the first at bytes, unless the call's time is over.
func (b *requestBody) readAt(into []byte, at int64, over func() bool) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case at < int64(len(b.kept)):
		return copy(into, b.kept[at:]), nil
	case at != b.read:
		return 0, errBodyGone
	case b.err != nil:
		return 0, b.err // the server has another one, once the answer began
	}
	b.touched.Store(true)
	b.reading.Store(true)
	defer b.reading.Store(false)
	if over() {
		return 0, errOvertime
	}
	n, err := b.from.Read(into)
	b.read += int64(n)
	if !b.lost.Load() {
		if len(b.kept)+n > b.keeps {
			b.kept = nil
			b.lost.Store(true)
		} else {
			b.kept = append(b.kept, into[:n]...)
		}
	}
	if err == nil {
		return n, nil
	}
	b.err = err
	if err == io.EOF {
		if b.onEnd != nil {
			b.onEnd()
		}
		b.ended.Store(true)
	} else {
		b.broken.Store(true)
	}
	return n, err
}

// sentBody is the body as one attempt sends it.
type sentBody struct {
	attempt *attempt
	at      int64
	closed  atomic.Bool
}

func (s *sentBody) Read(into []byte) (int, error) {
	if s.closed.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	w := &s.attempt.watch
	w.set(&w.sending, true)
	n, err := s.attempt.call.body.readAt(into, s.at, s.attempt.call.overtime)
	w.set(&w.sending, false)
	s.at += int64(n)
	return n, err
}

// Close leaves the client's body open: another attempt may want it. The
// reverse proxy closes it in the end.
func (s *sentBody) Close() error {
	s.closed.Store(true)
	return nil
}
