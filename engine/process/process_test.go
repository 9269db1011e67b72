package process

import (
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
		{"stubborn", 1, 50 * time.Millisecond},
		{"stubborntree", 3, 50 * time.Millisecond},
		{"orphans:20", 1, long},
		{"stopped", 1, long},
	}
	eachMode(t, func(t *testing.T, h *Host) {
		for _, test := range tests {
			t.Run(test.mode, func(t *testing.T) {
				s, pids := launch(t, h, test.mode, test.ready)
				exit, err := s.Stop(syscall.SIGTERM, test.timeout)
				if err != nil {
					t.Fatal(err)
				}
				if test.timeout == long && !exit.Success() {
					t.Errorf("exit: %v", exit)
				}
				allDead(t, pids)
				again, err := s.Stop(syscall.SIGTERM, test.timeout)
				if err != nil || again != exit {
					t.Errorf("a second Stop: %v, %v", again, err)
				}
			})
		}
	})
}

func TestEndKillsWhatADeadLeaderLeft(t *testing.T) {
	eachMode(t, func(t *testing.T, h *Host) {
		s, pids := launch(t, h, "treecrash", 3)
		<-s.Done()
		if exit := s.Exit(); exit.Code != 3 {
			t.Errorf("exit: %v", exit)
		}
		if err := s.End(); err != nil {
			t.Fatal(err)
		}
		allDead(t, pids)
	})
}
