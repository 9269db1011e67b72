package process

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const long = 20 * time.Second

func TestStopEndsTheWholeTree(t *testing.T) {
	tests := []struct {
		mode    string
		ready   int
		timeout time.Duration
	}{
		{"run", 1, long},
		{"tree", 3, long},
		{"daemon", 2, long},
		{"silent", 0, long},
		{"orphans:20", 1, long},
		{"stubborn", 1, 50 * time.Millisecond},
		{"stubborntree", 3, 50 * time.Millisecond},
	}
	eachMode(t, func(t *testing.T, h *Host) {
		for _, test := range tests {
			t.Run(test.mode, func(t *testing.T) {
				s, pids := launch(t, h, test.mode, test.ready)
				exit, err := s.Stop(syscall.SIGTERM, test.timeout)
				if err != nil {
					t.Fatal(err)
				}
				if test.timeout == long && !exit.Success() && test.mode != "silent" {
					t.Errorf("exit: %v", exit)
				}
				allDead(t, pids)
				again, err := s.Stop(syscall.SIGTERM, test.timeout)
				if err != nil || again != exit {
					t.Errorf("a second Stop: %v, %v", again, err)
				}
				if err := s.Signal(syscall.SIGTERM); !errors.Is(err, ErrEnded) {
					t.Errorf("Signal after the end: %v", err)
				}
			})
		}
	})
}

