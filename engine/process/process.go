package process

import (
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is a started command and all that descends from it.
type Process struct {
	host    *Host
	unit    string
	run     uint64
	pid     int
	started time.Time
	done    chan struct{}
	tree    *tree

	mu     sync.Mutex // held while signalling or reaping the leader
	reaped bool
	exit   Exit
	pidfd  int // -1 without one and after the end; guarded by mu
}

func newProcess(h *Host, unit string, run uint64) *Process {
	p := &Process{host: h, unit: unit, run: run, done: make(chan struct{}), pidfd: -1}
	p.tree = &tree{p: p, gone: make(chan struct{})}
	return p
}

// PID is the leader's, and the number of its process group.
func (p *Process) PID() int { return p.pid }

// Unit is the one that the process was started for.
func (p *Process) Unit() string { return p.unit }

// Started is when the leader was forked.
func (p *Process) Started() time.Time { return p.started }

// Done is closed when the leader has ended and Exit is known. Descendants
// may live on: see End.
func (p *Process) Done() <-chan struct{} { return p.done }

// Gone is closed when Stop, End or Close has found nothing left of the tree.
func (p *Process) Gone() <-chan struct{} { return p.tree.gone }

// Exit is how the leader ended; the zero value before Done.
func (p *Process) Exit() Exit {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exit
}

func (p *Process) ended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reaped
}

// Signal sends a signal to the leader's process group. It is ErrEnded when
// the leader has ended.
func (p *Process) Signal(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return ErrEnded
	}
	// The leader is not reaped, so its number cannot be another's.
	if err := syscall.Kill(-p.pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("send %s to process group %d: %w", sig, p.pid, err)
	}
	return nil
}

// reap takes the leader's exit status if it has ended. It is called on any
// hint, by several goroutines, and is the only place where a leader is
// waited for.
func (p *Process) reap() bool {
	p.mu.Lock()
	if p.reaped {
		p.mu.Unlock()
		return true
	}
	var status syscall.WaitStatus
	var usage syscall.Rusage
	pid, err := wait4(p.pid, &status, &usage)
	now := time.Now()
	switch {
	case err == nil && pid == p.pid:
		p.exit = exitOf(status, &usage, now)
	case errors.Is(err, syscall.ECHILD):
		p.exit = Exit{Code: -1, Unknown: true, At: now}
	default:
		p.mu.Unlock()
		return false
	}
	p.reaped = true
	p.host.wait.remove(p)
	p.mu.Unlock()
	everyone.forget(p)
	close(p.done)
	p.host.leaderEnded(p.tree)
	return true
}

// wait4 asks after one child, and does not block.
func wait4(pid int, status *syscall.WaitStatus, usage *syscall.Rusage) (int, error) {
	for {
		got, err := syscall.Wait4(pid, status, syscall.WNOHANG, usage)
		if !errors.Is(err, syscall.EINTR) {
			return got, err
		}
	}
}

// StuckError tells of processes that survived SIGKILL for longer than
// Config.KillWait: they hang in the kernel, on a dead disk or network file
// system, or belong to somebody whose processes the engine may not signal.
type StuckError struct {
	Unit string
	PIDs []int
	Wait time.Duration
}

func (e *StuckError) Error() string {
	numbers := make([]string, len(e.PIDs))
	for i, pid := range e.PIDs {
		numbers[i] = strconv.Itoa(pid)
	}
	return fmt.Sprintf("stop %s: still there %s after SIGKILL: pid %s; it hangs in the kernel or may not be signalled",
		e.Unit, e.Wait, strings.Join(numbers, ", "))
}

// Stop ends the tree. The leader's process group gets sig; when the leader
// has ended, whatever else is left gets it, those included that left the
// group or became daemons; when timeout is over, all that is left gets
// SIGKILL. It returns when nothing is left, or with a *StuckError. It may be
// called at any time, also several times at once: the shortest timeout wins.
func (p *Process) Stop(sig syscall.Signal, timeout time.Duration) (Exit, error) {
	if sig == 0 {
		sig = syscall.SIGTERM
	}
	if sig == syscall.SIGKILL || timeout <= 0 {
		err := p.endTree()
		return p.Exit(), err
	}
	h := p.host
	if p.ended() && h.finishFast(p.tree) {
		return p.Exit(), nil
	}
	h.mu.Lock()
	h.request(p.tree, sig, false)
	h.mu.Unlock()
	poke(h.kick)
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-p.tree.gone:
		return p.Exit(), nil
	case <-timer.C:
	}
	err := p.endTree()
	return p.Exit(), err
}

// End kills whatever is left of the tree, the leader too if it lives, and
// waits until nothing is left, or returns a *StuckError. It is for a tree
// whose leader died by itself, before it is started again. It is idempotent.
func (p *Process) End() error {
	return p.endTree()
}

func (p *Process) endTree() error {
	h := p.host
	if p.ended() && h.finishFast(p.tree) {
		return nil
	}
	h.mu.Lock()
	h.request(p.tree, 0, true)
	h.mu.Unlock()
	poke(h.kick)
	timer := time.NewTimer(h.config.KillWait)
	defer timer.Stop()
	select {
	case <-p.tree.gone:
		return nil
	case <-timer.C:
		return h.stuck(p.tree)
	}
}

// stuck names what is left.
func (h *Host) stuck(t *tree) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t.isGone {
		return nil
	}
	stuck := &StuckError{Unit: t.p.unit, Wait: h.config.KillWait}
	if !t.p.ended() {
		stuck.PIDs = append(stuck.PIDs, t.p.pid)
	}
	for _, e := range t.left {
		stuck.PIDs = append(stuck.PIDs, e.pid)
	}
	sort.Ints(stuck.PIDs)
	return stuck
}
