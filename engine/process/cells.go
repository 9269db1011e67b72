package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// cells are this life's cgroups: one directory with a cgroup that most
// trees share and a few that have a single tree in them. A nil *cells is a
// machine without.
type cells struct {
	dir    string
	limit  int
	mu     sync.Mutex
	shared *os.File // the shared cgroup's directory
	owned  int      // trees with a cgroup of their own now
	off    bool     // the kernel refused
}

// cell is the cgroup of one tree.
type cell struct{ path string }

const (
	cellPrefix = "syndicate-"
	sharedCell = "shared"
)

// makeCells creates the directories of a life under base.
func makeCells(base, life string, limit int) (*cells, error) {
	c := &cells{dir: filepath.Join(base, cellPrefix+life), limit: limit}
	if err := os.Mkdir(c.dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	shared := filepath.Join(c.dir, sharedCell)
	err := os.Mkdir(shared, 0o755)
	if err == nil || errors.Is(err, os.ErrExist) {
		c.shared, err = os.Open(shared)
	}
	if err == nil {
		var procs *os.File
		if err = syscall.Flock(int(c.shared.Fd()), syscall.LOCK_SH); err == nil {
			procs, err = os.OpenFile(filepath.Join(shared, "cgroup.procs"), os.O_WRONLY, 0)
		}
		if err == nil {
			procs.Close()
			sweep(base)
			return c, nil
		}
		c.shared.Close()
	}
	_ = removeCell(c.dir)
	return nil, err
}

// sweep removes the empty cgroups of engines that were killed. A living one
// holds a lock on its shared directory; one that is just making it has no
// such directory yet, or loses it and goes on without.
func sweep(base string) {
	lives, err := filepath.Glob(filepath.Join(base, cellPrefix+"*", sharedCell))
	if err != nil {
		return
	}
	for _, shared := range lives {
		dir, err := os.Open(shared)
		if err != nil {
			continue
		}
		life := &cell{path: filepath.Dir(shared)}
		if syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			if populated, err := life.populated(); err == nil && !populated {
				_ = removeCell(life.path)
			}
		}
		dir.Close()
	}
}

func (c *cells) usable() bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.off
}

// enter returns the directory of the cgroup for a new process, nil without.
func (c *cells) enter(p *Process, mayOwn bool) *os.File {
	if !c.usable() {
		return nil
	}
	c.mu.Lock()
	own := mayOwn && c.owned < c.limit
	if own {
		c.owned++
	}
	c.mu.Unlock()
	if !own {
		return c.shared
	}
	made := &cell{path: filepath.Join(c.dir, strconv.FormatUint(p.run, 10)+"."+escapeUnit(p.unit))}
	err := os.Mkdir(made.path, 0o755)
	if err == nil {
		var dir *os.File
		if dir, err = os.Open(made.path); err == nil {
			p.tree.cell = made
			return dir
		}
	}
	c.discard(made)
	return c.shared
}

// entered closes what enter opened.
func (c *cells) entered(_ *Process, dir *os.File) {
	if dir != nil && dir != c.shared {
		dir.Close()
	}
}

// giveUp ends the use of cgroups for new processes; it is true once.
func (c *cells) giveUp() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.off
	c.off = true
	return !was
}

// discard removes a cgroup whose tree is gone. One that cannot be removed
// now goes with all others in the end.
func (c *cells) discard(used *cell) {
	if c == nil || used == nil {
		return
	}
	_ = removeCell(used.path)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owned--
}

// remove ends the use of cgroups and leaves no directory.
func (c *cells) remove() error {
	if c == nil {
		return nil
	}
	c.shared.Close()
	if err := removeCell(c.dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the cgroup %s: %w", c.dir, err)
	}
	return nil
}

// killAll kills whatever is in any cgroup of this life.
func (c *cells) killAll() error {
	if c == nil {
		return nil
	}
	return (&cell{path: c.dir}).kill()
}

// members lists whatever is in any cgroup of this life.
func (c *cells) members() []entry {
	if c == nil {
		return nil
	}
	return (&cell{path: c.dir}).members()
}

func (c *cell) members() []entry {
	var found []entry
	pids, _ := c.pids()
	for _, pid := range pids {
		if e, ok := lookAt(pid); ok && !e.dead {
			found = append(found, e)
		}
	}
	return found
}

// sharedPIDs lists the processes in the shared cgroup.
func (c *cells) sharedPIDs() ([]int, error) {
	return (&cell{path: filepath.Join(c.dir, sharedCell)}).pids()
}

// populated reports whether any process lives in the cgroup or below it.
func (c *cell) populated() (bool, error) {
	var buffer [256]byte
	events, err := readInto(filepath.Join(c.path, "cgroup.events"), buffer[:])
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENODEV) {
		return false, nil
	}
	return bytes.Contains(events, []byte("populated 1")), err
}

// pids lists the processes in the cgroup and below it: a service may be an
// engine itself, and make cgroups. One that is removed meanwhile was empty.
func (c *cell) pids() ([]int, error) {
	pids, err := readPIDs(filepath.Join(c.path, "cgroup.procs"))
	if err == nil && hasDirectories(c.path) {
		var entries []os.DirEntry
		entries, err = os.ReadDir(c.path)
		for _, e := range entries {
			if e.IsDir() {
				below, err := (&cell{path: filepath.Join(c.path, e.Name())}).pids()
				if err != nil {
					return pids, err
				}
				pids = append(pids, below...)
			}
		}
	}
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENODEV) {
		return pids, nil
	}
	return pids, err
}

// hasDirectories reports whether a directory has any: each is a link to it
// there, and to read the list of a cgroup's files costs more than to read what
// is in one.
func hasDirectories(path string) bool {
	var st syscall.Stat_t
	return syscall.Lstat(path, &st) != nil || st.Nlink != 2
}

// kill sends SIGKILL to everything in the cgroup and below it, at once.
// Kernels before 5.14 cannot; there it is one by one, and the caller asks
// again until nothing is left.
func (c *cell) kill() error {
	file, err := os.OpenFile(filepath.Join(c.path, "cgroup.kill"), os.O_WRONLY, 0)
	if err == nil {
		_, err = file.WriteString("1")
		file.Close()
		if err == nil {
			return nil
		}
	}
	if errors.Is(err, syscall.ENODEV) {
		return nil
	}
	if _, gone := os.Stat(c.path); errors.Is(gone, os.ErrNotExist) {
		return nil
	}
	for _, e := range c.members() {
		_ = signalExactly(e, syscall.SIGKILL)
	}
	return nil
}

// removeCell removes a cgroup and those below it, which few have. Only
// directories can be removed there; their files go with them.
func removeCell(path string) error {
	if err := syscall.Rmdir(path); err == nil || errors.Is(err, os.ErrNotExist) {
		return err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			_ = removeCell(filepath.Join(path, e.Name()))
		}
	}
	return syscall.Rmdir(path)
}

func readPIDs(path string) ([]int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, field := range bytes.Fields(text) {
		if pid, err := strconv.Atoi(string(field)); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// readInto reads a small file with three system calls and no allocation.
func readInto(path string, buffer []byte) ([]byte, error) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer syscall.Close(fd)
	n, err := syscall.Read(fd, buffer)
	if err != nil {
		return nil, err
	}
	return buffer[:n], nil
}

// escapeUnit makes a unit's name fit for a directory.
func escapeUnit(unit string) string {
	const most = 120
	var b strings.Builder
	for i := 0; i < len(unit) && b.Len() < most; i++ {
		switch c := unit[i]; {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-', c == '_', c == '.':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}
