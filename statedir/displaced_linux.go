package statedir

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// recent is for how long a list of locks that was read in advance counts.
const recent = time.Second

// ahead is the list that foresee had read last.
var ahead struct {
	sync.Mutex
	begun time.Time              // guarded by Mutex
	read  func() (string, error) // guarded by Mutex
}

// foresee begins to read the kernel's list of locks.
func foresee() {
	read := sync.OnceValues(readLocks)
	ahead.Lock()
	defer ahead.Unlock()
	ahead.begun, ahead.read = time.Now(), read
	go read()
}

// locks returns the kernel's list of locks, see proc_locks(5), of now or of a
// moment ago.
func locks() (string, error) {
	ahead.Lock()
	read := readLocks
	if ahead.read != nil && time.Since(ahead.begun) < recent {
		read = ahead.read
	}
	ahead.Unlock()
	return read()
}

func readLocks() (string, error) {
	list, err := os.ReadFile("/proc/locks")
	return string(list), err
}

// displaced finds who took a directory that has been removed or moved since:
// its lock, which nobody else comes upon any more, is among all those that the
// kernel lists. It finds nobody of another user, or in a
// container, where the same path is another directory.
func displaced(dir string) (Info, bool) {
	list, err := locks()
	if err != nil || !strings.Contains(list, " FLOCK ") {
		return Info{}, false
	}
	dir = resolve(dir)
	seen := map[string]bool{}
	for line := range strings.Lines(list) {
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
