package vigil

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// bereftCode tells that the wait was over and main was reached.
const bereftCode = 42

func TestMain(m *testing.M) {
	if bereft, _ := Bereft(); bereft {
		syscall.Exit(bereftCode)
	}
	os.Exit(m.Run())
}

// guardian starts this program as one, with its end of a pair of sockets to
// hear from.
func guardian(t *testing.T) (*exec.Cmd, *os.File) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	syscall.ForkLock.RLock()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(pair[0])
		syscall.CloseOnExec(pair[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	read, write := os.NewFile(uintptr(pair[0]), "guardian's"), os.NewFile(uintptr(pair[1]), "engine's")
	defer read.Close()
	cmd := &exec.Cmd{Path: program, Args: []string{Title("shop")}, Stdin: read}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { write.Close() })
	return cmd, write
}

func TestGoesWithItsEngine(t *testing.T) {
	cmd, pipe := guardian(t)
	if _, err := pipe.Write([]byte{Done}); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the guardian's end: %v", err)
	}
}

func TestReachesMainWhenItsEngineIsDead(t *testing.T) {
	cmd, pipe := guardian(t)
	pipe.Close()
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != bereftCode {
		t.Errorf("exit code %d, want %d", code, bereftCode)
	}
}

// Whoever writes more than the title is a person, or another program.
func TestOthersAreNoGuardians(t *testing.T) {
	for _, args := range [][]string{nil, {"syndicate"}, {"syndicate", "up"}, {"syndicate", Title("shop")}, {Title("shop"), "up"}} {
		if bereft, _ := wait(args); bereft {
			t.Errorf("%q is taken for a guardian", args)
		}
	}
}

// What it is told is kept until it is told to drop it, and the last of one
// name counts.
func TestHeed(t *testing.T) {
	open := func() int {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		fd, err := syscall.Dup(int(f.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	closed := func(fd int) bool { return syscall.Fstat(fd, new(syscall.Stat_t)) != nil }
	first, other, second := open(), open(), open()
	kept := heed(nil, Keep, "web", first)
	kept = heed(kept, Keep, "other", other)
	kept = heed(kept, Keep, "web", second)
	kept = heed(kept, Drop, "nobody", -1)
	kept = heed(kept, Keep, "lost", -1) // the descriptor got lost on the way
	if len(kept) != 2 || kept[0] != (Kept{"other", other}) || kept[1] != (Kept{"web", second}) || !closed(first) {
		t.Errorf("it keeps %v", kept)
	}
	if kept = heed(kept, Drop, "other", -1); len(kept) != 1 || !closed(other) || closed(second) {
		t.Errorf("it keeps %v", kept)
	}
	if kept = heed(kept, Drop, "web", -1); len(kept) != 0 || !closed(second) {
		t.Errorf("it keeps %v", kept)
	}
}
