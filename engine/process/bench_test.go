package process

import (
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

// sleeper is the cheapest service there is.
var sleeper = []string{"/bin/sleep", "1000"}

// BenchmarkStart1000 is the time for 1,000 starts with an output pipe each,
// beside a bare loop of fork and exec.
func BenchmarkStart1000(b *testing.B) {
	const count = 1000
	b.Run("floor", func(b *testing.B) {
		null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
		if err != nil {
			b.Fatal(err)
		}
		defer null.Close()
		for range b.N {
			b.StartTimer()
			pids := make([]int, 0, count)
			for range count {
				pids = append(pids, forkSleeper(b, null))
			}
			b.StopTimer()
			for _, pid := range pids {
				syscall.Kill(pid, syscall.SIGKILL)
				syscall.Wait4(pid, nil, 0, nil)
			}
		}
	})
	each := modes[0]
	each.name, each.config.OwnCgroups = "a cgroup each", count
	for _, mode := range append(modes[:len(modes):len(modes)], each) {
		b.Run(mode.name, func(b *testing.B) {
			b.StopTimer()
			h := open(b, mode.config)
			for range b.N {
				b.StartTimer()
				started := startSleepers(b, h, count)
				b.StopTimer()
				endAll(b, started)
			}
		})
	}
}

// BenchmarkStop100 is the time from the first request to the last end.
func BenchmarkStop100(b *testing.B) {
	for _, mode := range modes {
		b.Run(mode.name, func(b *testing.B) {
			b.StopTimer()
			h := open(b, mode.config)
			for range b.N {
				started := startSleepers(b, h, 100)
				b.StartTimer()
				stopAll(b, started)
				b.StopTimer()
			}
		})
	}
}

// BenchmarkStop1000 is the same with 1,000.
func BenchmarkStop1000(b *testing.B) {
	for _, mode := range modes {
		b.Run(mode.name, func(b *testing.B) {
			b.StopTimer()
			h := open(b, mode.config)
			for range b.N {
				started := startSleepers(b, h, 1000)
				b.StartTimer()
				stopAll(b, started)
				b.StopTimer()
			}
		})
	}
}

// BenchmarkMemory1000 is one look at the memory of 1,000 trees.
func BenchmarkMemory1000(b *testing.B) {
	for _, mode := range modes {
		b.Run(mode.name, func(b *testing.B) {
			h := open(b, mode.config)
			defer endAll(b, startSleepers(b, h, 1000))
			b.ResetTimer()
			for range b.N {
				if _, ok := h.Memory(); !ok {
					b.Fatal("nothing is told")
				}
			}
			b.StopTimer()
		})
	}
}

// BenchmarkRestart is the time from a kill -9 to the new process, the tree
// of the old one ended, with 100 others beside it.
func BenchmarkRestart(b *testing.B) {
	for _, mode := range modes {
		b.Run(mode.name, func(b *testing.B) {
			b.StopTimer()
			h := open(b, mode.config)
			defer endAll(b, startSleepers(b, h, 100))
			p, err := h.Start(Command{Argv: sleeper})
			if err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			b.StartTimer()
			for range b.N {
				syscall.Kill(p.PID(), syscall.SIGKILL)
				<-p.Done()
				if err := p.End(); err != nil {
					b.Fatal(err)
				}
				if p, err = h.Start(Command{Argv: sleeper}); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			p.End()
		})
	}
}

// BenchmarkRun is a short command such as an exec probe.
func BenchmarkRun(b *testing.B) {
	for _, mode := range modes {
		b.Run(mode.name, func(b *testing.B) {
			h := open(b, mode.config)
			for range b.N {
				if _, err := h.Run(b.Context(), Command{Argv: []string{"/bin/true"}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func forkSleeper(b *testing.B, null *os.File) int {
	read, write, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	pid, err := syscall.ForkExec(sleeper[0], sleeper, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{null.Fd(), write.Fd(), write.Fd()},
		Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		b.Fatal(err)
	}
	return pid
}

// startSleepers starts them eight at a time.
func startSleepers(b *testing.B, h *Host, count int) []*Process {
	started := make([]*Process, count)
	next := make(chan int)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for i := range next {
				read, write, err := os.Pipe()
				if err != nil {
					b.Error(err)
					continue
				}
				started[i], err = h.Start(Command{Argv: sleeper, Env: os.Environ(), Stdout: write, Stderr: write})
				if err != nil {
					b.Error(err)
				}
				read.Close()
			}
		})
	}
	for i := range count {
		next <- i
	}
	close(next)
	workers.Wait()
	return started
}

func stopAll(b *testing.B, started []*Process) {
	var calls sync.WaitGroup
	for _, p := range started {
		calls.Go(func() {
			if _, err := p.Stop(syscall.SIGTERM, time.Minute); err != nil {
				b.Error(err)
			}
		})
	}
	calls.Wait()
}

func endAll(b *testing.B, started []*Process) {
	var calls sync.WaitGroup
	for _, p := range started {
		calls.Go(func() {
			if err := p.End(); err != nil {
				b.Error(err)
			}
		})
	}
	calls.Wait()
}
