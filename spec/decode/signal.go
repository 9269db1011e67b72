package decode

import (
	"fmt"
	"strings"
)

// signals are the names that a signal may have, with their numbers on Linux:
// only the names are promised. Real-time signals have none that programs
// agree on.
func signals() map[string]int {
	return map[string]int{
		"SIGHUP": 1, "SIGINT": 2, "SIGQUIT": 3, "SIGILL": 4, "SIGTRAP": 5, "SIGABRT": 6, "SIGBUS": 7,
		"SIGFPE": 8, "SIGKILL": 9, "SIGUSR1": 10, "SIGSEGV": 11, "SIGUSR2": 12, "SIGPIPE": 13,
		"SIGALRM": 14, "SIGTERM": 15, "SIGCHLD": 17, "SIGCONT": 18, "SIGSTOP": 19, "SIGTSTP": 20,
		"SIGTTIN": 21, "SIGTTOU": 22, "SIGURG": 23, "SIGXCPU": 24, "SIGXFSZ": 25, "SIGVTALRM": 26,
		"SIGPROF": 27, "SIGWINCH": 28, "SIGIO": 29, "SIGSYS": 31,
	}
}

// unknownSignal says what a signal's name should have been.
func unknownSignal(got string) string {
	names := sortedKeys(signals())
	if _, ok := signals()["SIG"+strings.ToUpper(strings.TrimPrefix(strings.ToUpper(got), "SIG"))]; ok {
		return fmt.Sprintf("%q is no signal: write %q.", got, "SIG"+strings.TrimPrefix(strings.ToUpper(got), "SIG"))
	}
	return fmt.Sprintf("%q is no signal: write a name such as \"SIGTERM\".%s", got, suggest(got, names))
}
