package main

import (
	"os"
	"slices"
	"syscall"
	"testing"
	"time"
)

func TestWhatSignalsAskFor(t *testing.T) {
	type at struct {
		sig   os.Signal
		after time.Duration // since the first
	}
	later := sameWish + time.Second
	for name, c := range map[string]struct {
		signals []at
		want    []wish
	}{
		"Ctrl-C, and again": {
			[]at{{os.Interrupt, 0}, {os.Interrupt, later}, {os.Interrupt, later}},
			[]wish{wishStop, wishHurry, wishHurry}},
		"timeout(1) to the process and to its group": {
			[]at{{syscall.SIGTERM, 0}, {syscall.SIGTERM, time.Millisecond}},
			[]wish{wishStop, wishNothing}},
		"a Ctrl-C that is passed on as SIGTERM, then a person's": {
			[]at{{os.Interrupt, 0}, {syscall.SIGTERM, 20 * time.Millisecond}, {os.Interrupt, later}},
			[]wish{wishStop, wishNothing, wishHurry}},
		"a terminal that closes, and its shell": {
			[]at{{syscall.SIGHUP, 0}, {syscall.SIGHUP, later}},
			[]wish{wishStop, wishNothing}},
	} {
		t.Run(name, func(t *testing.T) {
			var d wishes
			var got []wish
			begin := time.Now()
			for _, s := range c.signals {
				got = append(got, d.of(s.sig, begin.Add(s.after)))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
