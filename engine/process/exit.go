package process

import (
	"fmt"
	"syscall"
	"time"
)

// Exit tells how the leader of a tree ended.
type Exit struct {
	Code     int            // exit status, -1 where a signal ended it or nobody knows
	Signal   syscall.Signal // that ended it, 0 where it exited by itself
	CoreDump bool
	Unknown  bool // somebody else in this program reaped it: the status is lost
	At       time.Time
	User     time.Duration // CPU time of the leader and the children that it waited for
	System   time.Duration
	MaxRSS   int64 // bytes, the highest of the leader and the children that it waited for
}

// Success reports whether the leader exited by itself with status 0.
func (e Exit) Success() bool { return e.Code == 0 && e.Signal == 0 && !e.Unknown }

// String says it in words: "exit status 1", "signal: killed (core dumped)".
func (e Exit) String() string {
	switch {
	case e.Unknown:
		return "exit status unknown"
	case e.Signal != 0 && e.CoreDump:
		return fmt.Sprintf("signal: %s (core dumped)", e.Signal)
	case e.Signal != 0:
		return fmt.Sprintf("signal: %s", e.Signal)
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

// exitOf turns a wait status into an Exit.
func exitOf(status syscall.WaitStatus, usage *syscall.Rusage, at time.Time) Exit {
	exit := Exit{Code: -1, At: at}
	switch {
	case status.Exited():
		exit.Code = status.ExitStatus()
	case status.Signaled():
		exit.Signal = status.Signal()
		exit.CoreDump = status.CoreDump()
	}
	if usage != nil {
		exit.User = time.Duration(usage.Utime.Nano())
		exit.System = time.Duration(usage.Stime.Nano())
		exit.MaxRSS = int64(usage.Maxrss) * rssUnit
	}
	return exit
}
