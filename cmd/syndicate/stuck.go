package main

import (
	"bytes"
	"os"
	"path/filepath"
	"time"

	"github.com/syndicate/syndicate/engine/store"
	"github.com/syndicate/syndicate/view"
)

// threads is where Linux shows this process's own.
const threads = "/proc/self/task"

// sayIfStuck has a command say, once, that it waits for a disk that does not
// answer, as a file system that is frozen: it cannot even be interrupted then,
// and nobody else tells. Elsewhere than on Linux it says nothing.
func (s *session) sayIfStuck() (stop func() bool) {
	return time.AfterFunc(store.Stall, func() {
		before := inDisk(threads)
		if len(before) == 0 {
			return
		}
		time.Sleep(time.Second) // what is only slow has gone on by then
		for id := range inDisk(threads) {
			if before[id] {
				view.Note(s.stderr, "Waiting for a disk that does not answer.")
				return
			}
		}
	}).Stop
}

// inDisk returns those of the threads that sleep and cannot be woken: state D
// of proc_pid_stat(5).
func inDisk(dir string) map[string]bool {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	found := map[string]bool{}
	for _, thread := range list {
		line, err := os.ReadFile(filepath.Join(dir, thread.Name(), "stat"))
		if err != nil {
			continue
		}
		// The name before it may hold anything, brackets too.
		if bytes.HasPrefix(line[bytes.LastIndexByte(line, ')')+1:], []byte(" D ")) {
			found[thread.Name()] = true
		}
	}
	return found
}
