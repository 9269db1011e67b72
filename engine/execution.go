package engine

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/syndicate/syndicate/engine/log"
	"github.com/syndicate/syndicate/engine/process"
)

// execution is one process of one run, with its output.
type execution struct {
	proc    *process.Process
	capture *log.Capture
}

// drainWait bounds how long a finished run waits for its output to be read
// to the end; whoever holds the pipes after that is no process of ours.
const drainWait = 2 * time.Second

// execute starts a command with its output attached to a log. Whatever the
// error, nothing is left behind; a second attempt would fail the same way
// where permanent is true. prepare may change the command before it starts.
// Where the disk of the log does not answer it waits for that, until ctx ends.
func (s *site) execute(ctx context.Context, cmd *process.Command, out *log.Log, prepare func(*log.Capture) error) (x *execution, permanent bool, err error) {
	capture, err := out.Attach(ctx)
	if err != nil {
		return nil, false, err
	}
	if err := prepare(capture); err != nil {
		closeBoth(capture)
		_ = capture.Close()
		return nil, true, err
	}
	cmd.Stdout, cmd.Stderr = capture.Stdout, capture.Stderr
	proc, err := s.host.Start(*cmd)
	if err != nil {
		_ = capture.Close()
		_, ok := errors.AsType[*process.StartError](err)
		return nil, ok && !passing(err), err
	}
	return &execution{proc, capture}, false, nil
}

// passing reports whether a start failed for want of something that may be
// there a moment later.
func passing(err error) bool {
	for _, e := range []syscall.Errno{
		syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE, syscall.ETXTBSY, syscall.EINTR,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func closeBoth(c *log.Capture) {
	c.Stdout.Close()
	c.Stderr.Close()
}

// stop ends the process and its tree: by sig, and after timeout, or as soon
// as hurry is closed, by SIGKILL. It returns once nothing is left, or names
// what cannot be killed.
func (x *execution) stop(sig syscall.Signal, timeout time.Duration, hurry <-chan struct{}) error {
	gone := make(chan struct{})
	hurried := make(chan struct{})
	go func() {
		defer close(hurried)
		select {
		case <-hurry:
			_, _ = x.proc.Stop(syscall.SIGKILL, 0)
		case <-gone:
		}
	}()
	_, err := x.proc.Stop(sig, timeout)
	close(gone)
	<-hurried
	x.drain()
	return err
}

// end clears away what a process that ended by itself left behind.
func (x *execution) end() error {
	err := x.proc.End()
	x.drain()
	return err
}

// drain waits until all output is in the file, or the disk does not answer: the
// log says so itself, and writes the rest when it does.
func (x *execution) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), drainWait)
	defer cancel()
	_ = x.capture.Wait(ctx)
	_ = x.capture.Close()
}

// exited is the outcome of a process that ended by itself.
func exited(e process.Exit) Outcome {
	why := e.String()
	switch e.Code { // POSIX, Shell Command Language, 2.8.2
	case 126:
		why += ", a shell's for a program that it cannot execute"
	case 127:
		why += ", a shell's for a program that it cannot find"
	}
	return Outcome{Err: errors.New(why), Exit: e.String(), Clean: e.Success()}
}

// signals that a person may send by do.
var signals = map[string]syscall.Signal{
	"SIGTERM": syscall.SIGTERM, "SIGINT": syscall.SIGINT, "SIGQUIT": syscall.SIGQUIT,
	"SIGHUP": syscall.SIGHUP, "SIGKILL": syscall.SIGKILL, "SIGUSR1": syscall.SIGUSR1,
	"SIGUSR2": syscall.SIGUSR2, "SIGABRT": syscall.SIGABRT, "SIGALRM": syscall.SIGALRM,
	"SIGCONT": syscall.SIGCONT, "SIGWINCH": syscall.SIGWINCH,
}

// signalNamed returns the signal, which validation has checked. One that this
// system does not have is SIGTERM.
func signalNamed(name string) syscall.Signal {
	if sig := unix.SignalNum(name); sig != 0 {
		return sig
	}
	return syscall.SIGTERM
}

// permanent is the outcome of what would fail the same way again.
func permanent(verb string, err error) Outcome {
	return Outcome{Err: fmt.Errorf("%s: %w", verb, err), Permanent: true}
}
