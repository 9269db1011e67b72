package process

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// nest is the pair of sockets that leads into a forking thread's table.
type nest struct {
	outside int // in the engine's table
	inside  int // in the thread's, once it has settled

	// kept are the engine's descriptors that have the same numbers in the
	// thread's table, for good.
	kept []int
}

// onMainThread reports whether the calling thread is the process's first.
func onMainThread() bool { return unix.Gettid() == unix.Getpid() }

// newNest makes the sockets, in the engine's table. What is kept stays open
// as long as the nest is used.
func newNest(kept ...int) (*nest, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make a socket for descriptors: %w", err)
	}
	return &nest{outside: pair[0], inside: pair[1], kept: kept}, nil
}

// settle gives the calling thread, which has to be locked and must end with
// its goroutine, a table of its own, without what it has no use for.
func (n *nest) settle() error {
	if err := unix.Unshare(unix.CLONE_FILES); err != nil {
		return fmt.Errorf("take a table of descriptors: %w", err)
	}
	dir, err := unix.Open("/proc/thread-self/fd", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil // a table of its own all the same, if not a small one
	}
	var names []string
	buf := make([]byte, 8<<10)
	for {
		size, err := unix.ReadDirent(dir, buf)
		if err != nil || size <= 0 {
			break
		}
		_, _, names = unix.ParseDirent(buf[:size], -1, names)
	}
	_ = unix.Close(dir)
	for _, name := range names {
		fd, err := strconv.Atoi(name)
		if err == nil && fd > 2 && fd != dir && fd != n.inside && !slices.Contains(n.kept, fd) && !runtimes(name) {
			_ = unix.Close(fd)
		}
	}
	return nil
}

// runtimes reports whether a descriptor may be the Go runtime's: its poller
// and what wakes that are used by every thread.
func runtimes(name string) bool {
	target := make([]byte, 64)
	size, err := unix.Readlink("/proc/thread-self/fd/"+name, target)
	return err != nil || strings.HasPrefix(string(target[:size]), "anon_inode:")
}

// send hands descriptors of the engine's table over.
func (n *nest) send(fds []int) error {
	if len(fds) == 0 {
		return nil
	}
	for {
		err := unix.Sendmsg(n.outside, []byte{0}, unix.UnixRights(fds...), nil, 0)
		if err != unix.EINTR {
			return err
		}
	}
}

// receive takes so many of them, on the thread.
func (n *nest) receive(count int) ([]int, error) {
	if count == 0 {
		return nil, nil
	}
	var one [1]byte
	oob := make([]byte, unix.CmsgSpace(8*4))
	for {
		_, size, flags, _, err := unix.Recvmsg(n.inside, one[:], oob, unix.MSG_CMSG_CLOEXEC)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		var fds []int
		if messages, err := unix.ParseSocketControlMessage(oob[:size]); err == nil && len(messages) == 1 {
			fds, _ = unix.ParseUnixRights(&messages[0])
		}
		if len(fds) != count || flags&unix.MSG_CTRUNC != 0 {
			n.release(fds)
			return nil, fmt.Errorf("too few descriptors: the limit of open files is reached: %w", unix.EMFILE)
		}
		return fds, nil
	}
}

// release closes what a child was given, on the thread.
func (n *nest) release(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}

// close closes both ends in the engine's table; the thread's go with the
// thread.
func (n *nest) close() {
	_ = unix.Close(n.outside)
	_ = unix.Close(n.inside)
}
