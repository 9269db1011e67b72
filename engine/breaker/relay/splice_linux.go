package relay

import "golang.org/x/sys/unix"

const (
	// pipeSize is how much is spliced at a time, in bytes.
	pipeSize = 256 << 10
	// maxPipes is how many empty pipes a loop keeps.
	maxPipes = 8
)

// pipe is where what is spliced rests: splice(2) needs one between two
// sockets.
type pipe struct {
	r, w int
	n    int // bytes in it
}

// emptyPipe returns one that a loop has kept, or a new one; nil where there
// are no descriptors for it.
func (l *loop) emptyPipe() *pipe {
	if n := len(l.pipes); n > 0 {
		p := l.pipes[n-1]
		l.pipes = l.pipes[:n-1]
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
func (l *loop) keepPipe(p *pipe) {
	if len(l.pipes) >= maxPipes {
		p.close()
		return
	}
	l.pipes = append(l.pipes, p)
}

func (p *pipe) close() { _, _ = unix.Close(p.r), unix.Close(p.w) }

// splice moves what there is to read into a pipe, and from there on.
func (w *way) splice(l *loop) error {
	p := l.emptyPipe()
	if p == nil {
		w.bulk = false
		return nil
	}
	n, errno := splice(w.from.fd, p.w, pipeSize)
	// It may be fewer bytes than there are: pages that are not full take as
	// much room in a pipe. So only EAGAIN says that there are no more.
	if !w.arrived(n, n, errno) {
		l.keepPipe(p)
		w.bulk = w.bulk && errno != unix.EAGAIN
		return failure(errno)
	}
	w.bulk = n >= bufferSize/4
	p.n, w.pipe = n, p
	return w.drain(l)
}

// drain moves what is in the pipe on.
func (w *way) drain(l *loop) error {
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
	l.keepPipe(p)
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
