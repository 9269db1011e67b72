package process

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// playEngine plays an engine in a process of its own.
func playEngine(mode, argument string) int {
	switch mode {
	case "guarded":
		return guardedEngine(argument)
	case "container":
		return container(argument)
	case "traceable": // by whoever wants to, where Yama allows only ancestors
		const anyone = ^uintptr(0)
		_ = unix.Prctl(unix.PR_SET_PTRACER, anyone, 0, 0, 0)
		return untilTerm()
	case "debugger":
		return playDebugger(argument)
	case "quits":
		return quits()
	case "listen":
		return listening(argument)
	}
	if mode == "first" { // as the first process of a container
		if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
			fmt.Println("mount:", err)
			return 1
		}
	}
	life, cgroup, _ := strings.Cut(argument, "/")
	h, err := New(Config{Life: life, Cgroup: Cgroup(cgroup)})
	if err != nil {
		fmt.Println("new:", err)
		return 1
	}
	switch mode {
	case "first", "plain":
		return checkItself(h, life)
	case "engine":
		for _, service := range []string{"tree", "daemon", "stubborntree"} {
			command := helperCommand(service)
			fd, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
			if err != nil {
				fmt.Println("dup:", err)
				return 1
			}
			command.Stdout = os.NewFile(uintptr(fd), "stdout")
			if _, err := h.Start(command); err != nil {
				fmt.Println("start:", err)
				return 1
			}
		}
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		<-signals
		h.Close()
		return 0
	}
	fmt.Println("unknown mode", mode)
	return 99
}

// checkItself starts and stops every kind of tree and prints "fine".
func checkItself(h *Host, life string) int {
	fmt.Printf("%+v\n", h.Facts())
	for _, service := range []string{"run", "tree", "daemon", "treecrash", "orphans:10"} {
		p, err := h.Start(helperCommand(service))
		if err != nil {
			fmt.Println("start:", err)
			return 1
		}
		if _, err := p.Stop(syscall.SIGTERM, long); err != nil {
			fmt.Println("stop:", err)
			return 1
		}
	}
	if _, err := h.Start(helperCommand("cleared")); err != nil {
		fmt.Println("start:", err)
		return 1
	}
	if err := h.Close(); err != nil {
		fmt.Println("close:", err)
		return 1
	}
	census, err := everyProcess()
	if err != nil {
		fmt.Println("census:", err)
		return 1
	}
	for _, e := range census {
		if e.ppid == os.Getpid() {
			fmt.Printf("left: %+v\n", e)
			return 1
		}
	}
	if left, err := FindByLife(life); err != nil || len(left) > 0 {
		fmt.Println("left:", left, err)
		return 1
	}
	fmt.Println("fine")
	return 0
}

// engineCommand runs this program as an engine.
func engineCommand(mode, life string, cgroup Cgroup, attr *syscall.SysProcAttr) *exec.Cmd {
	return &exec.Cmd{
		Path: self0(), Args: []string{"engine"}, SysProcAttr: attr,
		Env: append(os.Environ(), helperVariable+"="+mode+":"+life+"/"+string(cgroup), "GORACE=atexit_sleep_ms=0"),
	}
}

// A leader that a debugger holds cannot be reaped before that lets go of it,
// and a frozen one does not even die of SIGKILL, like one that hangs on a dead
// disk. The former can be had everywhere.
func TestHangingProcessIsNamed(t *testing.T) {
	freezer := filepath.Join("/sys/fs/cgroup/freezer", fmt.Sprintf("syndicate-test-%d", os.Getpid()))
	if os.Mkdir(freezer, 0o755) == nil {
		defer os.Remove(freezer)
		t.Run("frozen", func(t *testing.T) { hangs(t, frozen(freezer)) })
	}
	t.Run("debugged", func(t *testing.T) { hangs(t, debugged) })
}

// frozen holds processes in a cgroup of the first version.
func frozen(dir string) func(*testing.T, int) func() {
	return func(t *testing.T, pid int) func() {
		set := func(file, value string) {
			t.Helper()
			if err := os.WriteFile(dir+"/"+file, []byte(value), 0o644); err != nil {
				t.Error(err)
			}
		}
		set("cgroup.procs", strconv.Itoa(pid))
		set("freezer.state", "FROZEN")
		return func() { set("freezer.state", "THAWED") }
	}
}

