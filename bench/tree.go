//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tree is everything that the benchmark has started, however it daemonised:
// the benchmark is a subreaper, so that whatever loses its parent becomes its
// own child and can be found.
type tree struct {
	service string // the executable that is a service; all else supervises
}

func newTree(service string) (*tree, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("become a subreaper: %w", err)
	}
	return &tree{service: service}, nil
}

// descendants returns the living descendants: services, and all others.
func (t *tree) descendants() (services, others []int) {
	queue := children(os.Getpid())
	for len(queue) > 0 {
		pid := queue[0]
		queue = queue[1:]
		// A service has no children; looking for some would take longer
		// than all the rest.
		if exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); exe == t.service && !launcher(pid) {
			if !dead(pid) {
				services = append(services, pid)
			}
			continue
		}
		queue = append(queue, children(pid)...)
		if !dead(pid) {
			others = append(others, pid)
		}
	}
	return services, others
}

// launcher reports whether a process is the floor's: the same executable as
// a service, in the place of a supervisor.
func launcher(pid int) bool {
	cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	args := strings.Split(string(cmdline), "\x00")
	return len(args) > 1 && args[1] == "launch"
}

// children returns the children of all threads of a process.
func children(pid int) []int {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	var all []int
	for _, f := range files {
		text, _ := os.ReadFile(f)
		for field := range strings.FieldsSeq(string(text)) {
			if n, err := strconv.Atoi(field); err == nil {
				all = append(all, n)
			}
		}
	}
	return all
}

// dead reports whether a process has ended, reaped or not.
func dead(pid int) bool {
	stat, err := readStat(pid)
	return err != nil || stat.state == 'Z' || stat.state == 'X'
}

// reap collects adopted children that have ended, one by one: the processes
// that were started here are waited for by their own waiters.
func (t *tree) reap(except map[int]bool) {
	for _, pid := range children(os.Getpid()) {
		if dead(pid) && !except[pid] {
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		}
	}
}

// clean kills all descendants, supervisors before services so that they
// restart nothing, until none is left.
func (t *tree) clean() {
	for range 500 {
		services, others := t.descendants()
		victims := others
		if len(others) == 0 {
			victims = services
		}
		for _, pid := range victims {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		t.reap(nil)
		if len(services)+len(others) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// gone waits until all processes have ended, and returns the moment when the
// last one did. It asks the kernel to tell, so watching costs nothing.
func gone(ctx context.Context, pids []int) (int64, error) {
	var waiting []unix.PollFd
	defer func() {
		for _, w := range waiting {
			_ = unix.Close(int(w.Fd))
		}
	}()
	for _, pid := range pids {
		fd, err := unix.PidfdOpen(pid, 0)
		if err == unix.ESRCH {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("watch process %d: %w", pid, err)
		}
		waiting = append(waiting, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	for len(waiting) > 0 {
		if err := ctx.Err(); err != nil {
			return 0, fmt.Errorf("%d processes live on: %w", len(waiting), err)
		}
		if _, err := unix.Poll(waiting, 100); err != nil && err != unix.EINTR {
			return 0, fmt.Errorf("watch processes: %w", err)
		}
		waiting = slices.DeleteFunc(waiting, func(w unix.PollFd) bool {
			ended := w.Revents != 0
			if ended {
				_ = unix.Close(int(w.Fd))
			}
			return ended
		})
	}
	return now(), nil
}
