package process

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// openCells makes this life's cgroups below the engine's own.
func openCells(life string, limit int) (*cells, error) {
	base, err := ownCgroup()
	if err != nil {
		return nil, err
	}
	return makeCells(base, life, limit)
}

// ownCgroup is the directory of the engine's own cgroup in the cgroup2 file
// system, wherever that is mounted: the only place where it may make more.
func ownCgroup() (string, error) {
	membership, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", fmt.Errorf("find the own cgroup: %w", err)
	}
	path, ok := unifiedPath(membership)
	if !ok {
		return "", errors.New("find the own cgroup: the kernel has no cgroup2")
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", fmt.Errorf("find the own cgroup: %w", err)
	}
	dir, ok := unifiedDir(mounts, path)
	if !ok {
		return "", errors.New("find the own cgroup: no cgroup2 file system is mounted that shows it")
	}
	return dir, nil
}

// unifiedPath finds the line of the unified hierarchy in /proc/PID/cgroup.
func unifiedPath(membership []byte) (string, bool) {
	for line := range bytes.Lines(membership) {
		if path, ok := bytes.CutPrefix(line, []byte("0::")); ok {
			return strings.TrimSuffix(strings.TrimSuffix(string(path), "\n"), " (deleted)"), true
		}
	}
	return "", false
}

// unifiedDir finds where a path of the unified hierarchy is seen: fields 4
// and 5 of a mountinfo line are the mount's root in it and its place.
func unifiedDir(mountinfo []byte, path string) (string, bool) {
	lines := bufio.NewScanner(bytes.NewReader(mountinfo))
	for lines.Scan() {
		before, after, ok := strings.Cut(lines.Text(), " - ")
		fields := strings.Fields(before)
		if !ok || len(fields) < 6 || !strings.HasPrefix(after, "cgroup2 ") {
			continue
		}
		root, place := unescapeMount(fields[3]), unescapeMount(fields[4])
		rest, below := strings.CutPrefix(path, strings.TrimSuffix(root, "/"))
		if !below || rest != "" && !strings.HasPrefix(rest, "/") {
			continue
		}
		return filepath.Join(place, rest), true
	}
	return "", false
}

// unescapeMount undoes mountinfo's octal escapes.
func unescapeMount(text string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(text)
}
