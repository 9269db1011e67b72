package pg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// RunningError says that another server is running on the data directory.
type RunningError struct {
	Dir string
	PID int
}

func (e *RunningError) Error() string {
	return fmt.Sprintf("open %s: a PostgreSQL server is running on it (process %d); "+
		"if it is left from an engine that died, `syndicate down` or `kill -INT %d` ends it in good order", e.Dir, e.PID, e.PID)
}

// StaleError says that processes of a server that was killed have not ended.
// Starting another beside them would destroy the data, so nobody does.
type StaleError struct {
	Dir  string
	PIDs []int
}

func (e *StaleError) Error() string {
	var pids []string
	for _, pid := range e.PIDs {
		pids = append(pids, strconv.Itoa(pid))
	}
	list := strings.Join(pids, " ")
	return fmt.Sprintf("open %s: its server was killed, and processes of that server still hold the data (%s); "+
		"they end with the statement they run, or by: kill -QUIT %s", e.Dir, list, list)
}

// settle waits until nothing runs on the data directory: after a kill -9 of
// the server its backends live on for moments, or for as long as a statement
// takes. A server that is alive is an error at once.
func (s *Server) settle(ctx context.Context) error {
	start := time.Now()
	told := false
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		pid := s.postmasterPID()
		users, known := processesIn(s.dataDir)
		if len(users) == 0 {
			return s.forgetReused(pid, known)
		}
		if pid != 0 && slices.Contains(users, pid) {
			return &RunningError{Dir: s.dataDir, PID: pid}
		}
		if !told {
			what := "a process"
			if len(users) > 1 {
				what = fmt.Sprintf("%d processes", len(users))
			}
			s.cfg.Note("waiting for " + what + " of the server that was killed")
			told = true
		}
		if time.Since(start) > s.cfg.StaleWait {
			return &StaleError{Dir: s.dataDir, PIDs: users}
		}
		timer.Reset(RetryAfter(time.Since(start)))
		select {
		case <-ctx.Done():
			return fmt.Errorf("open %s: %w", s.dataDir, context.Cause(ctx))
		case <-timer.C:
		}
	}
}

// forgetReused removes a postmaster.pid whose process id now belongs to
// something else: PostgreSQL would refuse to start because of it. That
// happens wherever ids begin anew, as in a container. The state directory is
// locked, so no other engine runs this server; known says that the processes
// of the data directory could be looked at.
func (s *Server) forgetReused(pid int, known bool) error {
	if pid == 0 || !known || !alive(pid) {
		return nil
	}
	s.cfg.Note(fmt.Sprintf("removing a stale postmaster.pid: process %d is not PostgreSQL", pid))
	err := os.Remove(filepath.Join(s.dataDir, "postmaster.pid"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// postmasterPID returns the process id that the server wrote, 0 without one.
func (s *Server) postmasterPID() int {
	text, err := os.ReadFile(filepath.Join(s.dataDir, "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}

// RetryAfter returns how long to wait before looking again: 4 % of the time
// that has passed, at least a millisecond, at most a quarter of a second. So
// what is awaited is seen soon after it comes, whenever that is.
func RetryAfter(elapsed time.Duration) time.Duration {
	return min(max(elapsed/25, time.Millisecond), 250*time.Millisecond)
}
