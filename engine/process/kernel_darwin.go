package process

import (
	"errors"
	"os"
	"syscall"
)

// rssUnit is 1: macOS gives ru_maxrss in bytes.
const rssUnit = 1

// becomeReaper does nothing here: macOS gives orphans to launchd.
func becomeReaper() (self, error) {
	return self{pid: os.Getpid(), pgid: syscall.Getpgrp(), reaper: 1}, nil
}

func ownProgram() (string, error) { return os.Executable() }

func withDeathSignal(attr *syscall.SysProcAttr, _ syscall.Signal) *syscall.SysProcAttr { return attr }

func intoCgroup(attr *syscall.SysProcAttr, _ int) *syscall.SysProcAttr { return attr }

func cgroupError(error) bool { return false }

func openCells(string, int) (*cells, error) { return nil, errors.New("macOS has no cgroups") }

const descriptorsPerTree = 4

// makeRoom does nothing: only Linux lets everybody wait for a larger table.
func makeRoom(*os.File, int) {}

// waiter has nothing to hold: every SIGCHLD has all leaders asked after.
type waiter struct{ host *Host }

func newWaiter(h *Host) (*waiter, error) { return &waiter{host: h}, nil }

func (w *waiter) descriptors() bool { return false }

// add has the new leader asked after: it may have ended already.
func (w *waiter) add(*Process) { poke(w.host.orphans) }

func (w *waiter) remove(*Process) {}

func (w *waiter) close() {}

// reapOrphans asks after the leaders; orphans are launchd's.
func (h *Host) reapOrphans() {
	h.reapLeaders()
}

// signalExactly signals a process if it still is the one that was seen.
func signalExactly(e entry, sig syscall.Signal) error {
	if now, ok := lookAt(e.pid); !ok || now.start != e.start {
		return syscall.ESRCH
	}
	return syscall.Kill(e.pid, sig)
}
