package engine

import (
	"syscall"
	"testing"
)

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
