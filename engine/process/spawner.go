package process

import (
	"runtime"
	"syscall"
	"time"
)

// spawnThreads is how many threads fork: measured, two reach what the
// kernel gives on few cores, and more only get in each other's way.
const spawnThreads = 2

// spawner is a thread that forks. It lives as long as the Host: the kernel
// sends a child its parent death signal when the forking thread ends. A feeder
// hands the next request over while one is being carried out, so that the
// thread, which is costly to wake, goes on from one to the next.
type spawner struct {
	nest    *nest // nil: it forks from the common table
	settled chan bool
	fed     chan order
}

// order is a request, and where the answer goes.
type order struct {
	spawnRequest
	lent  []int       // what was sent to the thread, as numbered in the engine
	reply chan forked // takes one without anybody waiting
}

// forked is the answer to a request.
type forked struct {
	pid int
	at  time.Time
	err error
}

// addSpawner starts the thread and its feeder. Both end with h.orders.
func (h *Host) addSpawner() {
	s := &spawner{settled: make(chan bool, 1), fed: make(chan order)}
	if !h.config.noNest {
		s.nest, _ = newNest(h.lasting()...)
	}
	h.spawners.Go(s.run)
	if !<-s.settled && s.nest != nil {
		s.nest.close()
		s.nest = nil
	}
	h.spawners.Go(func() { s.feed(h.orders) })
}

// lasting lists the descriptors that children are given again and again.
func (h *Host) lasting() []int {
	list := []int{int(h.null.Fd())}
	if h.cells != nil {
		list = append(list, int(h.cells.shared.Fd()))
	}
	return list
}

// feed hands orders to the thread, their descriptors first.
func (s *spawner) feed(orders <-chan order) {
	for o := range orders {
		if s.nest != nil {
			o.lent = o.spawnRequest.lent(s.nest.kept)
			if err := s.nest.send(o.lent); err != nil {
				o.reply <- forked{err: err}
				continue
			}
		}
		s.fed <- o
	}
	close(s.fed)
	if s.nest != nil {
		s.nest.close()
	}
}

// run forks. The thread, whose table of descriptors may be its own, ends with
// the goroutine and is never given to another.
func (s *spawner) run() {
	runtime.LockOSThread()
	if onMainThread() {
		// The kernel shows this thread's table as the process's, and the
		// thread would not end. Another one is taken while it is held.
		defer runtime.UnlockOSThread()
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.run()
		}()
		<-done
		return
	}
	nested := s.nest != nil && s.nest.settle() == nil
	s.settled <- nested
	for o := range s.fed {
		o.reply <- s.fork(o, nested)
	}
}

// fork starts one child.
func (s *spawner) fork(o order, nested bool) forked {
	var got []int
	if nested {
		var err error
		if got, err = s.nest.receive(len(o.lent)); err != nil {
			return forked{err: err}
		}
		defer s.nest.release(got)
	}
	o.adopt(o.lent, got)
	at := time.Now()
	pid, err := syscall.ForkExec(o.path, o.argv, &o.attr)
	return forked{pid: pid, at: at, err: err}
}

// fork starts the child of a tree.
func (h *Host) fork(request spawnRequest, p *Process) error {
	return h.forkAs(request, p, func() {
		h.mu.Lock()
		h.trees = append(h.trees, p.tree)
		h.mu.Unlock()
	})
}

// forkAs starts a child and enters it everywhere before anybody can take its
// exit status. enter is called when its pid is known.
func (h *Host) forkAs(request spawnRequest, p *Process, enter func()) error {
	ticket := everyone.fork()
	o := order{spawnRequest: request, reply: make(chan forked, 1)}
	h.orders <- o
	child := <-o.reply
	if child.err != nil {
		everyone.registered(ticket, nil)
		return child.err
	}
	p.pid, p.started = child.pid, child.at
	enter()
	everyone.registered(ticket, p)
	h.wait.add(p)
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
	p.tree.lasting = mayOwn
	request := spawnRequest{path: path, argv: command.Argv, attr: syscall.ProcAttr{
		Dir:   command.Dir,
		Env:   command.environment(h.config.Life, run),
		Files: files,
		Sys:   attributes(command, owner),
	}}
	if err := h.inCgroup(request, p, mayOwn); err != nil {
		return nil, command.explain(path, err)
	}
	return p, nil
}

// refused is the error of a command that cannot be started as it is written.
func refused(err error) error { return &StartError{Reason: err.Error(), Err: err} }

// inCgroup starts the child in its cgroup. Where that fails and a start
// without one works, the cgroup was at fault, and none is used again.
func (h *Host) inCgroup(request spawnRequest, p *Process, mayOwn bool) error {
	dir := h.cells.enter(p, mayOwn)
	request.cgroup = dir
	err := h.fork(request, p)
	h.cells.entered(p, dir)
	if dir == nil || err == nil {
		return err
	}
	h.cells.discard(p.tree.cell)
	p.tree.cell = nil
	if !cgroupError(err) {
		return err
	}
	request.cgroup = nil
	if err = h.fork(request, p); err == nil && h.cells.giveUp() {
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
