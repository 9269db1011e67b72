package process

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// tableSize is the size of this process's table of descriptors, as the kernel
// tells it.
func tableSize(t *testing.T) int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "FDSize:")
	line, _, _ := strings.Cut(after, "\n")
	size, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return size
}

// The table of descriptors has room for all that is expected before it is
// started, and within the limit where that is lower.
func TestRoomForDescriptors(t *testing.T) {
	expect := func(trees int) {
		t.Helper()
		h := open(t, Config{Expected: trees})
		if err := h.Close(); err != nil { // waits for the room, too
			t.Error(err)
		}
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	before := tableSize(t)
	trees := min(2*before, int(limit.Cur)/2) / descriptorsPerTree
	expect(trees)
	if size := tableSize(t); size < trees*descriptorsPerTree {
		t.Errorf("room for %d, and %d were expected; before it was %d", size, trees*descriptorsPerTree, before)
	}
	lower := limit
	lower.Cur = uint64(4 * tableSize(t))
	if lower.Cur > limit.Max {
		return // the table has what the limit allows
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &lower); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
		}
	}()
	expect(int(lower.Cur))
	if size := tableSize(t); size < int(lower.Cur) {
		t.Errorf("room for %d where the limit is %d", size, lower.Cur)
	}
}
