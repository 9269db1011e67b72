package log_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/log"
)

// hang makes a log whose writes wait until somebody reads, as on a file system
// that is frozen: its file is a pipe, which is full.
func hang(t *testing.T, onError func(error)) (l *log.Log, thaw func() string) {
	t.Helper()
	l, c := newLog(t, func(c *log.Config) { c.OnError = onError })
	if err := os.Mkdir(c.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(l.Path(), 0o600); err != nil {
		t.Fatal(err)
	}
	pipe, err := os.OpenFile(l.Path(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pipe.Close() })
	_ = pipe.SetWriteDeadline(time.Unix(1, 0))
	raw, err := pipe.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	full := 0
	_ = raw.Control(func(fd uintptr) {
		for err := error(nil); err == nil; {
			var n int
			n, err = syscall.Write(int(fd), make([]byte, 4096))
			full += max(n, 0)
		}
	})
	return l, func() string {
		in := bufio.NewReader(pipe)
		_, _ = in.Discard(full)
		line, _ := in.ReadString('\n')
		return line
	}
}

// A disk that does not answer is told of, once, and so is its return. Nobody
// waits for it but who writes, and nothing is lost.
func TestADiskThatDoesNotAnswerHoldsUpNobody(t *testing.T) {
	told := make(chan error, 16)
	l, thaw := hang(t, func(err error) { told <- err })
	run := attach(t, l)
	l.StallAfter(20 * time.Millisecond) // what comes before and after may take its time
	put(t, run.Stdout, "held\n")
	var stall *log.StalledError
	if err := <-told; !errors.As(err, &stall) || stall.Over || stall.Since.IsZero() {
		t.Fatalf("told %v", err)
	}
	if since, stalled := l.Stalled(); !stalled || !since.Equal(stall.Since) {
		t.Errorf("stalled: %v since %v, told %v", stalled, since, stall.Since)
	}
	closeAll := func() { _, _ = run.Stdout.Close(), run.Stderr.Close() }
	closeAll()
	for what, err := range map[string]error{
		"the end of the run": run.Close(),
		"the log's end":      l.Close(),
		"a new file":         l.Reopen(),
	} {
		if !errors.As(err, &stall) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := l.Tail(1, true); !errors.As(err, &stall) {
		t.Errorf("the last lines: %v", err)
	}
	l.Bound(1000, 1)
	ctx, cancel := context.WithCancelCause(t.Context())
	gaveUp := errors.New("gave up")
	cancel(gaveUp)
	if _, err := l.Attach(ctx); !errors.Is(err, gaveUp) {
		t.Errorf("the next run: %v", err)
	}
	if len(told) > 0 {
		t.Errorf("told again: %v", <-told)
	}
	l.StallAfter(log.Stall)
	if line := thaw(); line != "held\n" {
		t.Errorf("wrote %q", line)
	}
	if err := <-told; !errors.As(err, &stall) || !stall.Over || !strings.Contains(fmt.Sprint(err), "answers again") {
		t.Errorf("told %v", err)
	}
	if err := run.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	again, err := l.Attach(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	put(t, again.Stdout, "goes on\n")
	end(t, again)
}

// Steps that come one after another, each of them in time, are no stall.
func TestManyStepsAreNoStall(t *testing.T) {
	l, _ := newLog(t, func(c *log.Config) { c.OnError = func(err error) { t.Error(err) } })
	run := attach(t, l)
	for n := range 2000 {
		put(t, run.Stdout, fmt.Sprintln(n))
	}
	end(t, run)
	if _, stalled := l.Stalled(); stalled {
		t.Error("it stalls")
	}
}
