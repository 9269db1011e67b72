package process

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// guardedEngine plays an engine with a guardian. Its argument is
// LIFE/CGROUP/WHAT, where WHAT is kinds of services, with a + between them.
func guardedEngine(argument string) int {
	life, rest, _ := strings.Cut(argument, "/")
	cgroup, what, _ := strings.Cut(rest, "/")
	h, err := New(Config{Life: life, Cgroup: Cgroup(cgroup), Guardian: "test"})
	if err != nil {
		fmt.Println("new:", err)
		return 1
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	for kind := range strings.SplitSeq(what, "+") {
		if err := guardedService(h, kind); err != nil {
			fmt.Println("start:", err)
			return 1
		}
	}
	<-signals
	h.Close()
	return 0
}

func guardedService(h *Host, kind string) error {
	command := helperCommand(kind)
	number, many := strings.CutPrefix(kind, "sleep*")
	n, _ := strconv.Atoi(number)
	switch {
	case kind == "quits":
		command.DeathSignal = syscall.SIGQUIT
	case many:
		command = Command{Unit: "service.sleep", Argv: []string{"sleep", "1000"}, Env: os.Environ()}
	case kind == "endless": // starts for as long as it lives, and ends as many
		return endless(h)
	case kind == "stopping": // is stopping what does not stop
		p, err := h.Start(helperCommand("stubborntree"))
		if err == nil {
			go p.Stop(syscall.SIGTERM, long)
		}
		return err
	}
	for range max(n, 1) {
		fd, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			return err
		}
		one := command
		one.Stdout = os.NewFile(uintptr(fd), "stdout")
		if _, err := h.Start(one); err != nil {
			return err
		}
	}
	return nil
}

// endless starts a process and ends another one all the time, with no more
// than so many at once: the longer a busy machine takes to look at them, the
// more there would be to look at.
func endless(h *Host) error {
	const most = 100
	var running []*Process
	for n := 0; ; n++ {
		p, err := h.Start(Command{Unit: "service.endless", Argv: []string{"sleep", "1000"}, Env: os.Environ()})
		if err != nil {
			return err
		}
		running = append(running, p)
		if n < most { // all that anybody waits for; nobody reads on
			fmt.Println("ready sleep 0")
			continue
		}
		if _, err := running[0].Stop(syscall.SIGKILL, 0); err != nil {
			return err
		}
		running = running[1:]
	}
}

// container is the first process of one, which reaps and does nothing else
// for its only child, an engine. It kills that and tells what is left.
func container(argument string) int {
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		fmt.Println("mount:", err)
		return 1
	}
	read, write, err := os.Pipe()
	if err != nil {
		fmt.Println("pipe:", err)
		return 1
	}
	engine := exec.Cmd{
		Path: self0(), Args: []string{"engine"}, Stdout: write, Stderr: os.Stderr,
		Env: append(os.Environ(), helperVariable+"=guarded:"+argument),
	}
	if err := engine.Start(); err != nil {
		fmt.Println("start:", err)
		return 1
	}
	write.Close()
	lines := bufio.NewScanner(read)
	for range 7 {
		lines.Scan()
	}
	census, _ := everyProcess()
	if len(census) < 10 {
		fmt.Printf("before the kill: %+v\n", census)
		return 1
	}
	_ = engine.Process.Kill()
	_ = engine.Wait()
	begin := time.Now()
	for len(census) > 1 { // until only this one is left
		if time.Since(begin) > long {
			fmt.Printf("left: %+v\n", census)
			return 1
		}
		_, _ = wait4(-1, nil, nil)
		census, _ = everyProcess()
	}
	fmt.Printf("nothing was left after %s\nfine\n", time.Since(begin).Round(time.Millisecond))
	return 0
}

// quits is a leader that ends well on SIGQUIT only, and tells how its child,
// in a session of its own, ended.
func quits() int {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGQUIT)
	signal.Ignore(syscall.SIGTERM)
	server := exec.Cmd{
		Path: self0(), Args: []string{"helper"}, Stdout: os.Stdout, SysProcAttr: &syscall.SysProcAttr{Setsid: true},
		Env: []string{helperVariable + "=run", "GORACE=atexit_sleep_ms=0"},
	}
	if err := server.Start(); err != nil {
		fmt.Println("start:", err)
		return 1
	}
	say("leader")
	<-signals
	// The guardian looks many times while nothing ends.
	for range 20 {
		_, _ = everyProcess()
	}
	_ = server.Process.Signal(syscall.SIGTERM)
	err := server.Wait()
	fmt.Println("the server's child:", err)
	return 0
}

