package process

import (
	"os"
	"path/filepath"
	"slices"
)

func ownPID() int { return os.Getpid() }

// everyProcess lists all processes, whoever's they are.
func everyProcess() ([]entry, error) { return kernelTable.scanAll() }

// processesBut lists all processes except those with some pids.
func processesBut(seen map[int]bool) ([]entry, error) { return kernelTable.but(seen) }

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

// lifeDirs lists where a life's cgroups may be: the engine of that life may
// have stood higher up, or been itself a process of a service.
func lifeDirs(life string) []string {
	base, err := ownCgroup()
	if err != nil {
		return nil
	}
	var dirs []string
	for dir := base; len(dir) > 1; dir = filepath.Dir(dir) {
		path := filepath.Join(dir, cellPrefix+life)
		if _, err := os.Stat(path); err == nil {
			dirs = append(dirs, path)
		}
	}
	return dirs
}

// removeLife removes a life's empty cgroups, where they are ours to remove.
func removeLife(life string) {
	for _, dir := range lifeDirs(life) {
		_ = removeCell(dir)
	}
}

// killCells kills whole cgroups of a life at once, which nothing in them can
// escape by forking. One that holds a process to be spared, or this one, is
// left to signals.
func killCells(life string, left []Leftover) {
	spared := map[int]bool{os.Getpid(): true}
	for _, l := range left {
		if l.spared {
			spared[l.PID] = true
		}
	}
	for _, dir := range lifeDirs(life) {
		names, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, name := range names {
			if !name.IsDir() {
				continue
			}
			c := &cell{path: filepath.Join(dir, name.Name())}
			pids, err := c.pids()
			if err == nil && len(pids) > 0 && !slices.ContainsFunc(pids, func(pid int) bool { return spared[pid] }) {
				_ = c.kill()
			}
		}
	}
}
