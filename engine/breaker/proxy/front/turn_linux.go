package front

import (
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// turnstile lets a goroutine step back behind all whose connections have
// something to read. Go's scheduler looks for those when a processor has no
// other goroutine left; one whose client and upstream answer at once, before
// it looks for what comes next, never waits, and keeps its processor until the
// scheduler's monitor takes a look of its own, every ten milliseconds. To
// yield is not enough, since such a goroutine then is what there is left: it
// has to be found by that look, like the others.
type turnstile struct{ free chan *turn }

// turn is an eventfd(2) that somebody waits for who has just rung it.
type turn struct {
	file *os.File
	raw  syscall.RawConn
	pass func(uintptr) bool
	rung bool
}

// width is how many can be in it at a time, which takes a descriptor each.
const width = 4

// newTurnstile returns one, as wide as there are descriptors for.
func newTurnstile() *turnstile {
	t := &turnstile{make(chan *turn, width)}
	for range width {
		fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		if err != nil {
			break
		}
		n := &turn{file: os.NewFile(uintptr(fd), "eventfd")}
		n.pass = n.take
		if n.raw, err = n.file.SyscallConn(); err != nil {
			_ = n.file.Close()
			break
		}
		t.free <- n
	}
	return t
}

// stepBack returns when it is the caller's turn again.
func (t *turnstile) stepBack() {
	select {
	case n := <-t.free:
		_ = n.raw.Read(n.pass)
		t.free <- n
	default: // others are in it, and so look
		runtime.Gosched()
	}
}

// take rings at first, which is to be found.
func (n *turn) take(fd uintptr) bool {
	var b [8]byte
	if n.rung = !n.rung; n.rung {
		b[0] = 1
		_, err := unix.Write(int(fd), b[:])
		return err != nil
	}
	_, _ = unix.Read(int(fd), b[:])
	return true
}

// close is for when nobody is in it.
func (t *turnstile) close() {
	for range len(t.free) {
		_ = (<-t.free).file.Close()
	}
}
