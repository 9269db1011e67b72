package log_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/log"
)

// A device that is always full stands in for a full disk, until it is taken
// away.
func TestAFullDiskLosesLinesSaysSoAndMends(t *testing.T) {
	errs := make(chan error, 16)
	l, c := newLog(t, func(c *log.Config) { c.OnError = func(err error) { errs <- err } })
	if err := os.Mkdir(c.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/full", l.Path()); err != nil {
		t.Fatal(err)
	}
	run := attach(t, l)
	put(t, run.Stdout, "lost one\nlost two\n")
	var loss *log.LossError
	if err := <-errs; !errors.As(err, &loss) || loss.Over || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("reported %v", err)
	}
	put(t, run.Stdout, strings.Repeat("lost\n", 100_000)) // more than a pipe holds: it is being drained
	end(t, run)
	if len(errs) > 0 {
		t.Fatalf("reported again: %v", <-errs)
	}
	_ = l.Close()

	// On a real file system the same log goes on; see the next test.
	if _, err := os.Stat(filepath.Join(c.Dir, log.FileName(unit)+".log")); err != nil {
		t.Fatal(err)
	}
}

// A file system of a few pages, where it may be mounted; else a limit on the
// size of files, which fails writes in the same way, in a process of its own.
func TestLinesGoOnOnceThereIsRoomAgain(t *testing.T) {
	if dir := os.Getenv("LOG_TEST_LIMITED"); dir != "" {
		loseAndMend(t, dir)
		return
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestLinesGoOnOnceThereIsRoomAgain$", "-test.v")
	cmd.Env = append(os.Environ(), "LOG_TEST_LIMITED="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func loseAndMend(t *testing.T, dir string) {
	errs := make(chan error, 16)
	l, err := log.Open(log.Config{Dir: dir, Unit: unit, OnError: func(err error) { errs <- err }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 50_005, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	run := attach(t, l)
	for i := range 10_000 {
		put(t, run.Stdout, fmt.Sprintf("line %04d\n", i)) // of 10 bytes
	}
	put(t, run.Stderr, "no end")
	if err := <-errs; !errors.Is(err, syscall.EFBIG) {
		t.Fatalf("reported %v", err)
	}
	_ = run.Stderr.Close() // 5,000 lines fit, and nothing behind them
	waitLost(l, 50_000+6)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	put(t, run.Stdout, "works again\n")
	var over *log.LossError
	if err := <-errs; !errors.As(err, &over) || !over.Over || over.Lines != 5000 || over.Bytes != 50_006 {
		t.Fatalf("reported %v", err)
	}
	end(t, run)
	lines := read(t, log.Query{Dir: dir})
	if len(lines) != 5002 {
		t.Fatalf("%d lines", len(lines))
	}
	note := lines[5000]
	if note.Stream != log.Engine || !strings.Contains(string(note.Text), "5,000 lines (50,006 bytes)") {
		t.Fatalf("the note is %q", note.Text)
	}
	if got := string(lines[5001].Text); got != "works again" {
		t.Fatalf("behind the note stands %q", got)
	}
}

// A process that says nothing more does not keep its log from mending.
func TestALossEndsWithoutAnotherLine(t *testing.T) {
	errs := make(chan error, 16)
	l, c := newLog(t, func(c *log.Config) { c.OnError = func(err error) { errs <- err } })
	l.LookAgainAfter(time.Millisecond)
	if err := os.WriteFile(c.Dir, nil, 0o600); err != nil { // where the directory is to be
		t.Fatal(err)
	}
	run := attach(t, l)
	put(t, run.Stdout, "lost\n")
	if err := <-errs; !errors.Is(err, syscall.ENOTDIR) {
		t.Fatalf("reported %v", err)
	}
	if err := os.Remove(c.Dir); err != nil {
		t.Fatal(err)
	}
	var over *log.LossError
	if err := <-errs; !errors.As(err, &over) || !over.Over || over.Lines != 1 {
		t.Fatalf("reported %v", err)
	}
	put(t, run.Stdout, "works again\n")
	end(t, run)
	if lines := read(t, log.Query{Dir: c.Dir}); len(lines) != 2 || lines[0].Stream != log.Engine || string(lines[1].Text) != "works again" {
		t.Errorf("there are %d lines", len(lines))
	}
	if err := l.Close(); err != nil || len(errs) > 0 {
		t.Errorf("closed with %v, %d more reports", err, len(errs))
	}
}

func waitLost(l *log.Log, bytes int64) {
	for l.Lost() < bytes {
	}
}

func TestTenThousandLinesAtExitAreAllThere(t *testing.T) {
	l, c := newLog(t, nil)
	cap := attach(t, l)
	cmd := exec.Command("/bin/sh", "-c", "i=0; while [ $i -lt 5000 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done; printf end")
	cmd.Stdout, cmd.Stderr = cap.Stdout, cap.Stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	end(t, cap)
	names := map[log.Stream]string{log.Stdout: "out", log.Stderr: "err"}
	next := map[log.Stream]int{}
	for _, line := range read(t, log.Query{Dir: c.Dir}) {
		want := fmt.Sprintf("%s %d", names[line.Stream], next[line.Stream])
		if line.Stream == log.Stdout && next[log.Stdout] == 5000 {
			want = "end"
		}
		if got := string(line.Text); got != want {
			t.Fatalf("%v: read %q, want %q", line.Stream, got, want)
		}
		next[line.Stream]++
	}
	if next[log.Stdout] != 5001 || next[log.Stderr] != 5000 {
		t.Fatalf("read %v lines", next)
	}
}

func TestAProcessKilledWithinALineLeavesItsBeginning(t *testing.T) {
	l, c := newLog(t, nil)
	cap := attach(t, l)
	cmd := exec.Command("/bin/sh", "-c", "echo whole; printf begun; kill -9 $$")
	cmd.Stdout, cmd.Stderr = cap.Stdout, cap.Stderr
	_ = cmd.Run()
	end(t, cap)
	run(t, l, "the next run\n", "")
	if got, want := string(files(t, c.Dir, ".log")[0]), "whole\nbegun\nthe next run\n"; got != want {
		t.Fatalf("the file holds %q, want %q", got, want)
	}
	last, err := l.Tail(10, true)
	if err != nil || !slices.Equal(texts(last), []string{"the next run"}) {
		t.Fatalf("this run's lines are %q, %v", texts(last), err)
	}
}

// A grandchild that keeps the pipe open does not keep Close from returning,
// and what it wrote before is there.
func TestCloseTakesWhatIsReadableFromALeftover(t *testing.T) {
	l, c := newLog(t, nil)
	cap := attach(t, l)
	leftover, err := syscall.Dup(int(cap.Stdout.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(leftover)
	put(t, cap.Stdout, "one\ntwo\nthree")
	_ = cap.Stdout.Close()
	_ = cap.Stderr.Close()
	cap.Close()
	cap.Close()
	if got := string(files(t, c.Dir, ".log")[0]); got != "one\ntwo\nthree" {
		t.Fatalf("the file holds %q", got)
	}
}

func TestASlowTerminalDropsWholeLinesAndSaysHowMany(t *testing.T) {
	merger := &log.Merger{Limit: 64 << 10}
	l, c := newLog(t, func(c *log.Config) { c.Merger = merger })
	gate, got := make(chan struct{}), 0
	var missing []string
	var wg sync.WaitGroup
	wg.Go(func() {
		err := merger.Run(context.Background(), func(lines []log.Line) error {
			<-gate
			for _, line := range lines {
				if line.Stream == log.Engine {
					missing = append(missing, string(line.Text))
				} else if got++; len(line.Text) != 99 {
					return fmt.Errorf("a torn line: %q", line.Text)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	run(t, l, strings.Repeat(strings.Repeat("x", 99)+"\n", 50_000), "") // ends, though nothing is shown
	close(gate)
	merger.Stop()
	wg.Wait()
	sum := 0
	for _, note := range missing {
		var n int
		if _, err := fmt.Sscanf(strings.ReplaceAll(note, ",", ""), "… %d line", &n); err != nil {
			t.Fatalf("%q: %v", note, err)
		}
		sum += n
	}
	if got == 0 || sum == 0 || got+sum != 50_000 {
		t.Fatalf("%d shown and %d missing (%q), of 50000", got, sum, missing)
	}
	if n := bytes.Count(files(t, c.Dir, ".log")[0], []byte("\n")); n != 50_000 {
		t.Fatalf("%d lines in the file", n)
	}
}

func TestWatchSeesWholeLinesOfItsRunOnly(t *testing.T) {
	l, _ := newLog(t, func(c *log.Config) { c.MaxSize = 200; c.Keep = 50 })
	run(t, l, "ready, of the run before\n", "")
	cap := attach(t, l)
	put(t, cap.Stdout, "listen")
	put(t, cap.Stderr, strings.Repeat("noise\n", 100))
	var seen []string
	done := make(chan error, 1)
	go func() {
		done <- cap.Watch(t.Context(), func(line []byte) bool {
			if string(line) != "noise" {
				seen = append(seen, string(line))
			}
			return string(line) == "listening"
		})
	}()
	put(t, cap.Stdout, "ing\r\nmore\n")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(seen, []string{"listening"}) {
		t.Fatalf("seen %q", seen)
	}
	put(t, cap.Stdout, "bye")
	end(t, cap)
	run(t, l, "ready, of the next run\n", "")
	var all []string
	err := cap.Watch(t.Context(), func(line []byte) bool { all = append(all, string(line)); return false })
	if !errors.Is(err, io.EOF) || len(all) != 103 || all[len(all)-1] != "bye" {
		t.Fatalf("seen %d lines, %v", len(all), err)
	}
}