// debugged has another process hold one, until its standard input ends.
func debugged(t *testing.T, pid int) func() {
	debugger := exec.Command(self0())
	debugger.Env = append(os.Environ(), helperVariable+"=debugger:"+strconv.Itoa(pid), "GORACE=atexit_sleep_ms=0")
	in, err := debugger.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := debugger.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := debugger.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasPrefix(line, "ready ") {
		t.Fatalf("the debugger printed %q, %v", line, err)
	}
	return func() {
		in.Close()
		if err := debugger.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// playDebugger holds a process until standard input ends.
func playDebugger(pid string) int {
	runtime.LockOSThread() // who holds is a thread
	number, _ := strconv.Atoi(pid)
	if err := unix.PtraceSeize(number); err != nil {
		fmt.Println("seize:", err)
		return 1
	}
	say("debugger")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// hangs holds a leader, and wants a Stop that says so.
func hangs(t *testing.T, hold func(t *testing.T, pid int) (release func())) {
	eachMode(t, func(t *testing.T, h *Host) {
		s, pids := launch(t, h, "traceable", 1)
		release := hold(t, s.PID())
		h.config.KillWait = 50 * time.Millisecond
		_, err := s.Stop(syscall.SIGTERM, 10*time.Millisecond)
		var stuck *StuckError
		if !errors.As(err, &stuck) || !slices.Equal(stuck.PIDs, pids) {
			t.Errorf("error %v", err)
		}
		h.config.KillWait = long
		release()
		<-s.Gone()
		allDead(t, pids)
	})
}

func TestFirstProcessOfAContainer(t *testing.T) {
	for _, cgroup := range []Cgroup{CgroupAuto, CgroupOff} {
		attr := &syscall.SysProcAttr{
			Cloneflags:   syscall.CLONE_NEWPID | syscall.CLONE_NEWNS,
			Unshareflags: syscall.CLONE_NEWNS, // makes the mounts private
		}
		if os.Getuid() != 0 {
			attr.Cloneflags |= syscall.CLONE_NEWUSER
			attr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
		output, err := engineCommand("first", life(t), cgroup, attr).CombinedOutput()
		if err != nil || !strings.HasSuffix(string(output), "fine\n") {
			t.Errorf("cgroup %s: %v\n%s", cgroup, err, output)
		}
	}
}

func TestWithoutPrivileges(t *testing.T) {
	if os.Getuid() != 0 {
		t.Log("all tests here run without privileges")
		return
	}
	for _, cgroup := range []Cgroup{CgroupAuto, CgroupOff} {
		attr := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		engine := engineCommand("plain", life(t), cgroup, attr)
		engine.Dir = "/"
		output, err := engine.CombinedOutput()
		if err != nil || !strings.HasSuffix(string(output), "fine\n") {
			t.Errorf("cgroup %s: %v\n%s", cgroup, err, output)
		}
	}
}

// A user to whom a cgroup was handed over, as systemd does it, has trees as
// exact as root.
func TestWithoutPrivilegesInACgroupOfOnesOwn(t *testing.T) {
	base, err := ownCgroup()
	if err == nil {
		base += fmt.Sprintf("/test-%d", os.Getpid())
		err = os.Mkdir(base, 0o755)
	}
	switch {
	case err != nil && os.Getuid() != 0 && os.Getenv("CI") == "":
		t.Skip("only root can hand a cgroup over: CI does, and fails where it cannot: ", err)
	case err != nil:
		t.Fatal("a cgroup2 that root can write to is needed: ", err)
	}
	defer func() {
		if err := removeCell(base); err != nil {
			t.Error(err)
		}
	}()
	for _, name := range []string{"", "/cgroup.procs", "/cgroup.subtree_control"} {
		if err := os.Chown(base+name, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.Open(base)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	engine := engineCommand("plain", life(t), CgroupAuto, &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: 65534, Gid: 65534},
		UseCgroupFD: true, CgroupFD: int(dir.Fd()),
	})
	engine.Dir = "/"
	output, err := engine.CombinedOutput()
	if err != nil || !strings.HasSuffix(string(output), "fine\n") || !strings.Contains(string(output), "Cgroup:"+base) {
		t.Errorf("%v\n%s", err, output)
	}
}

// The empty cgroups of a killed engine go when the next one begins; those
// of a living one stay.
func TestCgroupsOfAKilledEngineAreSwept(t *testing.T) {
	sweepsDirectories(t)
	alive := open(t, Config{})
	if alive.cells == nil {
		return // no cgroups here that could be left
	}
	base := filepath.Dir(alive.cells.dir)
	dead := filepath.Join(base, cellPrefix+life(t))
	if err := os.MkdirAll(filepath.Join(dead, sharedCell), 0o755); err != nil {
		t.Fatal(err)
	}
	open(t, Config{})
	if _, err := os.Stat(dead); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", dead, err)
	}
	s, pids := launch(t, alive, "tree", 3)
	if s.tree.cell == nil {
		t.Error("the living one lost its cgroup")
	}
	if _, err := s.Stop(syscall.SIGTERM, long); err != nil {
		t.Error(err)
	}
	allDead(t, pids)
}

// sweepsDirectories holds that of plain directories, which is what cgroups
// are to a sweep, the one goes whose lock nobody has.
func sweepsDirectories(t *testing.T) {
	base := t.TempDir()
	var shared [2]string
	for i, life := range []string{"dead", "alive"} {
		shared[i] = filepath.Join(base, cellPrefix+life, sharedCell)
		if err := os.MkdirAll(shared[i], 0o755); err != nil {
			t.Fatal(err)
		}
	}
	lock, err := os.Open(shared[1])
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_SH); err != nil {
		t.Fatal(err)
	}
	sweep(base)
	if _, err := os.Stat(filepath.Dir(shared[0])); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the dead life is still there: %v", err)
	}
	if _, err := os.Stat(shared[1]); err != nil {
		t.Errorf("the living one is gone: %v", err)
	}
}

// leadersOf lists the children of an engine that it started: they are in its
// session, as daemons that it inherited are not.
func leadersOf(t *testing.T, engine int) []entry {
	census, err := everyProcess()
	if err != nil {
		t.Fatal(err)
	}
	own, _ := lookAt(engine)
	return slices.DeleteFunc(census, func(e entry) bool { return e.ppid != engine || e.sid != own.sid })
}

// untilDead waits for processes that are no children of this one.
func untilDead(t *testing.T, processes []entry) {
	deadline := time.Now().Add(long)
	for _, e := range processes {
		for now, ok := lookAt(e.pid); ok && now.start == e.start && !now.dead; now, ok = lookAt(e.pid) {
			if time.Now().After(deadline) {
				t.Fatalf("process %d outlived its engine", e.pid)
			}
		}
	}
}

// After a kill -9 of the engine its services are dead, and what they had
// started is found by the mark and ended.
func TestLeftoversOfAKilledEngine(t *testing.T) {
	for _, cgroup := range []Cgroup{CgroupAuto, CgroupOff} {
		t.Run(string(cgroup), func(t *testing.T) {
			mark := life(t)
			engine := engineCommand("engine", mark, cgroup, nil)
			output, err := engine.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := engine.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(output)
			for range 8 {
				if !lines.Scan() || !strings.HasPrefix(lines.Text(), "ready ") {
					t.Errorf("the engine printed %q", lines.Text())
				}
			}
			leaders := leadersOf(t, engine.Process.Pid)
			if len(leaders) != 3 {
				t.Errorf("leaders %v", leaders)
			}
			if err := engine.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			engine.Process.Wait()
			untilDead(t, leaders)
			left, err := FindByLife(mark)
			if err != nil || len(left) < 5 {
				t.Errorf("found %v, error %v", left, err)
			}
			for _, l := range left {
				if l.Unit != "service.test" {
					t.Errorf("pid %d is said to be of unit %q", l.PID, l.Unit)
				}
			}
			found, err := EndLife(mark, syscall.SIGTERM, 0)
			if err != nil || len(found) == 0 {
				t.Errorf("ended %v, error %v", found, err)
			}
			for lines.Scan() { // until nobody holds the pipe
			}
			nothingLeft(t, mark)
			if base, err := ownCgroup(); err == nil {
				if _, err := os.Stat(base + "/" + cellPrefix + mark); err == nil {
					t.Error("the dead life's cgroup is still there")
				}
			}
		})
	}
}
