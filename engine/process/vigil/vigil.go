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

// What the engine says begins with one of these. Keep comes with a descriptor
// and, like Drop, with the name that it is kept under.
const (
	Done = 'd' // it ends in good order
	Keep = 'k'
	Drop = 'x'
)

// MaxName bounds the length of a name, in bytes.
const MaxName = 255

// Kept is a descriptor that the engine gave its guardian.
type Kept struct {
	Name string
	FD   int
}

// bereft is whether this process is a guardian whose engine is dead, and kept
// what it was given. A guardian whose engine lives has no such value yet: see
// doc.go.
var bereft, kept = wait(os.Args)

// Title returns the only argument of a guardian of a system.
func Title(name string) string { return title + name }

// Bereft reports whether this process is a guardian whose engine is dead, and
// what it had been given by then and not been told to drop.
func Bereft() (bool, []Kept) { return bereft, kept }

// wait returns at once where this process is no guardian, and otherwise when
// its engine is dead; after an engine's orderly end the process exits.
// Signals that are sent to everybody, at the end of a session or of a
// systemd service, are none of its business: it ends with its engine.
func wait(args []string) (bereft bool, kept []Kept) {
	if len(args) != 1 || !strings.HasPrefix(args[0], title) {
		return false, nil
	}
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	footprint.Shed()
	var word [1 + MaxName]byte
	var rights [64]byte // one descriptor's, and its header
	for {
		n, size, _, _, err := syscall.Recvmsg(0, word[:], rights[:], 0)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil || n > 0 && word[0] == Done:
			syscall.Exit(0) // there is nothing to put in order
		case n == 0:
			return true, kept
		default:
			kept = heed(kept, word[0], string(word[1:n]), descriptor(rights[:size]))
		}
	}
}

// heed does what the engine says about a descriptor; fd is -1 where none came.
func heed(kept []Kept, word byte, name string, fd int) []Kept {
	for i, k := range kept {
		if k.Name == name {
			_ = syscall.Close(k.FD)
			kept = append(kept[:i], kept[i+1:]...)
			break
		}
	}
	if word == Keep && fd >= 0 {
		kept = append(kept, Kept{name, fd})
	}
	return kept
}

// descriptor returns what came with a message, -1 where nothing did.
func descriptor(rights []byte) int {
	messages, err := syscall.ParseSocketControlMessage(rights)
	if err != nil || len(messages) != 1 {
		return -1
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return -1
	}
	return fds[0]
}
