package gateway

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// notes takes lines to whoever keeps them, without ever waiting.
type notes struct {
	to     func(string)
	lines  chan string
	missed atomic.Uint64
}

// maxNotes bounds the lines that wait.
const maxNotes = 256

// begin hands lines on until the function that it returns is called; what was
// said before is handed on then.
func (n *notes) begin() (end func()) {
	if n.to == nil {
		return func() {}
	}
	n.lines = make(chan string, maxNotes)
	stop := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		for {
			select {
			case line := <-n.lines:
				n.hand(line)
				continue
			default:
			}
			select {
			case line := <-n.lines:
				n.hand(line)
			case <-stop:
				return
			}
		}
	})
	return func() {
		close(stop)
		done.Wait()
	}
}

func (n *notes) hand(line string) {
	n.to(line)
	if missed := n.missed.Swap(0); missed > 0 {
		n.to(fmt.Sprintf("%d further lines came too fast and were dropped", missed))
	}
}

// say hands a line on, or counts it where too many wait.
func (n *notes) say(format string, args ...any) {
	if n.lines == nil {
		return
	}
	select {
	case n.lines <- fmt.Sprintf(format, args...):
	default:
		n.missed.Add(1)
	}
}