// listening is a daemon without any mark in its environment.
func listening(argument string) int {
	listener, err := net.Listen("tcp", argument)
	if err != nil {
		fmt.Println("listen:", err)
		return 1
	}
	defer listener.Close()
	return untilTerm()
}

// guarded is an engine with a guardian, seen from outside.
type guarded struct {
	*exec.Cmd
	t     *testing.T
	life  string
	lines *bufio.Scanner
}

// guard starts one and waits for its services' lines.
func startGuarded(t *testing.T, cgroup Cgroup, user int, what string, ready int) *guarded {
	t.Helper()
	attr := &syscall.SysProcAttr{}
	if user != os.Getuid() {
		attr.Credential = &syscall.Credential{Uid: uint32(user), Gid: uint32(user)}
	}
	g := &guarded{t: t, life: life(t)}
	g.Cmd = engineCommand("guarded", g.life, cgroup, attr)
	g.Env[len(g.Env)-2] += "/" + what // the mode's argument
	g.Dir = "/"
	g.Stderr = os.Stderr
	output, err := g.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = g.Process.Kill()
		if _, err := EndLife(g.life, syscall.SIGKILL, 0); err != nil {
			t.Error(err)
		}
	})
	g.lines = bufio.NewScanner(output)
	for range ready {
		if !g.lines.Scan() || !strings.HasPrefix(g.lines.Text(), "ready ") {
			t.Fatalf("the engine printed %q", g.lines.Text())
		}
	}
	return g
}

// guardian waits until the engine has a guardian other than those given.
func (g *guarded) guardian(not ...int) int {
	g.t.Helper()
	for deadline := time.Now().Add(long); ; {
		census, err := everyProcess()
		if err != nil {
			g.t.Fatal(err)
		}
		for _, e := range census {
			if env, err := environOf(e.pid); err == nil && guards(env, g.life) && !slices.Contains(not, e.pid) {
				return e.pid
			}
		}
		if time.Now().After(deadline) {
			g.t.Fatal("there is no guardian")
		}
	}
}

// processes opens a descriptor for each process of the life, which nobody
// else's can be taken for, and in the end for the guardian.
func (g *guarded) processes(least int) []int {
	g.t.Helper()
	left, err := FindByLife(g.life)
	if err != nil || len(left) < least {
		g.t.Fatalf("found %d processes of %d, error %v", len(left), least, err)
	}
	guardian := g.guardian()
	var pids []int
	for _, l := range left {
		switch l.PID {
		case g.Process.Pid: // it has the brand
		case os.Getpid():
			g.t.Fatal("who started the engine, and shares its group, counts as a leftover")
		case guardian:
			g.t.Errorf("the guardian counts as a leftover: %+v", l)
		default:
			pids = append(pids, l.PID)
		}
	}
	pids = append(pids, guardian)
	var descriptors []int
	for _, pid := range pids {
		fd, err := unix.PidfdOpen(pid, 0)
		if err == unix.ESRCH {
			continue // it forked and went on
		}
		if err != nil {
			g.t.Fatal(err)
		}
		g.t.Cleanup(func() { unix.Close(fd) })
		descriptors = append(descriptors, fd)
	}
	return descriptors
}

// kill kills the engine and waits for the end of everything. It says how
// long that took after the engine's own end, without the guardian's.
func (g *guarded) kill(descriptors []int) {
	g.t.Helper()
	if err := g.Process.Kill(); err != nil {
		g.t.Fatal(err)
	}
	_, _ = g.Process.Wait()
	begin := time.Now()
	var took time.Duration
	for i, fd := range descriptors {
		if i == len(descriptors)-1 {
			took = time.Since(begin)
		}
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		for n := 0; n == 0; {
			var err error
			if n, err = unix.Poll(poll, int(long.Milliseconds())); err == unix.EINTR {
				n = 0
			} else if err != nil || n == 0 {
				left, _ := FindByLife(g.life)
				g.t.Fatalf("a process outlived its engine by %s: number %d of %d, found %+v, error %v", time.Since(begin), i, len(descriptors), left, err)
			}
		}
	}
	g.t.Logf("%d processes ended within %s of their engine", len(descriptors)-1, took.Round(time.Millisecond))
	nothingLeft(g.t, g.life)
}

