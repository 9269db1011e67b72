package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
)

// defaultPath is searched where a Command's environment has no PATH.
const defaultPath = "/usr/local/bin:/usr/bin:/bin"

// StartError tells why a command could not be executed.
type StartError struct {
	Path   string // of the program as it was tried, or as it was written
	Reason string // what is wrong, in one sentence without full stop
	Hint   string // what would be right, empty where nothing is known
	Looked string // where it was looked for, empty where it was named
	Err    error  // syscall.ENOENT, EACCES, …
}

// Error is the reason and the hint, and on a line of its own where it was
// looked.
func (e *StartError) Error() string {
	text := e.Reason
	if e.Hint != "" {
		text += ": " + e.Hint
	}
	if e.Looked != "" {
		text += "\nlooked in " + e.Looked
	}
	return text
}

// Unwrap gives the error of the system call.
func (e *StartError) Unwrap() error { return e.Err }

// locate returns the path to execute. A name with a slash is left to the
// kernel, which resolves it after the change to Dir.
func (c *Command) locate() (string, error) {
	name := c.Argv[0]
	if strings.Contains(name, "/") {
		return name, nil
	}
	denied := ""
	for _, dir := range c.searchPath() {
		path := filepath.Join(dir, name)
		info, err := os.Stat(c.fromDir(path))
		if err != nil || info.IsDir() {
			continue
		}
		if info.Mode()&0o111 == 0 {
			denied = path
			continue
		}
		if !strings.Contains(path, "/") {
			path = "./" + path
		}
		return path, nil
	}
	if _, err := os.Stat(c.workDir()); err != nil {
		return "", c.explain(name, err)
	}
	if denied != "" {
		return "", notExecutable(denied, c.fromDir(denied))
	}
	return "", c.notFound(name)
}

// Program reports whether there is a program to execute, as Start would find
// it out, and starts nothing. Its error is a *StartError.
func (c *Command) Program() error {
	path, err := c.locate()
	if err != nil || !strings.Contains(c.Argv[0], "/") {
		return err
	}
	info, err := os.Stat(c.fromDir(path))
	switch {
	case err != nil:
		return c.explain(path, err)
	case info.IsDir():
		return c.explain(path, syscall.EACCES)
	case info.Mode()&0o111 == 0:
		return notExecutable(path, c.fromDir(path))
	}
	return nil
}

// searchPath is the PATH of the child, an empty entry being its directory.
func (c *Command) searchPath() []string {
	value, ok := c.variable("PATH")
	if !ok || value == "" {
		value = defaultPath
	}
	dirs := filepath.SplitList(value)
	for i, dir := range dirs {
		if dir == "" {
			dirs[i] = "."
		}
	}
	return dirs
}

// fromDir resolves a path as the child would.
func (c *Command) fromDir(path string) string {
	if filepath.IsAbs(path) || c.Dir == "" {
		return path
	}
	return filepath.Join(c.Dir, path)
}

func (c *Command) workDir() string {
	if c.Dir == "" {
		return "."
	}
	return c.Dir
}

// notFound is the error of a name that no directory of the PATH has.
func (c *Command) notFound(name string) error {
	reason, looked := fmt.Sprintf("no program %q in the PATH of the command", name), strings.Join(c.searchPath(), ", ")
	if value, ok := c.variable("PATH"); !ok || value == "" {
		reason = fmt.Sprintf("no program %q in %s, where is looked since the command's environment has no PATH", name, looked)
		looked = ""
	}
	return &StartError{Path: name, Reason: reason, Hint: c.suggest(name), Looked: looked, Err: syscall.ENOENT}
}

// suggest says what may have been meant by a name that was not found.
func (c *Command) suggest(name string) string {
	if fields := strings.Fields(name); len(fields) > 1 {
		for i, field := range fields {
			fields[i] = fmt.Sprintf("%q", field)
		}
		return fmt.Sprintf("write program and arguments apart, as [%s]", strings.Join(fields, ", "))
	}
	if info, err := os.Stat(c.fromDir(name)); err == nil && !info.IsDir() {
		return fmt.Sprintf("a file of that name is in the working directory; write %q to run it", "./"+name)
	}
	if near := nearest(name, c.programs()); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "install it, extend the PATH, or write its path"
}

