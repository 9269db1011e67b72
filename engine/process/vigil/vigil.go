package vigil

import (
	"errors"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/syndicate/syndicate/footprint"
)

// title begins the guardian's only argument, which is what ps shows.
const title = "syndicate guardian of "

// Done is what the engine writes when it ends in good order.
const Done = 'd'

// bereft is whether this process is a guardian whose engine is dead. A
// guardian whose engine lives has no such value yet: see doc.go.
var bereft = wait(os.Args)

// Title returns the only argument of a guardian of a system.
func Title(name string) string { return title + name }

// Bereft reports whether this process is a guardian whose engine is dead.
func Bereft() bool { return bereft }

// wait returns at once where this process is no guardian, and otherwise when
// its engine is dead; after an engine's orderly end the process exits.
// Signals that are sent to everybody, at the end of a session or of a
// systemd service, are none of its business: it ends with its engine.
func wait(args []string) bool {
	if len(args) != 1 || !strings.HasPrefix(args[0], title) {
		return false
	}
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	footprint.Shed()
	var word [1]byte
	for {
		n, err := syscall.Read(0, word[:])
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil || n > 0:
			syscall.Exit(0) // there is nothing to put in order
		default:
			return true
		}
	}
}
