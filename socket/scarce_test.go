package socket

import (
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// What is wanting is told once a minute, and what ends by itself is not.
func TestShortage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		s := Shortage{Tell: func(error) { told++ }}
		note := func(errno syscall.Errno, want int) {
			t.Helper()
			s.Note(&net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", errno)})
			if told != want {
				t.Errorf("%v: told %d times, want %d", errno, told, want)
			}
		}
		note(syscall.ECONNABORTED, 0)
		note(syscall.EMFILE, 1)
		note(syscall.ENFILE, 1)
		time.Sleep(shortageEvery - 1)
		note(syscall.EMFILE, 1)
		time.Sleep(time.Nanosecond)
		note(syscall.ECONNABORTED, 1)
		note(syscall.EMFILE, 2)
		s.Note(io.EOF)
		new(Shortage).Note(syscall.EMFILE) // nobody hears
	})
}
