package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// newVerifyProject is a database whose second migration takes an hour. The
// trial's files are in the project's directory.
func newVerifyProject(t *testing.T) *project {
	t.Helper()
	p := newProject(t, "database \"main\" {\n  migrations {\n    path = \"sql\"\n  }\n}\n")
	if err := os.Mkdir(filepath.Join(p.dir, "sql"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.write("sql/1_a.up.sql", "create table a (id int primary key);")
	p.write("sql/1_a.down.sql", "drop table a;")
	p.write("sql/2_b.up.sql", "select pg_sleep(3600);")
	p.write("sql/2_b.down.sql", "select 1;")
	return p
}

// verifying starts the command and returns once it is in the second file,
// with handles of the server and its directory.
func (p *project) verifying() (server int, dir string) {
	p.t.Helper()
	cmd := p.command("migrate", "verify")
	cmd.Env = append(cmd.Env, "TMPDIR="+p.dir)
	p.start(cmd)
	p.until("it is in the second file", func() bool { return strings.Contains(p.said(), "2 of 2") })
	dirs := p.trials()
	if len(dirs) != 1 {
		p.t.Fatalf("the trial's directories: %v", dirs)
	}
	text, err := os.ReadFile(filepath.Join(dirs[0], "data", "postmaster.pid"))
	if err != nil {
		p.t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	server, err = unix.PidfdOpen(number(p.t, first), 0)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = unix.Close(server) })
	return server, dirs[0]
}

func (p *project) trials() []string {
	dirs, err := filepath.Glob(filepath.Join(p.dir, "syndicate-trial-*"))
	if err != nil {
		p.t.Fatal(err)
	}
	return dirs
}

// Whoever ends it early finds nothing of it afterwards, and the real database
// was never there.
func TestVerifyThatIsEndedLeavesNothing(t *testing.T) {
	p := newVerifyProject(t)
	server, _ := p.verifying()
	p.signal(syscall.SIGTERM)
	p.end(exitFailed)
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(server), Events: unix.POLLIN}}, 0); err != nil || n != 1 {
		t.Errorf("the server still runs: %v", err)
	}
	if dirs := p.trials(); len(dirs) > 0 {
		t.Errorf("%v is left", dirs)
	}
	if exists(p.path(".syndicate")) {
		t.Error("it made a state directory")
	}
}

// A kill -9 takes the server along; its files go with the next trial.
func TestVerifyThatIsKilledLeavesNothing(t *testing.T) {
	p := newVerifyProject(t)
	server, dir := p.verifying()
	p.signal(syscall.SIGKILL)
	<-p.ended
	begin := time.Now()
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(server), Events: unix.POLLIN}}, int(patience.Milliseconds())); err != nil || n != 1 {
		t.Fatalf("the server outlived it by %s: %v", time.Since(begin), err)
	}
	p.write("sql/2_b.up.sql", "create index i on a (id)")
	p.write("sql/2_b.down.sql", "drop index i")
	cmd := p.command("migrate", "verify")
	cmd.Env = append(cmd.Env, "TMPDIR="+p.dir)
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), "each goes up, down and up again") {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left: %v", dir, err)
	}
	if dirs := p.trials(); len(dirs) > 0 {
		t.Errorf("%v is left", dirs)
	}
}
