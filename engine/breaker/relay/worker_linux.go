package relay

import "golang.org/x/sys/unix"

// batch is how many connections a worker sees to before it looks what has
// happened meanwhile. Where so many have something to say at once, another
// worker helps.
const batch = 64

// stint is how many connections a worker sees to before it lets other threads
// have the processor that wait for it: those that it has just woken. The kernel
// would give it to them in time, three milliseconds later, or in the midst of
// a batch for as long.
const stint = 16

// worker is a goroutine of a loop. It is not bound to a thread.
type worker struct {
	loop   *loop
	buffer *[bufferSize]byte
	again  []turner // had their turn, and have more to do
	turns  []turner
	did    int     // in its last round
	pipes  []*pipe // empty ones

	happened [batch]unix.EpollEvent
	to       [batch]watched
}

func newWorker(l *loop) *worker { return &worker{loop: l, buffer: new([bufferSize]byte)} }

// lead sees to whatever happens, until the loop is over.
func (w *worker) lead() {
	defer w.close()
	for w.round(-1) {
	}
}

// follow helps when it is called, until nothing is left to do.
func (w *worker) follow() {
	defer w.close()
	for {
		select {
		case <-w.loop.help:
		case <-w.loop.ending:
			return
		}
		for w.round(0) && w.did > 0 {
		}
	}
}

// round waits up to so many milliseconds for something to happen, and sees to
// it. It reports whether the loop goes on.
func (w *worker) round(wait int) bool {
	if len(w.again) > 0 {
		wait = 0
	}
	n, err := unix.EpollWait(w.loop.epoll, w.happened[:], wait)
	if err != nil { // EINTR: the descriptor and the memory are good
		n = 0
	}
	w.turns, w.again = append(w.turns[:0], w.again...), w.again[:0]
	l := w.loop
	l.mu.Lock()
	over := l.over
	for i := range n {
		// One that was closed meanwhile is not there, or another one: that one
		// looks, finds nothing, and is none the worse for it.
		w.to[i] = l.watched[w.happened[i].Fd]
	}
	w.turns = append(w.turns, l.asked...)
	l.asked = nil
	l.mu.Unlock()
	if over {
		l.ring() // for the others: each ring is for one
		return false
	}
	w.did = n + len(w.turns)
	if n == batch {
		select {
		case l.help <- struct{}{}:
		default:
		}
	}
	for i := range n {
		if w.to[i] != nil {
			w.to[i].happened(w.happened[i].Events, w)
		}
		if (i+1)%stint == 0 {
			// Past Go's scheduler, too, which would wake a thread in its place.
			_, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
		}
	}
	for _, t := range w.turns {
		t.turn(w)
	}
	clear(w.turns)
	return true
}

func (w *worker) close() {
	for _, p := range w.pipes {
		p.close()
	}
}
