package process

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// zombie is the kernel's SZOMB.
const zombie = 5

// tableName says how descendants are found.
func tableName() string { return "sysctl" }

// census lists all processes but the leaders.
func (h *Host) census() ([]entry, error) { return wholeTable(h.self) }

func wholeTable(self) ([]entry, error) {
	all, err := everyProcess()
	found := all[:0]
	for _, e := range all {
		if everyone.leader(e.pid) == nil {
			found = append(found, e)
		}
	}
	return found, err
}

func everyProcess() ([]entry, error) {
	kernel, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	if err != nil {
		return nil, err
	}
	found := make([]entry, 0, len(kernel))
	for i := range kernel {
		found = append(found, entryOf(&kernel[i]))
	}
	return found, nil
}

// processesBut lists all processes except those with some pids.
func processesBut(seen map[int]bool) ([]entry, error) {
	all, err := everyProcess()
	return slices.DeleteFunc(all, func(e entry) bool { return seen[e.pid] }), err
}

// inExec cannot be told here: whoever has no environment twice has none.
func inExec(int) bool { return false }

func lookAt(pid int) (entry, bool) {
	kernel, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil || int(kernel.Proc.P_pid) != pid {
		return entry{}, false
	}
	return entryOf(kernel), true
}

func entryOf(kernel *unix.KinfoProc) entry {
	started := kernel.Proc.P_starttime
	return entry{
		pid:   int(kernel.Proc.P_pid),
		ppid:  int(kernel.Eproc.Ppid),
		pgid:  int(kernel.Eproc.Pgid),
		start: uint64(started.Sec)*1_000_000 + uint64(started.Usec),
		dead:  kernel.Proc.P_stat == zombie,
	}
}

// environOf reads the environment out of what the kernel keeps of a
// process's arguments: their count, the program's path, padding, the
// arguments, the environment.
func environOf(pid int) ([]byte, error) {
	raw, err := unix.SysctlRaw("kern.procargs2", pid)
	if err != nil {
		return nil, err
	}
	if len(raw) < 4 {
		return nil, errors.New("the kernel shows no arguments")
	}
	count := binary.LittleEndian.Uint32(raw)
	rest := raw[4:]
	if end := bytes.IndexByte(rest, 0); end >= 0 {
		rest = bytes.TrimLeft(rest[end:], "\x00")
	}
	for ; count > 0; count-- {
		end := bytes.IndexByte(rest, 0)
		if end < 0 {
			return nil, nil
		}
		rest = rest[end+1:]
	}
	return rest, nil
}

func ownPID() int { return os.Getpid() }

func cellOf(int, string) (string, bool) { return "", false }

func removeLife(string) {}

func killCells(string, []Leftover) {}