// programs lists the names in the PATH, each directory bounded.
func (c *Command) programs() []string {
	const most = 20_000
	var names []string
	for _, dir := range c.searchPath() {
		entries, err := os.ReadDir(c.fromDir(dir))
		if err != nil {
			continue
		}
		for _, entry := range entries {
			if len(names) == most {
				return names
			}
			names = append(names, entry.Name())
		}
	}
	return names
}

// nearest returns the candidate with the fewest edits, empty where none is
// near enough to be a slip of the hand.
func nearest(name string, candidates []string) string {
	limit := 1 + len(name)/4
	best, bestDistance := "", limit+1
	sort.Strings(candidates)
	for _, candidate := range candidates {
		if difference := len(candidate) - len(name); difference > limit || -difference > limit {
			continue
		}
		if distance := edits(name, candidate); distance > 0 && distance < min(bestDistance, len(name)) {
			best, bestDistance = candidate, distance
		}
	}
	return best
}

// edits counts insertions, deletions and replacements, and a swap of two
// neighbours as one.
func edits(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// notExecutable is the error of a file without the execute bit.
func notExecutable(path, resolved string) error {
	return &StartError{
		Path:   path,
		Reason: fmt.Sprintf("%s is not executable", resolved),
		Hint:   "run chmod +x on it, or name its interpreter first",
		Err:    syscall.EACCES,
	}
}

// explain turns the error of the exec into one that says what is wrong. It
// looks only after the failure, so that a start that works pays nothing.
func (c *Command) explain(path string, cause error) error {
	errno := cause
	var number syscall.Errno
	if errors.As(cause, &number) {
		errno = number
	}
	fail := func(reason, hint string) error {
		return &StartError{Path: path, Reason: reason, Hint: hint, Err: errno}
	}
	if err := c.explainDir(path); err != nil {
		return err
	}
	switch {
	case errors.Is(cause, syscall.E2BIG):
		return fail("arguments and environment together are longer than the kernel takes", "shorten them, or pass large values in a file")
	case errors.Is(cause, syscall.EAGAIN):
		return fail("the limit on processes is reached", "raise it with ulimit -u or the cgroup's pids.max")
	case errors.Is(cause, syscall.ENOMEM):
		return fail("the machine has no memory left to start a process", "")
	case errors.Is(cause, syscall.EMFILE), errors.Is(cause, syscall.ENFILE):
		return fail("the limit on open files is reached", "raise it with ulimit -n")
	case errors.Is(cause, syscall.EPERM):
		return fail("the kernel does not permit to start "+path, "")
	case errors.Is(cause, syscall.ETXTBSY):
		return fail(path+" is being written right now", "start it when the build has finished")
	}
	return c.explainFile(path, cause, fail)
}

// explainDir finds a working directory that cannot be entered.
func (c *Command) explainDir(path string) error {
	if c.Dir == "" {
		return nil
	}
	info, err := os.Stat(c.Dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return &StartError{Path: path, Reason: fmt.Sprintf("the working directory %s does not exist", c.Dir), Hint: existing(c.Dir), Err: syscall.ENOENT}
	case err != nil:
		return &StartError{Path: path, Reason: fmt.Sprintf("the working directory %s cannot be reached", c.Dir), Hint: err.Error(), Err: err}
	case !info.IsDir():
		return &StartError{Path: path, Reason: fmt.Sprintf("the working directory %s is not a directory", c.Dir), Err: syscall.ENOTDIR}
	}
	return nil
}

// existing names the part of a path that is there, and a sibling that is
// spelt nearly as the missing part.
func existing(path string) string {
	for parent := filepath.Dir(path); ; path, parent = parent, filepath.Dir(parent) {
		entries, err := os.ReadDir(parent)
		if err == nil {
			names := make([]string, 0, len(entries))
			for _, entry := range entries {
				if entry.IsDir() {
					names = append(names, entry.Name())
				}
			}
			if near := nearest(filepath.Base(path), names); near != "" {
				return fmt.Sprintf("%s exists; did you mean %q in it?", parent, near)
			}
			return fmt.Sprintf("%s exists, but has no %q", parent, filepath.Base(path))
		}
		if parent == filepath.Dir(parent) {
			return ""
		}
	}
}