// A leader that ends at once on SIGTERM leaves a stubborn child in a
// session of its own: it is told, and killed when the timeout is over.
func TestStopGivesTheRestOfTheTreeItsTimeout(t *testing.T) {
	eachMode(t, func(t *testing.T, h *Host) {
		s, pids := launch(t, h, "stubborntree", 3)
		begin := time.Now()
		if _, err := s.Stop(syscall.SIGTERM, 100*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took < 100*time.Millisecond {
			t.Errorf("it was killed after %s, before its timeout", took)
		}
		allDead(t, pids)
	})
}

func TestStopContinuesAStoppedProcess(t *testing.T) {
	h := open(t, Config{})
	s, pids := launch(t, h, "run", 1)
	if err := s.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if exit, err := s.Stop(syscall.SIGTERM, long); err != nil || !exit.Success() {
		t.Errorf("exit %v, error %v", exit, err)
	}
	allDead(t, pids)
}

// What a crashed leader left behind is asked to end, and need not be killed.
func TestStopAfterACrashAsksTheRest(t *testing.T) {
	eachMode(t, func(t *testing.T, h *Host) {
		s, pids := launch(t, h, "treecrash", 3)
		<-s.Done()
		begin := time.Now()
		exit, err := s.Stop(syscall.SIGTERM, long)
		if err != nil || exit.Code != 3 {
			t.Errorf("exit %v, error %v", exit, err)
		}
		if time.Since(begin) >= long {
			t.Error("the rest of the tree was not asked to end")
		}
		allDead(t, pids)
	})
}

// Whoever waits for what does not die gets an error that names it, and the
// tree counts as gone as soon as it is.
func TestStuckProcesses(t *testing.T) {
	h := open(t, Config{KillWait: time.Nanosecond})
	s, pids := launch(t, h, "stubborntree", 3)
	_, err := s.Stop(syscall.SIGTERM, time.Millisecond)
	var stuck *StuckError
	if err != nil && (!errors.As(err, &stuck) || stuck.Unit != "service.test") {
		t.Errorf("error %v", err)
	}
	<-s.Gone()
	allDead(t, pids)
	if err := s.End(); err != nil {
		t.Errorf("End of what is gone: %v", err)
	}
	h.config.KillWait = long // for the Close at the end of the test
}

func TestEndKillsWhatADeadLeaderLeft(t *testing.T) {
	eachMode(t, func(t *testing.T, h *Host) {
		s, pids := launch(t, h, "treecrash", 3)
		<-s.Done()
		if exit := s.Exit(); exit.Code != 3 || exit.String() != "exit status 3" {
			t.Errorf("exit: %v", exit)
		}
		if err := s.End(); err != nil {
			t.Fatal(err)
		}
		allDead(t, pids)
	})
}

func TestKillOfTheLeaderLeavesNothing(t *testing.T) {
	eachMode(t, func(t *testing.T, h *Host) {
		for _, mode := range []struct {
			name  string
			ready int
		}{{"tree", 3}, {"daemon", 2}, {"stubborntree", 3}} {
			s, pids := launch(t, h, mode.name, mode.ready)
			if err := syscall.Kill(s.PID(), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			<-s.Done()
			exit := s.Exit()
			if exit.Signal != syscall.SIGKILL || exit.Code != -1 || exit.String() != "signal: killed" {
				t.Errorf("%s: exit %v", mode.name, exit)
			}
			if err := s.End(); err != nil {
				t.Fatalf("%s: %v", mode.name, err)
			}
			allDead(t, pids)
		}
	})
}

func TestDeathOfAChildDoesNotEndTheLeader(t *testing.T) {
	eachMode(t, func(t *testing.T, h *Host) {
		s, pids := launch(t, h, "tree", 3)
		for _, pid := range pids {
			if pid != s.PID() {
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		select {
		case <-s.Done():
			t.Fatalf("the leader ended: %v", s.Exit())
		default:
		}
		if exit, err := s.Stop(syscall.SIGTERM, long); err != nil || !exit.Success() {
			t.Errorf("exit %v, error %v", exit, err)
		}
	})
}

// A daemon with an environment of its own has no mark. Its own cgroup tells
// whose it is; elsewhere it ends with the Host.
func TestDaemonWithAClearedEnvironment(t *testing.T) {
	eachMode(t, func(t *testing.T, h *Host) {
		s, pids := launch(t, h, "cleared", 2)
		if _, err := s.Stop(syscall.SIGTERM, long); err != nil {
			t.Fatal(err)
		}
		if s.tree.cell != nil {
			allDead(t, pids)
		}
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		allDead(t, pids)
	})
}

// Whoever shows no mark belongs to the unit of the ancestor that does.
func TestUnitOfAProcess(t *testing.T) {
	eachMode(t, func(t *testing.T, h *Host) {
		_, pids := launch(t, h, "bare", 4)
		for _, pid := range pids {
			if unit, ok := h.UnitOf(pid); unit != "service.test" || !ok {
				t.Errorf("process %d belongs to %q, %v", pid, unit, ok)
			}
		}
		for _, pid := range []int{-1, 0, 1, os.Getpid(), os.Getppid(), 1 << 30} {
			if unit, ok := h.UnitOf(pid); ok {
				t.Errorf("process %d belongs to %q", pid, unit)
			}
		}
	})
}

func TestForksDuringTheKill(t *testing.T) {
	eachMode(t, func(t *testing.T, h *Host) {
		s, _ := launch(t, h, "forker:200", 3)
		if err := s.End(); err != nil {
			t.Fatal(err)
		}
		left, err := FindByLife(h.config.Life)
		if err != nil || len(left) > 0 {
			t.Errorf("left: %v, error %v", left, err)
		}
	})
}

func TestConcurrentStopsOfOneProcess(t *testing.T) {
	eachMode(t, func(t *testing.T, h *Host) {
		s, pids := launch(t, h, "stubborntree", 3)
		var calls sync.WaitGroup
		for i := range 8 {
			calls.Go(func() {
				var err error
				if i%2 == 0 {
					_, err = s.Stop(syscall.SIGTERM, time.Duration(i)*20*time.Millisecond)
				} else {
					err = s.End()
				}
				if err != nil {
					t.Errorf("call %d: %v", i, err)
				}
				if s.Exit().At.IsZero() {
					t.Errorf("call %d returned before the leader had ended", i)
				}
			})
		}
		calls.Wait()
		allDead(t, pids)
	})
}

// Exit statuses arrive although orphans of other trees die all the time,
// and although other parts of this program have children of their own.
func TestExitStatusesAreNeverStolen(t *testing.T) {
	eachMode(t, func(t *testing.T, h *Host) {
		noise := make(chan struct{})
		var loops sync.WaitGroup
		loops.Go(func() {
			for {
				select {
				case <-noise:
					return
				default:
				}
				foreign := exec.Command("/bin/sh", "-c", "exit 7")
				var exit *exec.ExitError
				if err := foreign.Run(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
					t.Errorf("a child of os/exec: %v", err)
					return
				}
			}
		})
		churn, err := h.Start(helperCommand("orphans:100"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 40 {
			p, err := h.Start(Command{Argv: []string{"/bin/sh", "-c", fmt.Sprintf("exit %d", i+1)}})
			if err != nil {
				t.Fatal(err)
			}
			<-p.Done()
			if exit := p.Exit(); exit.Code != i+1 {
				t.Errorf("exit %v, want %d", exit, i+1)
			}
			if err := p.End(); err != nil {
				t.Error(err)
			}
		}
		close(noise)
		loops.Wait()
		if err := churn.End(); err != nil {
			t.Error(err)
		}
	})
}

// Dead orphans do not stay in the process table while their service runs.
func TestOrphansAreReapedWhileTheServiceRuns(t *testing.T) {
	eachMode(t, func(t *testing.T, h *Host) {
		s, _ := launch(t, h, "orphans:20", 1)
		deadline := time.Now().Add(long)
		for zombies := -1; zombies != 0; {
			census, err := wholeTable(h.self)
			if err != nil {
				t.Fatal(err)
			}
			zombies = 0
			for _, e := range census {
				if e.dead && e.ppid == h.self.pid && e.pgid != h.self.pgid {
					zombies++
				}
			}
			if zombies > 0 && time.Now().After(deadline) {
				t.Fatalf("%d orphans were never reaped", zombies)
			}
		}
		if exit, err := s.Stop(syscall.SIGTERM, long); err != nil || !exit.Success() {
			t.Errorf("exit %v, error %v", exit, err)
		}
	})
}

func TestManyConcurrentStartsAndStops(t *testing.T) {
	if _, err := os.Stat("/bin/sleep"); err != nil {
		t.Fatal(err)
	}
	eachMode(t, func(t *testing.T, h *Host) {
		var calls sync.WaitGroup
		for i := range 500 {
			calls.Go(func() {
				p, err := h.Start(Command{Unit: fmt.Sprintf("service.many[%d]", i), Argv: []string{"/bin/sleep", "1000"}})
				if err != nil {
					t.Error(err)
					return
				}
				exit, err := p.Stop(syscall.SIGTERM, long)
				if err != nil || exit.Signal != syscall.SIGTERM {
					t.Errorf("exit %v, error %v", exit, err)
				}
			})
		}
		calls.Wait()
		h.mu.Lock()
		defer h.mu.Unlock()
		if len(h.trees) != 0 || h.active != 0 {
			t.Errorf("on the books: %d trees, %d active", len(h.trees), h.active)
		}
	})
}

func TestCloseEndsEverything(t *testing.T) {
	eachMode(t, func(t *testing.T, h *Host) {
		var all []int
		for _, mode := range []struct {
			name  string
			ready int
		}{{"tree", 3}, {"stubborntree", 3}, {"daemon", 2}, {"treecrash", 3}} {
			_, pids := launch(t, h, mode.name, mode.ready)
			all = append(all, pids...)
		}
		var calls sync.WaitGroup
		for range 4 {
			calls.Go(func() {
				if err := h.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		allDead(t, all)
		if _, err := h.Start(helperCommand("run")); !errors.Is(err, ErrClosed) {
			t.Errorf("Start after Close: %v", err)
		}
		if h.cells != nil {
			if _, err := os.Stat(h.cells.dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the cgroup %s is still there", h.cells.dir)
			}
		}
	})
}

// Close in the middle of many starts: each one works or is refused, and
// nothing is left of any.
func TestCloseDuringStarts(t *testing.T) {
	eachMode(t, func(t *testing.T, h *Host) {
		half := make(chan struct{})
		var calls sync.WaitGroup
		var started atomic.Int64
		for range 100 {
			calls.Go(func() {
				p, err := h.Start(Command{Unit: "service.test", Argv: []string{"/bin/sleep", "1000"}})
				if err != nil && !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
				if err != nil {
					return
				}
				if started.Add(1) == 50 {
					close(half)
				}
				<-p.Gone()
				if !p.ended() {
					t.Error("gone before the leader has ended")
				}
			})
		}
		<-half
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		calls.Wait()
	})
}

func TestOutputsReachTheirFiles(t *testing.T) {
	h := open(t, Config{})
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	command := helperCommand("print:10000")
	command.Stdout = write
	p, err := h.Start(command)
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for scanner := bufio.NewScanner(read); scanner.Scan(); lines++ {
		if want := fmt.Sprintf("line %d", lines); scanner.Text() != want {
			t.Fatalf("read %q, want %q", scanner.Text(), want)
		}
	}
	if lines != 10000 {
		t.Errorf("%d lines", lines)
	}
	<-p.Done()
	if _, err := write.Write(nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the child's end was not closed: %v", err)
	}
	if err := p.End(); err != nil {
		t.Error(err)
	}
}

func TestDescriptorsAreGivenBack(t *testing.T) {
	eachMode(t, func(t *testing.T, h *Host) {
		cycle := func() {
			for range 5 {
				s, _ := launch(t, h, "daemon", 2)
				s.Stop(syscall.SIGTERM, long)
				s.read.Close()
			}
		}
		cycle()
		before := openFiles(t)
		cycle()
		deadline := time.Now().Add(long) // a goroutine may be reading a file just now
		for after := openFiles(t); after > before; after = openFiles(t) {
			if time.Now().After(deadline) {
				t.Fatalf("%d descriptors before, %d after", before, after)
			}
		}
	})
}

func openFiles(t *testing.T) int {
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
