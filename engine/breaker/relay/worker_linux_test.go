package relay

import (
	"io"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// firsts is what calls that share it are told of.
type firsts struct {
	*forwarded
	first func()
}

func (f firsts) First(n int, asked bool, err error) { f.first(); f.forwarded.First(n, asked, err) }

// Where more happens than one worker sees to at a time, another one helps,
// and is there again the next time.
func TestHelp(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0))))
	r := Open()
	defer r.Close()
	for range 2 {
		var told atomic.Int32
		busy, crowd, help := make(chan struct{}), make(chan struct{}), make(chan struct{})
		first := func() {
			switch told.Add(1) {
			case 1: // keeps the worker busy until there is a crowd
				close(busy)
				<-crowd
			case 2: // and then until somebody else is at it
				select {
				case <-help:
				case <-time.After(time.Minute):
					t.Error("nobody helps")
				}
			case 3:
				close(help)
			}
		}
		var all []*forwarded
		for range 2*batch + 1 {
			near, client := admitted(t, r)
			up, far := connected(t)
			f := newForwarded()
			f.client, f.up = near, up
			client.Forward(far, firsts{f, first})
			all = append(all, f)
		}
		_, _ = all[0].up.Write([]byte("x"))
		<-busy
		for _, f := range all[1:] {
			_, _ = f.up.Write([]byte("x"))
		}
		close(crowd)
		for _, f := range all {
			if _, err := io.ReadFull(f.client, make([]byte, 1)); err != nil {
				t.Error(err)
			}
			f.end()
		}
	}
}