func TestGuardianEndsWhatAKilledEngineLeaves(t *testing.T) {
	kinds := []struct {
		what  string
		ready int // lines
		least int // processes
	}{
		{"run+run", 2, 2},
		{"tree+daemon+cleared", 7, 7},
		{"stubborn+stubborntree+treecrash", 7, 7},
		{"sleep*200+daemon", 2, 202},
		{"stopping+endless", 60, 60},
		{"forker:1000+run", 3, 2},
	}
	users := []int{os.Getuid()}
	if os.Getuid() == 0 {
		users = append(users, 65534)
	}
	for _, kind := range kinds {
		for _, cgroup := range []Cgroup{CgroupAuto, CgroupOff} {
			for _, user := range users {
				t.Run(fmt.Sprintf("%s/cgroup %s/user %d", kind.what, cgroup, user), func(t *testing.T) {
					g := startGuarded(t, cgroup, user, kind.what, kind.ready)
					g.kill(g.processes(kind.least))
				})
			}
		}
	}
}

func TestGuardianInAContainer(t *testing.T) {
	for _, cgroup := range []Cgroup{CgroupAuto, CgroupOff} {
		attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS, Unshareflags: syscall.CLONE_NEWNS}
		if os.Getuid() != 0 {
			attr.Cloneflags |= syscall.CLONE_NEWUSER
			attr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
		first := engineCommand("container", life(t), cgroup, attr)
		first.Env[len(first.Env)-2] += "/tree+daemon+cleared"
		output, err := first.CombinedOutput()
		if err != nil || !strings.HasSuffix(string(output), "fine\n") {
			t.Errorf("cgroup %s: %v\n%s", cgroup, err, output)
		}
		t.Logf("cgroup %s: %s", cgroup, output)
	}
}

// A killed guardian is replaced, and the new one does its work.
func TestGuardianIsReplaced(t *testing.T) {
	g := startGuarded(t, CgroupOff, os.Getuid(), "tree+cleared", 5)
	first := g.guardian()
	if err := syscall.Kill(first, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	second := g.guardian(first)
	if err := syscall.Kill(second, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	g.guardian(first, second)
	g.kill(g.processes(5))
}

// In good order the guardian goes with its engine.
func TestGuardianLeavesWithItsEngine(t *testing.T) {
	g := startGuarded(t, CgroupAuto, os.Getuid(), "run", 1)
	pid := g.guardian()
	title, err := os.ReadFile(kernelTable.path(pid, "cmdline"))
	if err != nil || string(title) != "syndicate guardian of test\x00" {
		t.Errorf("the guardian's title is %q, error %v", title, err)
	}
	if err := g.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	if e, ok := lookAt(pid); ok && !e.dead {
		t.Error("the guardian outlived its engine")
	}
}

// A leader with a signal of its own, as PostgreSQL's, is never killed, and
// neither is what it has below it.
func TestGuardianSparesWhoEndsByItself(t *testing.T) {
	for _, cgroup := range []Cgroup{CgroupAuto, CgroupOff} {
		t.Run(string(cgroup), func(t *testing.T) {
			g := startGuarded(t, cgroup, os.Getuid(), "quits+tree", 5)
			g.kill(g.processes(5))
			var said []string
			for g.lines.Scan() {
				said = append(said, g.lines.Text())
			}
			if want := []string{"the server's child: <nil>"}; !slices.Equal(said, want) {
				t.Errorf("said %q, want %q", said, want)
			}
		})
	}
}

// The next up does as the guardian does, where that was killed as well.
func TestEndLifeSparesWhoEndsByItself(t *testing.T) {
	h := open(t, Config{})
	command := helperCommand("quits")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	command.Stdout, command.DeathSignal = write, syscall.SIGQUIT
	p, err := h.Start(command)
	if err != nil {
		t.Fatal(err)
	}
	s := &service{Process: p, t: t, lines: bufio.NewReader(read), read: read}
	s.ready(2)
	if _, err := EndLife(h.config.Life, syscall.SIGKILL, 0); err != nil {
		t.Error(err)
	}
	if line, err := s.lines.ReadString('\n'); err != nil || line != "the server's child: <nil>\n" {
		t.Errorf("said %q, error %v", line, err)
	}
	<-p.Done()
	if exit := p.Exit(); !exit.Success() {
		t.Errorf("the leader's end: %s", exit)
	}
}

// Ports are free when the guardian has done its work.
func TestGuardianFreesPorts(t *testing.T) {
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := probe.Addr().String()
	probe.Close()
	g := startGuarded(t, CgroupOff, os.Getuid(), "listendaemon:"+address, 2)
	g.kill(g.processes(2))
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
}
