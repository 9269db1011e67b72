//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// trial is one run of one tool, in a directory of its own.
type trial struct {
	*bench
	dir    string
	events string // the file that the services write to
	began  int64  // just before the tool was spawned
	main   *exec.Cmd
	ended  chan struct{} // closed when main has ended
}

func (b *bench) newTrial() (*trial, error) {
	dir, err := os.MkdirTemp(b.work, "run-")
	if err != nil {
		return nil, err
	}
	return &trial{bench: b, dir: dir, events: filepath.Join(dir, "events")}, nil
}

// path returns a file or directory of the trial.
func (t *trial) path(parts ...string) string {
	return filepath.Join(append([]string{t.dir}, parts...)...)
}

// write creates a file of the trial, with the directories above it.
func (t *trial) write(content string, mode os.FileMode, parts ...string) (string, error) {
	path := t.path(parts...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, []byte(content), mode)
}

// environ is what a tool is started with: a home of its own, and the place
// where the services write.
func (t *trial) environ(extra ...string) []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "TMPDIR=" + os.TempDir(),
		"HOME=" + t.dir, "PROBE_EVENTS=" + t.events,
	}, extra...)
}

// start spawns a tool in a session of its own, its output into a file.
func (t *trial) start(l launch) error {
	out, err := os.Create(t.path("output"))
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command(l.argv[0], l.argv[1:]...)
	cmd.Dir, cmd.Env = t.dir, t.environ(l.env...)
	cmd.Stdout, cmd.Stderr = out, out
	if l.stdout != "" {
		f, err := os.Create(l.stdout)
		if err != nil {
			return err
		}
		defer f.Close()
		cmd.Stdout = f
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	t.began = now()
	if err := cmd.Start(); err != nil {
		return err
	}
	t.main, t.ended = cmd, make(chan struct{})
	go func() {
		defer close(t.ended)
		_ = cmd.Wait()
	}()
	return nil
}

// output returns the end of what the tool has said, for a message.
func (t *trial) output() string {
	text, _ := os.ReadFile(t.path("output"))
	s := strings.TrimSpace(string(text))
	if len(s) > 600 {
		s = "…" + s[len(s)-600:]
	}
	return s
}

// finish ends everything the trial has started and removes its files.
func (t *trial) finish() {
	t.tree.clean()
	if t.ended != nil {
		<-t.ended
	}
	_ = os.RemoveAll(t.dir)
}

// allGone waits until no descendant lives. Those that live now are waited
// for exactly; what they leave behind, or a stop command adds, is looked for
// afterwards.
func (t *trial) allGone(ctx context.Context, services, others []int) (servicesGone, all int64, err error) {
	if servicesGone, err = gone(ctx, services); err != nil {
		return 0, 0, fmt.Errorf("services: %w", err)
	}
	for {
		if all, err = gone(ctx, others); err != nil {
			return 0, 0, err
		}
		t.tree.reap(map[int]bool{t.main.Process.Pid: true})
		services, others = t.tree.descendants()
		if others = append(others, services...); len(others) == 0 {
			return servicesGone, all, nil
		}
	}
}

// sleep waits, or returns early when the benchmark is interrupted.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
