//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// event is one line that a probe service wrote about itself.
type event struct {
	kind byte // S started, R ready, E ended its work, T told to stop
	name string
	pid  int
	at   int64 // monotonic nanoseconds
}

// now reads the clock that the probe services stamp their events with.
func now() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0
	}
	return ts.Nano()
}

func readEvents(path string) ([]event, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []event
	for lines := bufio.NewScanner(f); lines.Scan(); {
		e, err := parseEvent(lines.Text())
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

func parseEvent(line string) (event, error) {
	var e event
	var kind string
	if _, err := fmt.Sscanf(line, "%1s %s %d %d", &kind, &e.name, &e.pid, &e.at); err != nil {
		return e, fmt.Errorf("event %q: %w", line, err)
	}
	e.kind = kind[0]
	return e, nil
}

// firsts returns the first event of a kind for each name.
func firsts(all []event, kind byte) map[string]event {
	first := make(map[string]event)
	for _, e := range all {
		if _, seen := first[e.name]; e.kind == kind && !seen {
			first[e.name] = e
		}
	}
	return first
}

// last returns the latest first event of a kind, over all names.
func last(all []event, kind byte) event {
	var latest event
	for _, e := range firsts(all, kind) {
		if e.at > latest.at {
			latest = e
		}
	}
	return latest
}

// waitEvents waits until done says that the events suffice. It looks at the
// size of the file only, and reads it once it can hold atLeast lines, so that
// looking costs the cores next to nothing.
func (t *trial) waitEvents(ctx context.Context, atLeast int, every time.Duration, done func([]event) bool) ([]event, error) {
	const shortest = len("S a 1 1000000000\n")
	var size int64 = -1
	look := time.NewTicker(every)
	defer look.Stop()
	for {
		info, err := os.Stat(t.events)
		if err == nil && info.Size() != size && info.Size() >= int64(atLeast*shortest) {
			size = info.Size()
			all, err := readEvents(t.events)
			if err != nil && !strings.HasSuffix(err.Error(), "unexpected newline") {
				return nil, err
			}
			if done(all) {
				return all, nil
			}
		}
		if t.over() {
			return nil, fmt.Errorf("it ended: %s", t.main.ProcessState)
		}
		select {
		case <-ctx.Done():
			all, _ := readEvents(t.events)
			return all, fmt.Errorf("not within its bound: %d events", len(all))
		case <-look.C:
		}
	}
}

// over reports whether the tool has ended and left nothing that goes on.
func (t *trial) over() bool {
	select {
	case <-t.ended:
		services, others := t.tree.descendants()
		return len(services)+len(others) == 0
	default:
		return false
	}
}

// started reports whether count different services have started.
func started(count int) func([]event) bool {
	return func(all []event) bool { return len(firsts(all, 'S')) >= count }
}
