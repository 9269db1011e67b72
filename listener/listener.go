// Package listener tells who listens on a TCP port. It reads the kernel's
// tables and touches nothing.
package listener

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Listener is a process that listens on a TCP port.
type Listener struct {
	PID     int    // 0 where the kernel does not show it to us
	Program string // as the kernel keeps it
	Unit    string // that it runs, where some engine started it
	Guards  string // the state directory of an engine whose guardian it is
}

// How an engine marks what it starts, and its guardian: see package process.
const (
	unitVariable = "SYNDICATE_UNIT="
	homeVariable = "SYNDICATE_GUARDED_HOME="
)

// String says who it is.
func (l Listener) String() string {
	switch {
	case l.PID == 0:
		return "another process, which only root can see"
	case l.Guards != "":
		return fmt.Sprintf("process %d, which keeps it for the next up with the state directory %s, for a minute after its engine died", l.PID, l.Guards)
	case l.Unit != "":
		return fmt.Sprintf("process %d (%s, which runs %s of a system)", l.PID, l.Program, l.Unit)
	}
	return fmt.Sprintf("process %d (%s)", l.PID, l.Program)
}

// All maps each TCP port that somebody listens on to whom, one for each
// socket, as the proc file system at a directory shows them. ok is false where
// it shows none, as on macOS.
func All(proc string) (ports map[int][]Listener, ok bool) {
	sockets := map[string]int{} // by inode: the port
	for _, name := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile(filepath.Join(proc, "net", name))
		ok = ok || err == nil
		for line := range strings.Lines(string(text)) {
			const listening = "0A"
			fields := strings.Fields(line)
			if len(fields) < 10 || fields[3] != listening {
				continue
			}
			_, hex, _ := strings.Cut(fields[1], ":")
			if port, err := strconv.ParseUint(hex, 16, 16); err == nil {
				sockets[fields[9]] = int(port)
			}
		}
	}
	owners := socketOwners(proc)
	ports = make(map[int][]Listener, len(sockets))
	for inode, port := range sockets {
		if l := owners[inode]; !slices.Contains(ports[port], l) {
			ports[port] = append(ports[port], l)
		}
	}
	for _, all := range ports {
		slices.SortFunc(all, func(a, b Listener) int { return b.PID - a.PID }) // what is hidden last
	}
	return ports, ok
}

// socketOwners maps the inodes of sockets to a process that has it open.
func socketOwners(proc string) map[string]Listener {
	owners := map[string]Listener{}
	links, _ := filepath.Glob(filepath.Join(proc, "[0-9]*", "fd", "*"))
	for _, link := range links {
		to, err := os.Readlink(link)
		inode, socket := strings.CutPrefix(to, "socket:[")
		if err != nil || !socket {
			continue
		}
		dir := filepath.Dir(filepath.Dir(link))
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		program, _ := os.ReadFile(filepath.Join(dir, "comm"))
		l := Listener{PID: pid, Program: strings.TrimSpace(string(program))}
		l.marks(dir)
		inode = strings.TrimSuffix(inode, "]")
		if _, known := owners[inode]; !known || l.Guards == "" { // a guardian's is a copy, as long as its engine lives
			owners[inode] = l
		}
	}
	return owners
}

// marks reads what an engine has put into a process's environment.
func (l *Listener) marks(dir string) {
	env, _ := os.ReadFile(filepath.Join(dir, "environ"))
	for entry := range strings.SplitSeq(string(env), "\x00") {
		if unit, ok := strings.CutPrefix(entry, unitVariable); ok {
			l.Unit = unit
		}
		if home, ok := strings.CutPrefix(entry, homeVariable); ok {
			l.Guards = home
		}
	}
}
