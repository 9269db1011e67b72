package process

import (
	"testing"
	"time"
)

// Killing thousands takes longer than killing one may: nobody gives up while
// any of them ends, and nobody goes on for ever with what forks for ever.
func TestPatience(t *testing.T) {
	start := time.Unix(1000, 0)
	many := func(from, to int) (left []Leftover) {
		for pid := from; pid < to; pid++ {
			left = append(left, Leftover{PID: pid, Start: 1})
		}
		return left
	}
	for _, test := range []struct {
		name string
		left func(second int) []Leftover
		ends int // the second at which it gives up; -1: there is nothing left
	}{
		{"one that hangs", func(int) []Leftover { return many(1, 2) }, 16},
		{"one that has ended", func(int) []Leftover { return nil }, -1},
		{"as many as take long", func(n int) []Leftover { return many(n/4, 12) }, -1},
		{"one that hangs behind others", func(n int) []Leftover { return many(min(n/4, 11), 12) }, 44 + 6},
		{"another one with its pid", func(n int) []Leftover { return []Leftover{{PID: 1, Start: uint64(n)}} }, 10 + 61},
		{"one that forks for ever", func(n int) []Leftover { return many(n, n+2) }, 10 + 61},
		{"one more all the time, and none ends", func(n int) []Leftover { return many(0, n+1) }, 16},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := patience{killed: start.Add(10 * time.Second), killWait: 5 * time.Second}
			ended := -1
			for n := 0; n < 100 && ended < 0; n++ {
				if _, over := p.over(test.left(n), start.Add(time.Duration(n)*time.Second)); over {
					ended = n
				}
			}
			if ended != test.ends {
				t.Errorf("gave up after %d s, want %d", ended, test.ends)
			}
		})
	}
}
