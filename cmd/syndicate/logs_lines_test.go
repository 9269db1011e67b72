package main

import (
	"slices"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/log"
)

// Reading goes on where it broke off: no line comes twice, and none is left
// out, also of several that were written at once.
func TestLogsGoOnElsewhere(t *testing.T) {
	type line struct {
		unit string
		at   int // seconds
	}
	all := []line{{"a", 1}, {"b", 1}, {"a", 5}, {"a", 5}, {"b", 5}, {"a", 5}, {"c", 6}, {"b", 7}}
	begin := time.Unix(1000, 0)
	at := func(l line) time.Time { return begin.Add(time.Duration(l.at) * time.Second) }
	for cut := range len(all) + 1 {
		var p progressOfLogs
		got := slices.Clone(all[:cut])
		for _, l := range got {
			p.add(l.unit, at(l))
		}
		q := p.rest(log.Query{Tail: len(all), Follow: true})
		if cut > 0 && q.Tail != 0 {
			t.Errorf("cut after %d: the tail is asked for again", cut)
		}
		for _, l := range all {
			if !at(l).Before(q.Since) && !p.has(l.unit, at(l)) {
				got = append(got, l)
			}
		}
		if !slices.Equal(got, all) {
			t.Errorf("cut after %d: %v", cut, got)
		}
	}
}
