package proxy

import (
	"sync"
	"time"
)

// watch bounds the silence of an upstream: it runs while somebody waits for
// the upstream, and not while that waits for the client. A large upload, a
// slow reader and a long stream are no silence.
//
// A wait that begins or ends is written down and moves no timer: most of
// them are over in microseconds. The timer looks when the bound may be
// reached, and otherwise again at the time when it will be.
type watch struct {
	mu      sync.Mutex
	timer   *time.Timer
	timeout time.Duration
	since   time.Time // somebody waits for the upstream; zero: nobody
	waiting bool      // for the upstream
	sending bool      // the client is still to send
	stopped bool
	expired bool
	expire  func()
}

func (w *watch) start(timeout time.Duration, expire func()) {
	w.timeout, w.expire = timeout, expire
	w.waiting, w.since = true, time.Now()
	w.timer = time.AfterFunc(timeout, w.look)
}

// look is the timer's.
func (w *watch) look() {
	w.mu.Lock()
	left := w.timeout
	if !w.since.IsZero() {
		left -= time.Since(w.since)
	}
	switch {
	case w.stopped:
		w.mu.Unlock()
		return
	case left > 0:
		w.timer.Reset(left)
		w.mu.Unlock()
		return
	}
	w.expired = true
	w.mu.Unlock()
	w.expire()
}

func (w *watch) set(flag *bool, to bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*flag = to
	if w.waiting && !w.sending {
		w.since = time.Now()
	} else {
		w.since = time.Time{}
	}
}

// answering says that the answer has begun, within which another bound holds.
func (w *watch) answering(timeout time.Duration) {
	w.set(&w.waiting, false)
	w.mu.Lock()
	defer w.mu.Unlock()
	if timeout < w.timeout && !w.stopped && !w.expired {
		w.timer.Reset(timeout)
	}
	w.timeout = timeout
}

// uploading reports whether it is the client's turn to send.
func (w *watch) uploading() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sending
}

// stop ends it for good.
func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.timer.Stop()
}

// silent reports whether it has expired.
func (w *watch) silent() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.expired
}
