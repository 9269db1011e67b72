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

// resident reads what a process has in RAM, in bytes: for itself, and pages of
// files and of shared memory. proc_pid_statm(5) says that the figures may be
// off by some pages; exact ones cost a thousand times more.
func resident(pid int) (private, shared int64, ok bool) {
	var buffer [128]byte
	line, err := readInto(kernelTable.path(pid, "statm"), buffer[:])
	if err != nil {
		return 0, 0, false
	}
	return parseResident(line)
}

// parseResident reads the line of /proc/PID/statm.
func parseResident(line []byte) (private, shared int64, ok bool) {
	fields := bytes.Fields(line)
	if len(fields) < 3 {
		return 0, 0, false
	}
	all, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0, 0, false
	}
	shared, err = strconv.ParseInt(string(fields[2]), 10, 64)
	if err != nil {
		return 0, 0, false
	}
	page := int64(os.Getpagesize())
	shared = min(shared, all)
	return (all - shared) * page, shared * page, true
}

// memory reads what a cgroup is charged with, as cgroups(7) has it, without
// the page cache that nobody has used for a while. There is none of it where
// the memory controller is not enabled.
func (c *cell) memory() (int64, bool) {
	text, err := os.ReadFile(filepath.Join(c.path, "memory.current"))
	if err != nil {
		return 0, false
	}
	current, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
	if err != nil {
		return 0, false
	}
	idle, ok := c.number("memory.stat", "inactive_file ")
	return max(0, current-idle), ok
}

// cpu reads the CPU time of all that ever ran in a cgroup.
func (c *cell) cpu() (time.Duration, bool) {
	n, ok := c.number("cpu.stat", "usage_usec ")
	return time.Duration(n) * time.Microsecond, ok
}

// number reads one line of a file with a name and a number in each.
func (c *cell) number(file, name string) (int64, bool) {
	text, err := os.ReadFile(filepath.Join(c.path, file))
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(text) {
		if value, ok := bytes.CutPrefix(line, []byte(name)); ok {
			n, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
