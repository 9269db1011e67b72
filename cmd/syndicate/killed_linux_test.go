package main

import (
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// After a kill -9 of the engine its guardian ends everything, also what hid:
// a daemon with a session of its own and no environment, one that is deaf to
// SIGTERM. The PostgreSQL server shuts down by itself and recovers.
func TestAKilledEngineLeavesNothing(t *testing.T) {
	p := newProject(t, managed+`
service "hider" {
  command = <<-END
    setsid env -i sh -c 'trap "" TERM; echo $$ > hidden; mv hidden pid-hidden; while :; do sleep 1000; done' &
    (setsid sh -c 'echo $$ > daemon; mv daemon pid-daemon; exec sleep 1000' &)
    until [ -e pid-hidden -a -e pid-daemon ]; do sleep 0.01; done
    echo is here
    exec sleep 1000
  END
  ready {
    log = "is here"
  }
}
`)
	first := p.killable("up")
	p.until("everything is ready", func() bool { return strings.Contains(p.said(), "Ready in") })

	server := strings.Split(p.text("data/main/postmaster.pid"), "\n") // its pid is line 1, its port line 4
	var left []int
	for _, pid := range append(p.pids("pid-hidden"), append(p.pids("pid-daemon"), number(t, server[0]))...) {
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = unix.Close(fd) }()
		left = append(left, fd)
	}
	if err := first.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	begin := time.Now()
	for _, fd := range left {
		if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(patience.Milliseconds())); err != nil || n != 1 {
			t.Fatalf("a process outlived the engine by %s: %v", time.Since(begin), err)
		}
	}
	if exists(p.path("data/main/postmaster.pid")) {
		t.Error("the server was killed: one that ends by itself takes this file along")
	}
	t.Logf("the server and both daemons ended within %s", time.Since(begin).Round(time.Millisecond))
	if l, err := net.Listen("tcp", "127.0.0.1:"+server[3]); err != nil {
		t.Error(err)
	} else {
		_ = l.Close()
	}
	if got := p.run(exitFailed, "status"); !strings.Contains(got, "lost") || strings.Contains(got, "guardian") {
		t.Errorf("status says:\n%s", got)
	}
	if got := p.run(exitDone, "logs", "hider"); !strings.Contains(got, "is here") {
		t.Errorf("logs says:\n%s", got)
	}

	p.killable("up")
	p.until("it is ready again", func() bool { return strings.Contains(p.said(), "Ready in") })
	said := p.log("database.main")
	if n := strings.Count(said, "ready to accept connections"); n != 2 {
		t.Errorf("the server was ready %d times, want 2:\n%s", n, said)
	}
	p.run(exitDone, "down", "--timeout", "100ms") // one is deaf
	p.end(exitDone)
}

// So it is with a migrate that is killed amid a migration.
func TestAKilledMigrateLeavesNothing(t *testing.T) {
	p := newProject(t, strings.Replace(managed, "managed {", "migrations {\n path = \"sql\"\n }\n managed {", 1))
	if err := os.Mkdir(p.path("sql"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.write("sql/1_a.up.sql", "select pg_sleep(3600);") // it never gets to its end
	p.write("sql/1_a.down.sql", "select 1;")
	migrate := p.killable("migrate", "up")
	p.untilLog("database.main", "ready to accept connections")
	server, err := unix.PidfdOpen(number(t, strings.Split(p.text("data/main/postmaster.pid"), "\n")[0]), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(server) }()
	if err := migrate.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(server), Events: unix.POLLIN}}, int(patience.Milliseconds())); err != nil || n != 1 {
		t.Fatalf("the server outlived it: %v", err)
	}
}

// killable starts a command, without privileges where PostgreSQL wants that.
func (p *project) killable(args ...string) *os.Process {
	p.t.Helper()
	cmd := p.command(args...)
	if os.Getuid() == 0 {
		if err := os.Chown(p.dir, nobody, nobody); err != nil {
			p.t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	p.start(cmd)
	return cmd.Process
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
