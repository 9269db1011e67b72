package vigil

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// A session's or a service manager's signals to everybody do not end it.
func TestStaysThroughSignalsToEverybody(t *testing.T) {
	cmd, pipe := guardian(t)
	ignoring(t, cmd.Process.Pid)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	pipe.Close()
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != bereftCode {
		t.Errorf("exit code %d, want %d: %s", code, bereftCode, cmd.ProcessState)
	}
}

// ignoring waits until a process ignores SIGTERM, as it does soon after its
// start.
func ignoring(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			t.Fatal(err)
		}
		_, line, _ := bytes.Cut(status, []byte("SigIgn:"))
		mask, _ := strconv.ParseUint(string(bytes.Fields(line)[0]), 16, 64)
		if mask&(1<<(syscall.SIGTERM-1)) != 0 && mask&(1<<(syscall.SIGQUIT-1)) != 0 {
			return
		}
	}
	t.Fatal("the guardian does not ignore signals")
}
