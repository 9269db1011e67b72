package main

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestWatchTellsChangesOnly(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tick := make(chan time.Time)
	numbers := []int{4, 4, 5, 5, 6}
	go func() {
		for range len(numbers) - 1 {
			tick <- time.Time{}
		}
		cancel()
	}()
	looked := 0
	count := func(context.Context) (int, error) { looked++; return numbers[looked-1], nil }
	var told []int
	err := watch(ctx, tick, count, func(n int) { told = append(told, n) })
	if !errors.Is(err, context.Canceled) || !slices.Equal(told, []int{4, 5, 6}) {
		t.Errorf("told %v and ended with %v", told, err)
	}
}

func TestWatchEndsWhenTheDatabaseIsGone(t *testing.T) {
	gone := errors.New("gone")
	err := watch(t.Context(), nil, func(context.Context) (int, error) { return 0, gone }, func(int) {})
	if !errors.Is(err, gone) {
		t.Errorf("ended with %v", err)
	}
}

func TestSayReady(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := sayReady(path); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 64)
	n, err := listener.Read(got)
	if err != nil || string(got[:n]) != "READY=1" {
		t.Errorf("received %q, %v", got[:n], err)
	}
	if err := sayReady(""); err != nil {
		t.Errorf("without a socket: %v", err)
	}
}
