package decode

import (
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
)

// host returns what is known of the machine.
func (l *loader) host() *Host {
	if l.o.Host == nil {
		l.o.Host = thisHost(l.fs)
	}
	return l.o.Host
}

// usable returns how much memory this process and its children can have at
// most, 0 where that is not known.
func (h *Host) usable() int64 {
	if h.Limit > 0 && (h.Memory == 0 || h.Limit < h.Memory) {
		return h.Limit
	}
	return h.Memory
}

// thisHost asks the machine.
func thisHost(fs FS) *Host {
	h := &Host{CPUs: runtime.NumCPU(), Limit: groupLimit(fs)}
	h.Hostname, _ = os.Hostname()
	text, err := fs.ReadFile("/proc/meminfo")
	if err != nil {
		return h
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" {
			kib, _ := strconv.ParseInt(f[1], 10, 64)
			h.Memory = kib * 1024
		}
	}
	return h
}

// groupLimit returns the smallest memory limit of the control groups that
// this process is in, 0 without one. Both versions of control groups are
// asked: on some machines the second is mounted, but the first limits.
func groupLimit(fs FS) int64 {
	text, err := fs.ReadFile("/proc/self/cgroup")
	if err != nil {
		return 0
	}
	least := int64(0)
	for line := range strings.Lines(string(text)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3) // ID:CONTROLLERS:PATH
		if len(f) != 3 {
			continue
		}
		root, file := "/sys/fs/cgroup", "memory.max"
		if f[1] != "" {
			root, file = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
			if !strings.Contains(","+f[1]+",", ",memory,") {
				continue
			}
		}
		// A limit of a group holds for all below it. In a container the
		// path may be one that only the outside has: its root is asked then.
		for dir := path.Clean("/" + f[2]); ; dir = path.Dir(dir) {
			if n := limitIn(fs, path.Join(root, dir, file)); n > 0 && (least == 0 || n < least) {
				least = n
			}
			if dir == "/" {
				break
			}
		}
	}
	return least
}

// limitIn reads the limit in a file, 0 for none: version 2 writes "max" then,
// version 1 a number that no machine has.
func limitIn(fs FS, name string) int64 {
	text, err := fs.ReadFile(name)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || n >= 1<<60 {
		return 0
	}
	return n
}
