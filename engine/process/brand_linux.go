package process

import (
	"bytes"
	"hash/fnv"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// A brand is the mark that a process cannot lose by accident: the soft limit
// of file locks, a resource limit that no kernel has looked at since Linux
// 2.4.25. It is inherited through forks, execs, sessions, changes of user and
// a cleared environment, and everybody may read it. The engine has it itself,
// so that its children are born with it.

// brandOf is the brand of a life.
func brandOf(life string) uint64 {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(life))
	return 1<<62 | sum.Sum64()>>2 // never infinity, nor a number that a person would choose
}

// ownBrand reads what this process has now.
func ownBrand() uint64 {
	var limit unix.Rlimit
	_ = unix.Prlimit(0, unix.RLIMIT_LOCKS, nil, &limit)
	return limit.Cur
}

// setBrand changes it. Where the hard limit forbids that, children go
// without.
func setBrand(brand uint64) {
	var limit unix.Rlimit
	if unix.Prlimit(0, unix.RLIMIT_LOCKS, nil, &limit) == nil && limit.Cur != brand {
		limit.Cur = brand
		_ = unix.Prlimit(0, unix.RLIMIT_LOCKS, &limit, nil)
	}
}

// branded reports whether a process has a brand.
func branded(pid int, brand uint64) bool {
	limits, err := os.ReadFile(kernelTable.path(pid, "limits"))
	if err != nil {
		return false
	}
	_, line, ok := bytes.Cut(limits, []byte("\nMax file locks "))
	if !ok {
		return false
	}
	fields := bytes.Fields(line)
	return len(fields) > 0 && string(fields[0]) == strconv.FormatUint(brand, 10)
}
