package proxy

import (
	"sync"
	"time"
)

// watch bounds the silence of an upstream: it runs while somebody waits for
// the upstream, and not while that waits for the client. A large upload, a
// slow reader and a long stream are no silence.
type watch struct {
	mu      sync.Mutex
	timer   *time.Timer
	timeout time.Duration
	waiting bool // for the upstream
	sending bool // the client is still to send
	expired bool
	expire  func()
}

func (w *watch) start(timeout time.Duration, expire func()) {
	w.timeout, w.expire = timeout, expire
	w.waiting = true
	w.timer = time.AfterFunc(timeout, w.fire)
}

func (w *watch) fire() {
	w.mu.Lock()
	fired := w.waiting && !w.sending
	w.expired = w.expired || fired
	w.mu.Unlock()
	if fired {
		w.expire()
	}
}

func (w *watch) set(flag *bool, to bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*flag = to
	if w.waiting && !w.sending {
		w.timer.Reset(w.timeout)
	} else {
		w.timer.Stop()
	}
}

// answering says that the answer has begun, within which another bound holds.
func (w *watch) answering(timeout time.Duration) {
	w.mu.Lock()
	w.timeout = timeout
	w.mu.Unlock()
	w.set(&w.waiting, false)
}

// uploading reports whether it is the client's turn to send.
func (w *watch) uploading() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sending
}

// stop ends it for good.
func (w *watch) stop() { w.set(&w.waiting, false) }

// silent reports whether it has expired.
func (w *watch) silent() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.expired
}
