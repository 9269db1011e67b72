package process

import (
	"bufio"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// helperVariable makes the test binary play a service, in the mode that it
// names. Each mode reports "ready NAME PID" lines on stdout.
const helperVariable = "SYNDICATE_TEST_HELPER"

func TestMain(m *testing.M) {
	if Guardian(func(string, string, time.Time) {}) {
		syscall.Exit(0) // the race detector would have it wait for a second
	}
	if mode := os.Getenv(helperVariable); mode != "" {
		os.Exit(play(mode))
	}
	goleak.VerifyTestMain(m)
}

func play(mode string) int {
	mode, argument, _ := strings.Cut(mode, ":")
	switch mode {
	case "run":
		return untilTerm()
	case "stubborn":
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT)
		say("leader")
		select {}
	case "crash":
		say("leader")
		return 3
	case "exit":
		code, _ := strconv.Atoi(argument)
		return code
	case "tree": // a child in the group, and one in a session of its own
		child("run", nil, nil)
		child("run", &syscall.SysProcAttr{Setsid: true}, nil)
		return untilTerm()
	case "treecrash":
		child("run", nil, nil)
		child("run", &syscall.SysProcAttr{Setsid: true}, nil)
		say("leader")
		bufio.NewReader(os.Stdin).ReadString('\n') // stdin is /dev/null: at once
		return 3
	case "stubborntree":
		child("stubborn", nil, nil)
		child("stubborn", &syscall.SysProcAttr{Setsid: true}, nil)
		return untilTerm()
	case "bare": // a child and its children, with an environment without marks
		child("tree", nil, []string{"GORACE=atexit_sleep_ms=0"})
		return untilTerm()
	case "daemon": // double fork, new session
		child("between:run", &syscall.SysProcAttr{Setsid: true}, nil)
		return untilTerm()
	case "cleared": // the same, with an environment without marks
		child("between:run", &syscall.SysProcAttr{Setsid: true}, []string{"GORACE=atexit_sleep_ms=0"})
		return untilTerm()
	case "listendaemon":
		child("between:listen:"+argument, &syscall.SysProcAttr{Setsid: true}, []string{"GORACE=atexit_sleep_ms=0"})
		return untilTerm()
	case "between":
		child(argument, &syscall.SysProcAttr{Setpgid: true}, nil)
		return 0
	case "orphans": // leaves orphans behind that end by themselves, all the time
		n, _ := strconv.Atoi(argument)
		for range n {
			orphan()
		}
		return untilTerm()
	case "forker": // forks until killed, each generation in a session of its own
		return fork(argument)
	case "silent": // closes its outputs
		os.Stdout.Close()
		os.Stderr.Close()
		return untilTerm()
	case "spam":
		fmt.Print(argument)
		return 0
	case "print":
		n, _ := strconv.Atoi(argument)
		for i := range n {
			fmt.Printf("line %d\n", i)
		}
		return 0
	case "stopped": // stops itself and ends well when continued and told to
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		say("leader")
		syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		<-signals
		return 0
	}
	return playEngine(mode, argument)
}

// untilTerm waits for SIGTERM and ends well.
func untilTerm() int {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	say("leader")
	<-signals
	return 0
}

func say(what string) { fmt.Printf("ready %s %d\n", what, os.Getpid()) }

// child starts this program once more. A nil environment is inherited.
func child(mode string, attr *syscall.SysProcAttr, env []string) {
	if env == nil {
		for _, entry := range os.Environ() {
			if !strings.HasPrefix(entry, helperVariable+"=") {
				env = append(env, entry)
			}
		}
	}
	env = append(env, helperVariable+"="+mode)
	_, err := syscall.ForkExec(self0(), []string{"helper"}, &syscall.ProcAttr{
		Env: env, Files: []uintptr{0, 1, 2}, Sys: attr,
	})
	if err != nil {
		fmt.Println("fork:", err)
	}
}

// orphan starts a process that is nobody's child soon, and ends.
func orphan() {
	pid, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", "(exit 0) & exit 0"}, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	if err == nil {
		_, err = syscall.Wait4(pid, nil, 0, nil)
	}
	if err != nil {
		fmt.Println("fork:", err)
	}
}

// fork makes a bomb of bounded breadth: each process starts one more and
// ends shortly after, so that the tree moves on all the time.
func fork(argument string) int {
	left, _ := strconv.Atoi(argument)
	if left > 0 {
		child("forker:"+strconv.Itoa(left-1), &syscall.SysProcAttr{Setsid: true}, nil)
	}
	if left%10 == 0 {
		say("forker")
		return untilTerm()
	}
	return 0
}

// self0 is this program, also for a user who may not enter its directory.
func self0() string {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe"
	}
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return path
}

// service is a started helper and the lines that it prints.
type service struct {
	*Process
	t     testing.TB
	lines *bufio.Reader
	read  *os.File
}

// life makes a mark that no other test has.
func life(t testing.TB) string {
	return fmt.Sprintf("test-%d-%d", os.Getpid(), time.Now().UnixNano())
}

// modes are the ways to hold trees together that this machine offers.
var modes = []struct {
	name   string
	config Config
}{
	{"own cgroup", Config{Cgroup: CgroupAuto}},
	{"shared cgroup", Config{Cgroup: CgroupAuto, OwnCgroups: -1}},
	{"process table", Config{Cgroup: CgroupOff}},
	{"no descriptors", Config{Cgroup: CgroupOff, noDescriptors: true}},
}

// eachMode runs a test once for each of them.
func eachMode(t *testing.T, test func(t *testing.T, h *Host)) {
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			test(t, open(t, mode.config))
		})
	}
}

// open makes a Host that is closed at the end, when nothing of its life may
// be left.
func open(t testing.TB, config Config) *Host {
	t.Helper()
	config.Life = life(t)
	h, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		nothingLeft(t, config.Life)
	})
	return h
}

// nothingLeft looks through /proc for the mark of a life.
func nothingLeft(t testing.TB, life string) {
	t.Helper()
	left, err := FindByLife(life)
	if err != nil || len(left) > 0 {
		t.Errorf("left of life %s: %v, error %v", life, left, err)
	}
}

func helperCommand(mode string) Command {
	return Command{
		Unit: "service.test", Argv: []string{self0()},
		Env: append(os.Environ(), helperVariable+"="+mode, "GOMAXPROCS=1", "GORACE=atexit_sleep_ms=0"),
	}
}

// launch starts a helper and waits until n processes of it are ready.
func launch(t testing.TB, h *Host, mode string, n int) (*service, []int) {
	t.Helper()
	command := helperCommand(mode)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { read.Close() })
	command.Stdout = write
	p, err := h.Start(command)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	s := &service{Process: p, t: t, lines: bufio.NewReader(read), read: read}
	return s, s.ready(n)
}

// ready waits for n processes and returns their pids.
func (s *service) ready(n int) []int {
	s.t.Helper()
	var pids []int
	for range n {
		s.read.SetReadDeadline(time.Now().Add(20 * time.Second))
		line, err := s.lines.ReadString('\n')
		if err != nil {
			s.t.Fatalf("read what the helper prints: %v", err)
		}
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[0] != "ready" {
			s.t.Fatalf("the helper printed %q", line)
		}
		pid, _ := strconv.Atoi(fields[2])
		pids = append(pids, pid)
	}
	return pids
}

// allDead reports processes that are still there, zombies included.
func allDead(t testing.TB, pids []int) {
	t.Helper()
	for _, pid := range pids {
		if e, ok := lookAt(pid); ok && !e.dead {
			t.Errorf("process %d is alive", pid)
		}
	}
}
