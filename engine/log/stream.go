package log

import (
	"bytes"
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// stream reads one pipe, in a goroutine of its own, which ends with it. It
// waits without a buffer.
type stream struct {
	capture *Capture
	kind    Stream
	pipe    *os.File
	raw     syscall.RawConn
	ready   func(fd uintptr) bool // tryRead, made once

	buf      []byte // nil while the stream rests
	n        int    // bytes of an unfinished line at the start of buf
	held     []byte // the unfinished line, while the stream rests
	lastRead time.Time
	armed    bool // a read deadline is set

	got     int // what the last read brought
	gotErr  error
	busy    int  // reads in a row that brought much
	grown   bool // it may use big buffers
	closing atomic.Bool

	within bool // its last bytes were an unfinished line; guarded by log.mu
}

// A stream that is much written to gets a bigger buffer and a bigger pipe:
// after busyReads reads in a row that brought at least busyRead bytes. That is
// less than what a pipe holds, since a process that writes in blocks of nearly
// that size waits for us after each of them, and never fills it.
const (
	busyReads = 4
	busyRead  = smallBuffer / 2
)

func (s *stream) init(pipe *os.File) (err error) {
	s.pipe = pipe
	s.raw, err = pipe.SyscallConn()
	s.ready = s.tryRead
	return err
}

func (s *stream) run() {
	defer s.capture.streamEnded()
	defer func() { _ = s.pipe.Close() }()
	for {
		err := s.raw.Read(s.ready)
		switch {
		case err == nil && s.gotErr == nil && s.got > 0:
			s.take()
		case errors.Is(err, os.ErrDeadlineExceeded) && s.closing.Load():
			s.drain()
			s.finish()
			return
		case errors.Is(err, os.ErrDeadlineExceeded):
			s.arm(time.Time{})
			if time.Since(s.lastRead) >= Quiet {
				s.flush()
			}
		default: // the end, or a pipe that cannot be read any more
			s.finish()
			return
		}
	}
}

// tryRead reads what is there. It reports false where nothing is, having
// made the stream ready for a long wait.
func (s *stream) tryRead(fd uintptr) bool {
	s.wake()
	for {
		s.got, s.gotErr = syscall.Read(int(fd), s.buf[s.n:])
		if s.gotErr != syscall.EINTR {
			break
		}
	}
	if s.gotErr == syscall.EAGAIN {
		s.rest()
		return false
	}
	if s.gotErr == nil && s.got >= busyRead {
		if s.busy++; s.busy == busyReads && !s.grown && s.capture.log.buffers.grow() {
			s.grown = true
			growPipe(fd, bigPipe)
		}
	} else {
		s.busy = 0
	}
	return true
}

// wake gets a buffer and puts the unfinished line back into it.
func (s *stream) wake() {
	big := s.grown && s.busy >= busyReads
	if s.buf != nil && (!big || len(s.buf) == bigBuffer) {
		return
	}
	buffers := s.capture.log.buffers
	buf := buffers.get(big)
	if s.buf != nil {
		copy(buf, s.buf[:s.n])
		buffers.put(s.buf)
	} else {
		s.n = copy(buf, s.held)
		s.held = nil
	}
	s.buf = buf
}

// rest gives the buffer back before a wait. An unfinished line is kept, and
// waits for no longer than Quiet.
func (s *stream) rest() {
	if s.n > 0 {
		s.held = bytes.Clone(s.buf[:s.n])
		s.arm(time.Now().Add(Quiet))
	} else if s.armed {
		s.arm(time.Time{})
	}
	s.capture.log.buffers.put(s.buf)
	s.buf, s.n = nil, 0
}

// arm sets the read deadline, or takes it away. A stream that is being
// stopped keeps the one that stop set.
func (s *stream) arm(t time.Time) {
	s.armed = !t.IsZero()
	_ = s.pipe.SetReadDeadline(t)
	if s.closing.Load() {
		_ = s.pipe.SetReadDeadline(past())
	}
}

// stop makes run drain the pipe and return.
func (s *stream) stop() {
	s.closing.Store(true)
	_ = s.pipe.SetReadDeadline(past())
}

func past() time.Time { return time.Unix(1, 0) }

// take writes the whole lines that stand in the buffer and keeps the rest. A
// line that fills MaxLine is written as it is.
func (s *stream) take() {
	s.lastRead = time.Now()
	end := s.n + s.got
	whole := bytes.LastIndexByte(s.buf[s.n:end], '\n') + 1
	if whole > 0 {
		whole += s.n
		s.capture.log.write(s, s.buf[:whole])
		end = copy(s.buf, s.buf[whole:end])
	}
	if end >= MaxLine {
		s.capture.log.write(s, s.buf[:end])
		end = 0
	}
	s.n = end
}

// flush writes the unfinished line.
func (s *stream) flush() {
	line := s.held
	if s.buf != nil {
		line = s.buf[:s.n]
	}
	if len(line) > 0 {
		s.capture.log.write(s, line)
	}
	s.held, s.n = nil, 0
}

// drain takes what stands in the pipe, and no more than a pipe can hold, so
// that whoever still writes to it cannot keep it open.
func (s *stream) drain() {
	_ = s.raw.Control(func(fd uintptr) {
		for total := 0; total < bigPipe; total += s.got {
			if !s.tryRead(fd) || s.gotErr != nil || s.got <= 0 {
				return
			}
			s.take()
		}
	})
}

// finish writes what is left and gives everything back.
func (s *stream) finish() {
	s.flush()
	buffers := s.capture.log.buffers
	if s.buf != nil {
		buffers.put(s.buf)
		s.buf = nil
	}
	if s.grown {
		buffers.shrink()
	}
}
