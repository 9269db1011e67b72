package store_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"github.com/syndicate/syndicate/engine/store"
)

// child runs this test binary in a role, and returns the lines it writes.
func child(t testing.TB, role, dir string) (*exec.Cmd, io.WriteCloser, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STORE_TEST_ROLE="+role, "STORE_TEST_DIR="+dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd, in, bufio.NewScanner(out)
}

// fatal ends a child.
func fatal(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func openChild(dir string) *store.Store {
	s, err := store.Open(store.Config{Dir: dir, Life: "child", Logger: hclog.NewNullLogger()})
	if err != nil {
		fatal(err)
	}
	return s
}

// writeForEver appends an event each millisecond, or fewer where it is kept
// from running, and tells of each.
func writeForEver(dir string) {
	runtime.GOMAXPROCS(1)
	s := openChild(dir)
	if err := s.Flush(context.Background()); err != nil { // the file is there
		fatal(err)
	}
	for range time.Tick(time.Millisecond) {
		ev := s.Append(transition(1))
		_ = s.Put("last", fmt.Append(nil, ev.Seq))
		fmt.Println(ev.Seq)
	}
}

// mostLost is how much of what a process has appended in one second, an event
// each millisecond, a kill may take. The child has one processor: what keeps
// its writer waiting keeps it from appending, too, so that 100 events are
// 100 ms however busy the machine is, unless writing waits for the disk.
const mostLost = 100

// A killed process loses the events of 100 ms at most, and leaves a file that
// a reader and the next store can use.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	next := uint64(1)
	for life := range 6 {
		cmd, _, lines := child(t, "write", dir)
		first, last := next, uint64(0)
		read := func() {
			if seq, err := strconv.ParseUint(lines.Text(), 10, 64); err == nil {
				last = seq
			}
		}
		for last < first+uint64(60+37*life) && lines.Scan() {
			read()
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // what it had said before that
			read()
		}
		_ = cmd.Wait()

		r, err := store.OpenReader(dir)
		if err != nil {
			t.Fatal(err)
		}
		found, err := r.Events(t.Context(), store.Query{})
		if err != nil {
			t.Fatal(err)
		}
		for i, ev := range found {
			if ev.Seq != uint64(i+1) {
				t.Fatalf("event %d has number %d", i+1, ev.Seq)
			}
		}
		have := uint64(len(found))
		if have+mostLost < last {
			t.Errorf("of %d events the last %d are lost", last+1-first, last-have)
		}
		facts, err := r.List(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		if have > next {
			// Put comes after Append, so a batch may end between the two.
			kept := len(facts) == 1 && (string(facts[0].Value) == strconv.FormatUint(have, 10) || string(facts[0].Value) == strconv.FormatUint(have-1, 10))
			if !kept {
				t.Errorf("after event %d the facts are %q", have, facts)
			}
		}
		s, log := open(t, dir)
		if got := numbers(all(t, s)); uint64(len(got)) != have {
			t.Errorf("the store has %d events and the reader %d", len(got), have)
		}
		next = s.Append(transition(0)).Seq
		if next != have+1 {
			t.Errorf("the next number is %d, not %d", next, have+1)
		}
		closeStore(t, s)
		if log.String() != "" {
			t.Errorf("it warned: %s", log)
		}
	}
}

// writeBeyondLimit fills the file until it may not grow, goes on, and writes
// the rest once it may.
func writeBeyondLimit(dir string) {
	signal.Ignore(syscall.SIGXFSZ)
	s := openChild(dir)
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &old); err != nil {
		fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 100_000, Max: old.Max}); err != nil {
		fatal(err)
	}
	n := uint64(0)
	err := error(nil)
	for range 2000 {
		n = s.Append(transition(1)).Seq
		if n%100 == 0 && err == nil {
			err = s.Flush(context.Background())
		}
	}
	fmt.Println("limited:", err)
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &old); err != nil {
		fatal(err)
	}
	fmt.Println("flushed:", s.Flush(context.Background()))
	found, err := s.Events(context.Background(), store.Query{})
	fmt.Println(len(found), n, err, s.Close())
	os.Exit(0)
}

// A file that cannot grow loses nothing of what fits into memory.
func TestFileCannotGrow(t *testing.T) {
	cmd, _, lines := child(t, "limit", t.TempDir())
	var out []string
	for lines.Scan() {
		out = append(out, lines.Text())
	}
	if err := cmd.Wait(); err != nil || len(out) != 3 {
		t.Fatal(err, out)
	}
	if out[0] == "limited: <nil>" || out[1] != "flushed: <nil>" || out[2] != "2000 2000 <nil> <nil>" {
		t.Errorf("it said %q", out)
	}
}

// lockUntilEnd keeps everybody else out of the file until its input ends.
func lockUntilEnd(dir string) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "state.db")+"?_pragma=locking_mode(exclusive)")
	if err != nil {
		fatal(err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("BEGIN EXCLUSIVE; INSERT INTO fact VALUES ('theirs', x'78'); COMMIT"); err != nil {
		fatal(err)
	}
	fmt.Println("locked")
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := db.Close(); err != nil {
		fatal(err)
	}
	os.Exit(0)
}

// A file that somebody else has locked is read and written once it is free:
// facts and numbers go on from what it holds.
func TestLocked(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	s.Append(transition(1))
	s.Append(transition(2))
	for _, key := range []string{"kept", "changed", "deleted"} {
		if err := s.Put(key, []byte("old")); err != nil {
			t.Fatal(err)
		}
	}
	closeStore(t, s)
	cmd, in, lines := child(t, "lock", dir)
	if !lines.Scan() || lines.Text() != "locked" {
		t.Fatal("it is not locked")
	}
	s, log := open(t, dir)
	if !strings.Contains(log.String(), "locked") {
		t.Errorf("it did not warn: %s", log)
	}
	s.Append(transition(3))
	s.Delete("deleted")
	if err := s.Put("changed", []byte("new")); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(t.Context()); err == nil {
		t.Error("it wrote to a locked file")
	}
	if found, err := s.Events(t.Context(), store.Query{}); err == nil || len(found) != 1 {
		t.Errorf("locked, it has %d events, %v", len(found), err)
	}
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	flush(t, s)
	for range 2 {
		if got := numbers(all(t, s)); len(got) != 3 || got[2] != 3 {
			t.Errorf("the journal has %v", got)
		}
		var facts []string
		for _, f := range s.List("") {
			facts = append(facts, f.Key+"="+string(f.Value))
		}
		if got := strings.Join(facts, " "); got != "changed=new kept=old theirs=x" {
			t.Errorf("facts: %s", got)
		}
		closeStore(t, s)
		s, _ = open(t, dir)
	}
	closeStore(t, s)
}
