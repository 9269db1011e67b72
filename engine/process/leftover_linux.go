package process

import (
	"os"
	"path/filepath"
)

func ownPID() int { return os.Getpid() }

// everyProcess lists all processes, whoever's they are.
func everyProcess() ([]entry, error) { return kernelTable.scanAll() }

// cellOf returns the name of the cgroup below a life's directory in which a
// process is.
func cellOf(pid int, life string) (string, bool) {
	membership, err := os.ReadFile(kernelTable.path(pid, "cgroup"))
	if err != nil {
		return "", false
	}
	path, ok := unifiedPath(membership)
	if !ok {
		return "", false
	}
	return inCellOf(path, life)
}

// removeLife removes a life's empty cgroups, where they are ours to remove.
func removeLife(life string) {
	base, err := ownCgroup()
	if err != nil {
		return
	}
	// The engine of that life may have stood higher up, or been itself
	// a process of a service.
	for dir := base; len(dir) > 1; dir = filepath.Dir(dir) {
		if removeCell(filepath.Join(dir, cellPrefix+life)) == nil {
			return
		}
	}
}
