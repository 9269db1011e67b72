package process

import (
	"bytes"
	"strconv"
)

// markOf reads from a process's environment which run of this life it
// belongs to.
func (h *Host) markOf(pid int) (run uint64, ok bool) {
	env, err := environOf(pid)
	if err != nil {
		return 0, false
	}
	if mark(env, LifeVariable) != h.config.Life {
		return 0, false
	}
	run, err = strconv.ParseUint(mark(env, RunVariable), 10, 64)
	return run, err == nil
}

// marked reports whether a process has the mark of this life.
func (h *Host) marked(pid int) bool {
	env, err := environOf(pid)
	return err == nil && mark(env, LifeVariable) == h.config.Life
}

// mark finds a variable in an environment as the kernel shows it: entries
// with a NUL byte after each.
func mark(env []byte, name string) string {
	prefix := append([]byte(name), '=')
	for entry := range bytes.SplitSeq(env, []byte{0}) {
		if value, ok := bytes.CutPrefix(entry, prefix); ok {
			return string(value)
		}
	}
	return ""
}
