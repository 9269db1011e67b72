package probe

import (
	"bufio"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// send has a real process send a message, and returns once it has and lives.
func send(t *testing.T, s *Socket, text string, started func(pid int)) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+s.Path(), childMode+"="+text)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	started(cmd.Process.Pid)
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "sent <nil>\n" {
		t.Fatalf("the process says %q, %v", line, err)
	}
}

func TestNotify(t *testing.T) {
	n, err := NewNotifier(filepath.Join(t.TempDir(), "n"))
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan int, 10)
	member := make(chan bool, 10)
	s, err := n.Listen(NotifyConfig{Belongs: func(pid int) bool { asked <- pid; return <-member }})
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(s.Path())
	if err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("socket: %v, %v", info.Mode(), err)
	}
	var stranger, own int
	send(t, s, "READY=1", func(pid int) { stranger = pid; member <- false })
	if got := <-asked; got != stranger {
		t.Errorf("asked for %d, want %d", got, stranger)
	}
	late, err := New(Config{Kind: "notify", Notify: s, Deadline: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, late.Ready(t.Context()), "not part of the unit")
	send(t, s, "STATUS=warm\x1b[31m up\nREADY=1", func(pid int) { own = pid; member <- true })
	p, err := New(Config{Kind: "notify", Notify: s})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	if got := <-asked; got != own {
		t.Errorf("asked for %d, want %d", got, own)
	}
	if s.Status() != "warm [31m up" {
		t.Errorf("status %q", s.Status())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}
