package engine

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/syndicate/syndicate/engine/process"
)

// TestAnExitThatAShellExplains: what the numbers of a shell mean is said.
func TestAnExitThatAShellExplains(t *testing.T) {
	for code, want := range map[int]string{
		126: "exit status 126, a shell's for a program that it cannot execute",
		127: "exit status 127, a shell's for a program that it cannot find",
		3:   "exit status 3",
	} {
		out := exited(process.Exit{Code: code})
		if out.Err.Error() != want || out.Exit != fmt.Sprintf("exit status %d", code) {
			t.Errorf("%q and %q, want %q", out.Err, out.Exit, want)
		}
	}
}

// TestEverySignalIsItself: a signal that may be declared is the one that is
// sent.
func TestEverySignalIsItself(t *testing.T) {
	for name, want := range map[string]syscall.Signal{
		"SIGTERM": syscall.SIGTERM, "SIGPIPE": syscall.SIGPIPE, "SIGSTOP": syscall.SIGSTOP, "SIGTSTP": syscall.SIGTSTP,
		"SIGTTIN": syscall.SIGTTIN, "SIGIO": syscall.SIGIO, "SIGPROF": syscall.SIGPROF, "SIGCHLD": syscall.SIGCHLD,
	} {
		if got := signalNamed(name); got != want {
			t.Errorf("%s is %v", name, got)
		}
	}
	for name, want := range signals {
		if got := signalNamed(name); got != want {
			t.Errorf("%s is %v and %v", name, got, want)
		}
	}
}
