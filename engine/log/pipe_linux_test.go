package log_test

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/syndicate/syndicate/engine/log"
)

// A block that nearly fills a pipe has its writer wait until it is read: no
// read ever fills the buffer, and writer and reader work by turns.
func TestAPipeThatIsMuchWrittenToGrows(t *testing.T) {
	l, _ := newLog(t, func(c *log.Config) { c.MaxSize = 1 << 30 })
	c := attach(t, l)
	size := func() int {
		n, err := unix.FcntlInt(c.Stdout.Fd(), unix.F_GETPIPE_SZ, 0)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	usual := size()
	block := strings.Repeat(strings.Repeat("x", 99)+"\n", (usual-1)/100)
	for blocks := 0; size() == usual; blocks++ {
		if blocks == 1000 {
			t.Fatalf("the pipe still holds %d bytes after %d blocks of %d", usual, blocks, len(block))
		}
		put(t, c.Stdout, block)
	}
	end(t, c)
}
