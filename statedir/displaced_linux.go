package statedir

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// displaced finds who took a directory that has been removed or moved since:
// its lock, which nobody else comes upon any more, is among all those that the
// kernel lists, see proc_locks(5). It finds nobody of another user, or in a
// container, where the same path is another directory.
func displaced(dir string) (Info, bool) {
	list, err := os.ReadFile("/proc/locks")
	if err != nil || !strings.Contains(string(list), " FLOCK ") {
		return Info{}, false
	}
	dir = resolve(dir)
	seen := map[string]bool{}
	for line := range strings.Lines(string(list)) {
		// 1: FLOCK  ADVISORY  WRITE 4711 fe:00:123 0 EOF
		field := strings.Fields(line)
		if len(field) < 5 || field[1] != "FLOCK" || field[3] != "WRITE" || seen[field[4]] {
			continue
		}
		seen[field[4]] = true
		if info, ok := displacedBy(field[4], dir); ok {
			return info, true
		}
	}
	return Info{}, false
}

// displacedBy looks whether a process, by its pid, holds a lock that was made
// in a directory and is not there any more.
func displacedBy(pid, dir string) (Info, bool) {
	const deleted = " (deleted)"
	proc := filepath.Join("/proc", pid)
	fds, err := os.ReadDir(filepath.Join(proc, "fd"))
	if err != nil || !samePaths(proc) {
		return Info{}, false
	}
	for _, fd := range fds {
		path := filepath.Join(proc, "fd", fd.Name())
		target, err := os.Readlink(path)
		at, gone := strings.CutSuffix(target, deleted)
		if err != nil || filepath.Base(at) != lockName || !gone && filepath.Dir(at) == dir {
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		info, err := readInfo(f)
		_ = f.Close()
		if err != nil || info.Dir != dir {
			continue
		}
		info.Removed = true
		info.PID, err = strconv.Atoi(pid)
		if !gone {
			info.Moved = filepath.Dir(at)
		}
		return info, err == nil
	}
	return Info{}, false
}

// samePaths reports whether paths mean the same to a process.
func samePaths(proc string) bool {
	own, err := os.Readlink("/proc/self/ns/mnt")
	theirs, theirErr := os.Readlink(filepath.Join(proc, "ns/mnt"))
	root, rootErr := os.Readlink(filepath.Join(proc, "root"))
	return err == nil && theirErr == nil && rootErr == nil && own == theirs && root == "/"
}
