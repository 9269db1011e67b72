package process

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// measurable says that this system tells what others consume.
const measurable = true

// tick is the unit of CPU time in /proc: the kernel shows hundredths of a
// second, whatever it counts in.
const tick = 10 * time.Millisecond

// consumed reads the CPU time of a process and of those of its children that
// it has waited for, and its resident memory in bytes.
func consumed(pid int) (cpu time.Duration, resident int64, ok bool) {
	var buffer [1024]byte
	line, err := readInto(kernelTable.path(pid, "stat"), buffer[:])
	if err != nil {
		return 0, 0, false
	}
	return parseUsage(line)
}

// parseUsage reads the line of /proc/PID/stat; a process that has ended and
// was not waited for consumes nothing.
func parseUsage(line []byte) (cpu time.Duration, resident int64, ok bool) {
	const state, utime, cstime, rss = 0, 11, 14, 21
	fields := bytes.Fields(line[bytes.LastIndexByte(line, ')')+1:])
	if len(fields) <= rss || fields[state][0] == 'Z' || fields[state][0] == 'X' {
		return 0, 0, false
	}
	for _, f := range fields[utime : cstime+1] {
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0, 0, false
		}
		cpu += time.Duration(n) * tick
	}
	pages, err := strconv.ParseInt(string(fields[rss]), 10, 64)
	return cpu, pages * int64(os.Getpagesize()), err == nil
}

// cpu reads the CPU time of all that ever ran in a cgroup.
func (c *cell) cpu() (time.Duration, bool) {
	text, err := os.ReadFile(filepath.Join(c.path, "cpu.stat"))
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(text) {
		if value, ok := bytes.CutPrefix(line, []byte("usage_usec ")); ok {
			n, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
			return time.Duration(n) * time.Microsecond, err == nil
		}
	}
	return 0, false
}
