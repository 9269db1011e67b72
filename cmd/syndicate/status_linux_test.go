package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// watched is a `status --watch` on a terminal.
type watched struct {
	p        *project
	terminal *os.File
	cmd      *exec.Cmd
	ended    chan struct{}
	read     chan struct{} // closed once all that it wrote is read

	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (p *project) watch(columns, rows uint16) *watched {
	p.t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = tty.Close() }()
	w := &watched{p: p, terminal: master, cmd: p.command("status", "--watch"), ended: make(chan struct{}), read: make(chan struct{})}
	w.size(columns, rows)
	w.cmd.Env = append(w.cmd.Env, "TERM=xterm", "NO_COLOR=1")
	w.cmd.Stdin, w.cmd.Stdout, w.cmd.Stderr = tty, tty, tty
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := w.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		defer close(w.read)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			w.mu.Lock()
			w.text.Write(buf[:n])
			w.mu.Unlock()
			if err != nil { // EIO: the other end is closed
				return
			}
		}
	}()
	go func() {
		defer close(w.ended)
		_ = w.cmd.Wait()
	}()
	p.t.Cleanup(func() {
		_ = w.cmd.Process.Kill()
		<-w.ended
		<-w.read
		_ = master.Close()
	})
	return w
}

func (w *watched) size(columns, rows uint16) {
	w.p.t.Helper()
	if err := pty.Setsize(w.terminal, &pty.Winsize{Cols: columns, Rows: rows}); err != nil {
		w.p.t.Fatal(err)
	}
}

// frame returns the table that was drawn last, and what came after it.
func (w *watched) frame() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.text.String()
	return all[max(0, strings.LastIndex(all, "\x1b[H")):]
}

// until waits until the table holds all of the texts.
func (w *watched) until(texts ...string) {
	w.p.t.Helper()
	w.untilIt(fmt.Sprintf("shows %q", texts), func(frame string) bool {
		for _, text := range texts {
			if !strings.Contains(frame, text) {
				return false
			}
		}
		return true
	})
}

func (w *watched) untilIt(what string, holds func(frame string) bool) {
	w.p.t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds(w.frame()) {
		select {
		case <-tick.C:
		case <-w.ended:
			w.p.t.Fatalf("it ended (%v) before it %s:\n%s", w.cmd.ProcessState, what, w.frame())
		case <-deadline:
			w.p.t.Fatalf("waited in vain until it %s:\n%q", what, w.frame())
		}
	}
}

// end presses a key and waits for the end.
func (w *watched) end(key string, code int) {
	w.p.t.Helper()
	if _, err := w.terminal.WriteString(key); err != nil {
		w.p.t.Fatal(err)
	}
	select {
	case <-w.read:
		<-w.ended
	case <-time.After(patience):
		w.p.t.Fatalf("it does not end:\n%s", w.frame())
	}
	if got := w.cmd.ProcessState.ExitCode(); got != code {
		w.p.t.Errorf("it ended with %d, want %d", got, code)
	}
}

const crowd = `
service "front" {
  command  = "until [ -e gate ]; do sleep 0.01; done; exit 3"
  critical = false
  restart {
    limit = 0
  }
}

service "crowd" {
  for_each = toset([for n in range(30) : "n${n}"])
  command  = "exec sleep 1000"
}
`

// The table follows what happens, the terminal's size, and the system through
// its end and its next start; the terminal is given back.
func TestAStatusIsWatchedOnATerminal(t *testing.T) {
	p := newProject(t, crowd)
	p.up()
	p.until("it is ready", func() bool { return strings.Contains(p.said(), "Ready in ") })
	w := p.watch(100, 24)
	w.until("s: ready", "all ready")
	p.write("gate", "")
	w.until("s: degraded", "failed", "exit status 3")
	w.size(60, 50)
	w.untilIt("shows all", func(frame string) bool { return strings.Count(frame, "service.crowd[") == 30 })
	w.size(60, 8)
	w.untilIt("has eight rows", func(frame string) bool { return strings.Count(frame, "\r\n") < 8 })
	w.until("service.front", "more, all ready")

	p.signal(syscall.SIGINT)
	<-p.ended
	w.until("s: stopped", "Waiting until it is started again")
	p.up()
	w.until("s: degraded", "service.front")
	w.end("\x03", exitInterrupted)
	if got := w.frame(); !strings.Contains(got, "\x1b[?1049l") || !strings.Contains(got, "\x1b[?25h") {
		t.Errorf("the terminal is not given back:\n%q", got)
	}
	p.signal(syscall.SIGINT)
	p.end(exitInterrupted)
}

// An engine that is killed is said to be, with what is left of its system.
func TestADeadEngineIsSeenWhileWatched(t *testing.T) {
	p := newProject(t, crowd)
	p.up()
	p.until("it is ready", func() bool { return strings.Contains(p.said(), "Ready in ") })
	w := p.watch(100, 24)
	w.until("s: ready")
	p.signal(syscall.SIGKILL)
	w.until("s: lost", "without stopping it")
	p.run(exitDone, "down")
	w.until("s: stopped")
	w.end("\x03", exitInterrupted)
}

// What stops the program gives the terminal back meanwhile.
func TestAWatchIsSuspended(t *testing.T) {
	p := newProject(t, crowd)
	p.up()
	p.until("it is ready", func() bool { return strings.Contains(p.said(), "Ready in ") })
	w := p.watch(100, 24)
	w.until("s: ready")
	if err := w.cmd.Process.Signal(syscall.SIGTSTP); err != nil {
		t.Fatal(err)
	}
	w.until("\x1b[?1049l")
	stat := fmt.Sprintf("/proc/%d/stat", w.cmd.Process.Pid)
	p.until("the watch has stopped", func() bool {
		text, _ := os.ReadFile(stat)
		return bytes.Contains(text, []byte(") T "))
	})
	if err := w.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	w.until("s: ready")
	w.end("\x03", exitInterrupted)
	p.signal(syscall.SIGINT)
	p.end(exitInterrupted)
}
