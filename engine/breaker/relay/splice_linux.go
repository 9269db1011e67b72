package relay

import "golang.org/x/sys/unix"

const (
	// pipeSize is how much is spliced at a time, in bytes.
	pipeSize = 256 << 10
	// maxPipes is how many empty pipes a worker keeps.
	maxPipes = 8
)

// pipe is where what is spliced rests: splice(2) needs one between two
// sockets.
type pipe struct {
	r, w int
	n    int // bytes in it
}

// emptyPipe returns one that a worker has kept, or a new one; nil where there
// are no descriptors for it.
func (by *worker) emptyPipe() *pipe {
	if n := len(by.pipes); n > 0 {
		p := by.pipes[n-1]
		by.pipes = by.pipes[:n-1]
		return p
	}
	var fds [2]int
	if unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK) != nil {
		return nil
	}
	// A pipe may be refused to be larger: then it moves less at a time.
	_, _ = unix.FcntlInt(uintptr(fds[0]), unix.F_SETPIPE_SZ, pipeSize)
	return &pipe{r: fds[0], w: fds[1]}
}

// keepPipe takes an empty one back.
func (by *worker) keepPipe(p *pipe) {
	if len(by.pipes) >= maxPipes {
		p.close()
		return
	}
	by.pipes = append(by.pipes, p)
}

func (p *pipe) close() { _, _ = unix.Close(p.r), unix.Close(p.w) }

// splice moves what there is to read into a pipe, and from there on.
func (w *way) splice(by *worker) error {
	p := by.emptyPipe()
	if p == nil {
		w.bulk = false
		return nil
	}
	n, errno := splice(w.from.fd, p.w, pipeSize)
	// It may be fewer bytes than there are: pages that are not full take as
	// much room in a pipe. So only EAGAIN says that there are no more.
	if !w.arrived(n, n, errno) {
		by.keepPipe(p)
		w.bulk = w.bulk && errno != unix.EAGAIN
		return failure(errno)
	}
	w.bulk = n >= bufferSize/4
	p.n, w.pipe = n, p
	return w.drain(by)
}

// drain moves what is in the pipe on.
func (w *way) drain(by *worker) error {
	p := w.pipe
	for p.n > 0 {
		n, errno := splice(p.r, w.to.fd, p.n)
		if errno != 0 {
			w.to.writable = errno != unix.EAGAIN
			return failure(errno)
		}
		p.n -= n
	}
	w.pipe = nil
	by.keepPipe(p)
	return nil
}

func splice(from, to, most int) (int, unix.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_SPLICE, uintptr(from), 0, uintptr(to), 0, uintptr(most), unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		switch errno {
		case 0:
			return int(n), 0
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}
