package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/syndicate/syndicate/engine/log"
)

// patience bounds every wait, so that a hang is a failure. Nothing is
// concluded from how long a thing took.
const patience = time.Minute

// nobody is an account without any privilege.
const nobody = 65534

// project is a directory with a configuration, and one up of it at a time:
// this test binary as syndicate, with real processes below it.
type project struct {
	t      *testing.T
	dir    string // everybody may enter it; its name is in every process below
	output string // the file that gets what up says, unless a test reads it

	cmd   *exec.Cmd
	ended chan struct{}
	inner bool // up is in namespaces of its own
}

func newProject(t *testing.T, config string) *project {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "syn-up-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p := &project{t: t, dir: dir, output: filepath.Join(dir, "output")}
	p.write("main.hcl", "syndicate {\n  name = \"s\"\n}\n"+config)
	return p
}

func (p *project) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// command returns one of syndicate's commands. Its environment is small and
// has a mark that services inherit, as all LC_*.
func (p *project) command(args ...string) *exec.Cmd {
	return &exec.Cmd{
		Path: "/proc/self/exe", Args: append([]string{"syndicate"}, args...), Dir: p.dir,
		Env: []string{"PATH=" + os.Getenv("PATH"), "LC_TEST=" + p.dir, "GORACE=atexit_sleep_ms=0"},
	}
}

// run runs a command to its end, beside up, and fails unless it ends with
// code. It returns what it said on both streams.
func (p *project) run(code int, args ...string) string {
	p.t.Helper()
	cmd := p.command(args...)
	if p.inner {
		path, err := exec.LookPath("nsenter")
		if err != nil {
			p.t.Fatal(err)
		}
		cmd.Path = path
		cmd.Args = append([]string{"nsenter", "--all", "--preserve-credentials", "--target", strconv.Itoa(p.cmd.Process.Pid),
			"sh", "-c", "cd " + p.dir + ` && exec syndicate "$@"`, "sh"}, args...)
	}
	said, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != code {
		p.t.Fatalf("%v: %v, want exit code %d\n%s\nup said:\n%s", args, err, code, said, p.said())
	}
	return string(said)
}

// up starts it with its output in a file.
func (p *project) up() { p.start(p.command("up")) }

// start starts a command that is up, with its output in a file where it has
// none. The test ends it with end.
func (p *project) start(cmd *exec.Cmd) {
	p.t.Helper()
	if cmd.Stdout == nil {
		f, err := os.Create(p.output)
		if err != nil {
			p.t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		cmd.Stdout, cmd.Stderr = f, f
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan struct{})
	p.cmd, p.ended = cmd, ended
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	p.t.Cleanup(func() {
		for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM, syscall.SIGKILL} {
			_ = cmd.Process.Signal(sig)
			select {
			case <-ended:
				return
			case <-time.After(patience / 6):
			}
		}
		<-ended
	})
}

// onTerminal starts up on a terminal of its own, and returns the end that a
// person sits at.
func (p *project) onTerminal() *os.File {
	p.t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = tty.Close() }()
	p.t.Cleanup(func() { _ = master.Close() })
	cmd := p.command("up")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	p.start(cmd)
	return master
}

// isolated starts up as the first process of a container: with processes and
// mounts of its own, which a script prepares.
func (p *project) isolated(prepare string) {
	p.t.Helper()
	cmd := p.command()
	cmd.Path = "/bin/sh"
	cmd.Args = []string{"sh", "-ec", "mount -t proc proc /proc\n" + prepare + "\nexec syndicate up"}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:   syscall.CLONE_NEWPID | syscall.CLONE_NEWNS,
		Unshareflags: syscall.CLONE_NEWNS, // makes the mounts private
	}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	p.start(cmd)
	p.inner = true
}

// path returns where a file of the project is, as up sees it.
func (p *project) path(name string) string {
	if p.inner {
		return filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "root", p.dir, name)
	}
	return filepath.Join(p.dir, name)
}

// text returns what a file of the project holds, nothing where it is missing.
func (p *project) text(name string) string {
	text, _ := os.ReadFile(p.path(name))
	return string(text)
}

// log returns the log of a unit.
func (p *project) log(unit string) string {
	return p.text(filepath.Join(".syndicate", "s", "logs", log.FileName(unit)+".log"))
}

// said returns what up said, where it went into the file.
func (p *project) said() string {
	text, _ := os.ReadFile(p.output)
	return string(text)
}

// until waits for what comes true while up runs, or by its end.
func (p *project) until(what string, holds func() bool) {
	p.t.Helper()
	p.wait(what, holds, p.ended)
}

// wait is until with what ends it in vain; nil where up is over already.
func (p *project) wait(what string, holds func() bool, ended <-chan struct{}) {
	p.t.Helper()
	timeout := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ended:
			if !holds() {
				p.t.Fatalf("up ended (%v) before %s:\n%s", p.cmd.ProcessState, what, p.said())
			}
			return
		case <-timeout:
			p.t.Fatalf("waited in vain until %s:\n%s", what, p.said())
		}
	}
}

// untilFile waits until a file of the project holds a text.
func (p *project) untilFile(name, text string) {
	p.t.Helper()
	p.until(fmt.Sprintf("%s says %q", name, text), func() bool { return strings.Contains(p.text(name), text) })
}

// untilLog waits until the log of a unit holds a text.
func (p *project) untilLog(unit, text string) {
	p.t.Helper()
	p.until(fmt.Sprintf("%s logs %q", unit, text), func() bool { return strings.Contains(p.log(unit), text) })
}

func (p *project) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
}

// end waits until up has ended, and fails unless it did so in good order:
// with code, with nothing left, and with the state directory given back.
func (p *project) end(code int) {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("up does not end:\n%s", p.said())
	}
	p.inner = false
	if got := p.cmd.ProcessState; got.ExitCode() != code {
		p.t.Errorf("up ended with %v, want exit code %d:\n%s", got, code, p.said())
	}
	// The guardian of an engine that was killed before ends by itself, once it
	// has seen that nothing is left.
	guardian := func(line string) bool { return strings.Contains(line, " syndicate guardian ") }
	if left := slices.DeleteFunc(p.processes(), guardian); len(left) > 0 {
		p.t.Errorf("processes are left: %q\n%s", left, p.said())
	}
	p.wait("no guardian is left", func() bool { return len(p.processes()) == 0 }, nil)
	if got := p.run(exitFailed, "status"); !strings.Contains(got, "no system runs here") {
		p.t.Errorf("afterwards status says:\n%s", got)
	}
}

// processes lists what runs below this project: whatever has its directory
// in the environment or on the command line, or stands in it.
func (p *project) processes() []string {
	var left []string
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		env, _ := os.ReadFile(filepath.Join(d, "environ"))
		line, _ := os.ReadFile(filepath.Join(d, "cmdline"))
		cwd, _ := os.Readlink(filepath.Join(d, "cwd"))
		if bytes.Contains(env, []byte(p.dir)) || bytes.Contains(line, []byte(p.dir)) || strings.HasPrefix(cwd, p.dir) {
			left = append(left, filepath.Base(d)+" "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return left
}
