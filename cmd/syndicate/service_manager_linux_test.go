package main

import (
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A service manager that wants to know is told when the system is up, and that
// it ends; no service can speak to it.
func TestTheServiceManagerIsTold(t *testing.T) {
	p := newProject(t, `
service "a" {
  command = "echo told: $NOTIFY_SOCKET.; touch begun; until test -e go; do sleep 0.02; done; echo up; exec sleep 1000"
  ready {
    log = "up"
  }
}
`)
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(p.dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	heard := func() string {
		t.Helper()
		if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		text := make([]byte, 100)
		n, err := conn.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		return string(text[:n])
	}
	up := p.command("up")
	up.Env = append(up.Env, "NOTIFY_SOCKET="+conn.LocalAddr().String())
	if err := up.Start(); err != nil {
		t.Fatal(err)
	}
	p.until("the service begins", func() bool { return exists(p.path("begun")) })
	p.write("go", "")
	if got := heard(); got != "READY=1" {
		t.Errorf("told %q", got)
	}
	if status := p.run(exitDone, "status"); !strings.Contains(status, "s: ready") {
		t.Errorf("when it was told:\n%s", status)
	}
	if err := up.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := heard(); got != "STOPPING=1" {
		t.Errorf("told %q", got)
	}
	if err := up.Wait(); err != nil {
		t.Error(err)
	}
	if got := p.log("service.a"); !strings.Contains(got, "told: .") {
		t.Errorf("the service has its socket:\n%s", got)
	}
}
