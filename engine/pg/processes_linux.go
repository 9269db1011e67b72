package pg

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// processesIn lists the processes whose working directory is dir: a
// PostgreSQL server and all its backends stay in their data directory. Only
// PostgreSQL's count: a shell that stands there holds nothing. known is
// false where the system does not tell.
func processesIn(dir string) (pids []int, known bool) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, false
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, false
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		cwd, err := os.Readlink("/proc/" + e.Name() + "/cwd")
		if err != nil || cwd != real {
			continue
		}
		comm, err := os.ReadFile("/proc/" + e.Name() + "/comm")
		if err == nil && strings.HasPrefix(string(comm), "post") {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids, true
}
