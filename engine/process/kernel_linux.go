package process

import (
	"errors"
	"fmt"
	"math"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rssUnit turns the kernel's ru_maxrss into bytes.
const rssUnit = 1024

// becomeReaper makes orphaned descendants children of this process.
func becomeReaper() (self, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return self{}, fmt.Errorf("become the reaper of orphans: %w", err)
	}
	me := self{pid: os.Getpid(), pgid: syscall.Getpgrp()}
	me.reaper = me.pid
	if sid, err := unix.Getsid(0); err == nil {
		me.sid = sid
	}
	return me, nil
}

// ownProgram is the path of this program, also where the file has been
// replaced or its directory may not be entered.
func ownProgram() (string, error) { return "/proc/self/exe", nil }

func withDeathSignal(attr *syscall.SysProcAttr, sig syscall.Signal) *syscall.SysProcAttr {
	attr.Pdeathsig = sig
	return attr
}

func intoCgroup(attr *syscall.SysProcAttr, dir int) *syscall.SysProcAttr {
	with := *attr
	with.UseCgroupFD, with.CgroupFD = true, dir
	return &with
}

// cgroupError reports whether a fork may have failed on account of the
// cgroup: no permission, no such call, or one that takes no processes.
func cgroupError(err error) bool {
	for _, errno := range []syscall.Errno{
		syscall.EACCES, syscall.EPERM, syscall.ENOSYS, syscall.EINVAL, syscall.EBUSY,
		syscall.EOPNOTSUPP, syscall.ENODEV, syscall.EBADF, syscall.E2BIG,
	} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// descriptorsPerTree is how many a tree takes while it starts: a pidfd, and
// two pipes with both their ends.
const descriptorsPerTree = 5

// makeRoom has the table of descriptors grown for so many more, as far as the
// limit allows. Left to itself it doubles whenever it is full, and each time
// whoever wants a descriptor waits for an RCU grace period: some milliseconds
// in which nothing starts. See expand_files in Linux's fs/file.c.
func makeRoom(any *os.File, count int) {
	const others = 128
	most := count + others
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		most = min(most, int(min(limit.Cur, math.MaxInt32))-1)
	}
	if fd, err := unix.FcntlInt(any.Fd(), unix.F_DUPFD_CLOEXEC, most); err == nil {
		unix.Close(fd)
	}
}

// waiter waits for all leaders with one epoll descriptor, which itself is
// waited for by the runtime's poller: no goroutine and no thread per process.
type waiter struct {
	host   *Host
	file   *os.File
	fd     int
	pidfds bool
}

func newWaiter(h *Host) (*waiter, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("open a descriptor to wait for processes: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("open a descriptor to wait for processes: %w", err)
	}
	w := &waiter{host: h, fd: fd, file: os.NewFile(uintptr(fd), "epoll"), pidfds: !h.config.noDescriptors && pidfdsWork()}
	h.loops.Go(w.loop)
	return w, nil
}

// pidfdsWork tries what this package needs of them: signalling.
func pidfdsWork() bool {
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return unix.PidfdSendSignal(fd, 0, nil, 0) == nil
}

// descriptors reports whether leaders are forked with one.
func (w *waiter) descriptors() bool { return w.pidfds }

// loop reaps leaders as their descriptors become readable.
func (w *waiter) loop() {
	raw, err := w.file.SyscallConn()
	if err != nil {
		return
	}
	events := make([]unix.EpollEvent, 64)
	_ = raw.Read(func(fd uintptr) bool {
		for {
			n, err := unix.EpollWait(int(fd), events, 0)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if n <= 0 {
				return false
			}
			for _, event := range events[:n] {
				if p := everyone.leader(int(event.Fd)); p != nil {
					p.reap()
				}
			}
		}
	})
}

// add watches a leader through a descriptor. It hears of the end once: a
// leader under a debugger shows as ended before it can be reaped, and is then
// left to the reaper.
func (w *waiter) add(p *Process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return
	}
	// The leader is not reaped, so its number cannot be another's.
	fd := -1
	if w.pidfds {
		fd, _ = unix.PidfdOpen(p.pid, 0)
	}
	if fd < 0 {
		poke(w.host.orphans)
		return
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(p.pid)}
	if err := unix.EpollCtl(w.fd, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		unix.Close(fd) // the reaper sees the leader's end as well
		return
	}
	p.pidfd = fd
}

// remove gives the descriptor back; p.mu is held. Closing alone would not
// do: a child being forked has a copy for a moment.
func (w *waiter) remove(p *Process) {
	if p.pidfd < 0 {
		return
	}
	_ = unix.EpollCtl(w.fd, unix.EPOLL_CTL_DEL, p.pidfd, nil)
	unix.Close(p.pidfd)
	p.pidfd = -1
}

func (w *waiter) close() { w.file.Close() }

// childInfo is the kernel's siginfo_t for a child, as far as read here.
type childInfo struct {
	signo, errno, code int32
	_                  [0]uintptr // what follows is aligned as a pointer
	pid                int32
	_                  [128]byte
}

// peekChild returns the pid of one dead child, which stays in the table, or
// 0 without one.
func peekChild() int {
	for {
		var info childInfo
		_, _, errno := syscall.Syscall6(unix.SYS_WAITID, unix.P_ALL, 0, uintptr(unsafe.Pointer(&info)),
			unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, 0, 0)
		switch errno {
		case 0:
			return int(info.pid)
		case syscall.EINTR:
			continue
		}
		return 0
	}
}

// reapOrphans takes all dead children that nobody else waits for.
func (h *Host) reapOrphans() {
	for pid := peekChild(); pid != 0; pid = peekChild() {
		switch h.reapChild(pid) {
		case taken:
			continue
		case foreign:
			h.reapAround()
		case deferred:
		}
		return
	}
}

// reapAround is for a list of dead children that begins with one that is
// not ours: the kernel shows only the first, so the rest is looked up.
func (h *Host) reapAround() {
	h.reapLeaders()
	census, err := wholeTable(h.self)
	if err != nil {
		return
	}
	for _, e := range census {
		if e.dead && e.ppid == h.self.pid {
			h.reapChild(e.pid)
		}
	}
}

// signalExactly signals a process if it still is the one that was seen.
func signalExactly(e entry, sig syscall.Signal) error {
	fd, err := unix.PidfdOpen(e.pid, 0)
	if err != nil {
		if errors.Is(err, unix.ESRCH) {
			return err
		}
		if now, ok := lookAt(e.pid); !ok || now.start != e.start {
			return syscall.ESRCH
		}
		return syscall.Kill(e.pid, sig)
	}
	defer unix.Close(fd)
	if now, ok := lookAt(e.pid); !ok || now.start != e.start {
		return syscall.ESRCH
	}
	err = unix.PidfdSendSignal(fd, sig, nil, 0)
	if errors.Is(err, unix.ENOSYS) {
		return syscall.Kill(e.pid, sig)
	}
	return err
}
