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

// guardian starts this program as one, with its end of the pipe to hear from.
func guardian(t *testing.T) (*exec.Cmd, *os.File) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
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
		if wait(args) {
			t.Errorf("%q is taken for a guardian", args)
		}
	}
}
