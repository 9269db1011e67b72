package breaker

import "time"

// windowSlices is how many slices a window of time has. It looks back between nine
// tenths of its length and all of it.
const windowSlices = 10

// window keeps a value for each slice of the time just past. Times are
// spans since any fixed moment; they may stand still and never run back.
type window[T any] struct {
	width time.Duration // of a slice
	ring  [windowSlices]T
	head  int64 // number of the newest slice
}

func newWindow[T any](length, now time.Duration) window[T] {
	w := window[T]{width: max(1, length/windowSlices)}
	w.head = int64(now / w.width)
	return w
}

// now drops what is too old and returns the slice of the moment.
func (w *window[T]) now(now time.Duration) *T {
	at := max(w.head, int64(now/w.width))
	for n := min(at-w.head, windowSlices); n > 0; n-- {
		clear(w.ring[(at-n+1)%windowSlices : (at-n+1)%windowSlices+1])
	}
	w.head = at
	return &w.ring[at%windowSlices]
}

// back returns the slice that is so many windowSlices old, or nil.
func (w *window[T]) back(n int64) *T {
	if n < 0 || n >= windowSlices || n > w.head {
		return nil
	}
	return &w.ring[(w.head-n)%windowSlices]
}

// tally counts outcomes.
type tally struct{ successes, failures uint32 }

// total adds up what lies within the window.
func total(w *window[tally], now time.Duration) tally {
	w.now(now)
	var all tally
	for _, t := range w.ring {
		all.successes += t.successes
		all.failures += t.failures
	}
	return all
}

// outcomes are the last calls of a count rule: true is a failure. failsafe-go
// has them too, and cannot tell them: they are for the restart.
type outcomes struct {
	ring []bool
	next int
}

func (o *outcomes) add(failed bool, limit int) {
	if len(o.ring) < limit {
		o.ring = append(o.ring, failed)
		return
	}
	o.ring[o.next] = failed
	o.next = (o.next + 1) % limit
}

// list returns them, oldest first.
func (o *outcomes) list() []bool {
	return append(append([]bool(nil), o.ring[o.next:]...), o.ring[:o.next]...)
}

// text writes them as a Record has them.
func (o *outcomes) text() string {
	text := make([]byte, 0, len(o.ring))
	for _, failed := range o.list() {
		if failed {
			text = append(text, '1')
		} else {
			text = append(text, '0')
		}
	}
	return string(text)
}
