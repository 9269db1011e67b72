package process

import (
	"runtime"
	"syscall"
	"time"
)

// spawnThreads is how many threads fork: measured, two reach what the
// kernel gives on few cores, and more only get in each other's way.
const spawnThreads = 2

type spawnRequest struct {
	path  string
	argv  []string
	attr  *syscall.ProcAttr
	p     *Process
	reply chan error
}

// spawner forks. Its thread is locked and lives as long as the Host: the
// kernel sends a child its parent death signal when the forking thread ends.
func (h *Host) spawner() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for request := range h.spawn {
		request.reply <- h.fork(request)
	}
}

// fork starts the child and enters it everywhere before anybody can take
// its exit status.
func (h *Host) fork(request spawnRequest) error {
	p := request.p
	ticket := everyone.fork()
	fd := -1
	if h.wait.descriptors() {
		request.attr.Sys = withDescriptor(request.attr.Sys, &fd)
	}
	started := time.Now()
	pid, err := syscall.ForkExec(request.path, request.argv, request.attr)
	if err != nil {
		everyone.registered(ticket, nil)
		return err
	}
	p.pid, p.started = pid, started
	h.mu.Lock()
	h.trees = append(h.trees, p.tree)
	h.mu.Unlock()
	everyone.registered(ticket, p)
	h.wait.add(p, fd)
	return nil
}

// Start starts a command. The outputs given with it are closed in every
// case. Whoever starts a process must Stop or End it in the end, also when
// its leader has died by itself; Close does so for all.
func (h *Host) Start(command Command) (*Process, error) {
	defer command.closeOutputs()
	return h.start(&command, true)
}

func (h *Host) start(command *Command, mayOwn bool) (*Process, error) {
	if err := command.check(); err != nil {
		return nil, refused(err)
	}
	h.mu.Lock()
	if h.closing {
		h.mu.Unlock()
		return nil, ErrClosed
	}
	h.starts.Add(1)
	h.mu.Unlock()
	defer h.starts.Done()

	owner, err := credential(command.User, command.Group)
	if err != nil {
		return nil, refused(err)
	}
	path, err := command.locate()
	if err != nil {
		return nil, err
	}
	files, err := command.files(h.null)
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(command)
	run := h.runs.Add(1)
	p := newProcess(h, command.Unit, run)
	attr := &syscall.ProcAttr{
		Dir:   command.Dir,
		Env:   command.environment(h.config.Life, run),
		Files: files,
		Sys:   attributes(command, owner),
	}
	request := spawnRequest{path: path, argv: command.Argv, attr: attr, p: p, reply: make(chan error, 1)}
	if err := h.inCgroup(request, mayOwn); err != nil {
		return nil, command.explain(path, err)
	}
	return p, nil
}

// refused is the error of a command that cannot be started as it is written.
func refused(err error) error { return &StartError{Reason: err.Error(), Err: err} }

// inCgroup starts the child in its cgroup. Where that fails and a start
// without one works, the cgroup was at fault, and none is used again.
func (h *Host) inCgroup(request spawnRequest, mayOwn bool) error {
	plain := *request.attr.Sys
	dir := h.cells.enter(request.p, mayOwn)
	if dir != nil {
		request.attr.Sys = intoCgroup(request.attr.Sys, dir)
	}
	h.spawn <- request
	err := <-request.reply
	if dir == nil || err == nil {
		h.cells.entered(request.p, dir)
		return err
	}
	h.cells.entered(request.p, dir)
	h.cells.discard(request.p.tree.cell)
	request.p.tree.cell = nil
	if !cgroupError(err) {
		return err
	}
	request.attr.Sys = &plain
	h.spawn <- request
	if err = <-request.reply; err == nil && h.cells.giveUp() {
		h.log.Debug("the kernel refuses to start processes in a cgroup; descendants are found in the process table")
	}
	return err
}

// attributes are those that hold with and without a cgroup.
func attributes(command *Command, owner *syscall.Credential) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Credential: owner}
	death := command.DeathSignal
	if death == 0 {
		death = syscall.SIGKILL
	}
	return withDeathSignal(attr, death)
}
