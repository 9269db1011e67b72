package process

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
)

// table is the directory of a proc file system.
type table string

// kernelTable is where Linux shows its processes.
const kernelTable = table("/proc")

// tableName says how descendants outside cgroups are found.
func tableName() string {
	if kernelTable.hasChildren(os.Getpid()) {
		return "children"
	}
	return "scan"
}

// census lists the processes that may belong to a tree without a cgroup of
// its own, from the cheapest source that there is.
func (h *Host) census() ([]entry, error) {
	if h.cells.usable() {
		pids, err := h.cells.sharedPIDs()
		if err == nil {
			return kernelTable.entries(pids), nil
		}
	}
	return wholeTable(h.self)
}

// wholeTable lists all descendants of this process, or all processes.
func wholeTable(me self) ([]entry, error) {
	if kernelTable.hasChildren(me.pid) {
		return kernelTable.descendants(me.pid), nil
	}
	return kernelTable.scan()
}

// lookAt reads one process.
func lookAt(pid int) (entry, bool) { return kernelTable.entry(pid) }

// environOf reads the environment that a process was started with.
func environOf(pid int) ([]byte, error) {
	return kernelTable.environ(pid)
}

func (t table) path(pid int, name string) string {
	return string(t) + "/" + strconv.Itoa(pid) + "/" + name
}

func (t table) environ(pid int) ([]byte, error) {
	return os.ReadFile(t.path(pid, "environ"))
}

// inExec reports whether a process whose environment reads as empty is in the
// middle of an exec: its new memory is there, and what was given to it is not
// in it yet. proc_pid_stat(5) calls the field env_end.
func inExec(pid int) bool {
	const envEnd = 48 // behind the name, from 0
	var buffer [1024]byte
	line, err := readInto(kernelTable.path(pid, "stat"), buffer[:])
	if err != nil {
		return false
	}
	fields := bytes.Fields(line[bytes.LastIndexByte(line, ')')+1:])
	return len(fields) > envEnd && string(fields[envEnd]) == "0" && fields[0][0] != 'Z' && fields[0][0] != 'X'
}

var errShortStat = errors.New("the line of /proc/PID/stat is cut off")

// entry reads one process's stat line.
func (t table) entry(pid int) (entry, bool) {
	var buffer [1024]byte
	line, err := readInto(t.path(pid, "stat"), buffer[:])
	if err != nil {
		return entry{}, false
	}
	e, err := parseStat(line)
	return e, err == nil
}

// entries reads several.
func (t table) entries(pids []int) []entry {
	found := make([]entry, 0, len(pids))
	for _, pid := range pids {
		if everyone.leader(pid) != nil {
			continue // known, and most of them are
		}
		if e, ok := t.entry(pid); ok {
			found = append(found, e)
		}
	}
	return found
}

// scan reads all processes but the leaders.
func (t table) scan() ([]entry, error) {
	pids, err := t.list()
	return t.entries(pids), err
}

// scanAll reads all processes.
func (t table) scanAll() ([]entry, error) {
	pids, err := t.list()
	found := make([]entry, 0, len(pids))
	for _, pid := range pids {
		if e, ok := t.entry(pid); ok {
			found = append(found, e)
		}
	}
	return found, err
}

// but reads all processes except some.
func (t table) but(seen map[int]bool) ([]entry, error) {
	pids, err := t.list()
	var found []entry
	for _, pid := range pids {
		if seen[pid] {
			continue
		}
		if e, ok := t.entry(pid); ok {
			found = append(found, e)
		}
	}
	return found, err
}

// list returns the pids of all processes.
func (t table) list() ([]int, error) {
	dir, err := os.Open(string(t))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	pids := make([]int, 0, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// hasChildren reports whether the kernel lists children by thread.
func (t table) hasChildren(pid int) bool {
	_, err := os.Stat(t.path(pid, "task/"+strconv.Itoa(pid)+"/children"))
	return err == nil
}

// descendants walks the lists of children down from a process.
func (t table) descendants(root int) []entry {
	var found []entry
	seen := map[int]bool{root: true}
	for queue := []int{root}; len(queue) > 0; queue = queue[1:] {
		for _, pid := range t.children(queue[0]) {
			if seen[pid] {
				continue
			}
			seen[pid] = true
			queue = append(queue, pid)
			if everyone.leader(pid) != nil {
				continue
			}
			if e, ok := t.entry(pid); ok {
				found = append(found, e)
			}
		}
	}
	return found
}

// children reads those of all threads of a process.
func (t table) children(pid int) []int {
	threads, err := os.ReadDir(t.path(pid, "task"))
	if err != nil {
		return nil
	}
	var pids []int
	for _, thread := range threads {
		found, _ := readPIDs(filepath.Join(t.path(pid, "task"), thread.Name(), "children"))
		pids = append(pids, found...)
	}
	return pids
}

// parseStat reads /proc/PID/stat. The name in it may contain anything, also
// spaces and brackets: what counts begins behind the last bracket.
func parseStat(line []byte) (entry, error) {
	open, end := bytes.IndexByte(line, '('), bytes.LastIndexByte(line, ')')
	if open < 2 || end < open {
		return entry{}, errShortStat
	}
	pid, err := strconv.Atoi(string(line[:open-1]))
	if err != nil {
		return entry{}, errShortStat
	}
	const state, ppid, pgrp, session, threads, start = 0, 1, 2, 3, 17, 19
	fields := bytes.Fields(line[end+1:])
	if len(fields) <= start {
		return entry{}, errShortStat
	}
	number := func(i int) int {
		n, parseErr := strconv.ParseInt(string(fields[i]), 10, 64)
		if parseErr != nil {
			err = errShortStat
		}
		return int(n)
	}
	e := entry{pid: pid, ppid: number(ppid), pgid: number(pgrp), sid: number(session), start: uint64(number(start))}
	// A leading thread that has ended shows as a zombie while others run on.
	switch fields[state][0] {
	case 'Z', 'X', 'x':
		e.dead = number(threads) <= 1
	}
	return e, err
}
