package handover

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const long = time.Minute

// keeper offers a new socket in a directory, which has no engine any more.
func keeper(t *testing.T, dir string, wait time.Duration) (address string, taken <-chan bool) {
	t.Helper()
	l := listen(t)
	f, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	// As an engine leaves it that just let nobody in.
	if err := unix.Shutdown(int(f.Fd()), unix.SHUT_RD); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close() // so the engine is dead
	door, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan bool, 1)
	go func() {
		defer func() { _ = door.Close() }()
		done <- Keep(door, []Kept{{"web", fd}}, wait)
	}()
	t.Cleanup(func() { _ = door.SetDeadline(time.Unix(1, 0)) })
	return l.Addr().String(), done
}

// listen opens a port that is asked for by its number: one of the kernel's
// choice is given up where the socket is told to listen no more.
func listen(t *testing.T) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	if l, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.(*net.TCPListener)
}

func asked(t *testing.T, dir string) *Inheritance {
	t.Helper()
	in, err := Ask(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(in.Leave)
	return in
}

func TestSocketsPassOn(t *testing.T) {
	for name, dir := range map[string]string{
		"a short path": t.TempDir(),
		"a long path":  filepath.Join(t.TempDir(), strings.Repeat("long/", 40)),
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			address, taken := keeper(t, dir, long)
			if info, err := os.Stat(filepath.Join(dir, doorName)); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the door is %v, %v; want it to be its owner's alone", info.Mode(), err)
			}
			only := asked(t, dir)
			if len(only.Sockets) != 1 || only.Sockets[0].Name != "web" || only.Sockets[0].Listener.Addr().String() != address {
				t.Fatalf("the keeper has %v", only.Sockets)
			}
			only.Leave()

			client, err := net.Dial("tcp", address) // it waits from now on
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = client.Close() }()
			sockets := asked(t, dir).Take()
			if len(sockets) != 1 || !<-taken {
				t.Fatalf("%d sockets were taken", len(sockets))
			}
			l := sockets[0].Listener
			served, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			_ = served.Close()
			_ = l.Close()
			if c, err := net.Dial("tcp", address); err == nil {
				_ = c.Close()
				t.Error("somebody has the socket still")
			}
			if in := asked(t, dir); len(in.Sockets) > 0 {
				t.Error("the keeper goes on")
			}
		})
	}
}

// Who is at the other end is what the kernel says, and nobody else is heard.
func TestAnotherUserIsAStranger(t *testing.T) {
	l, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.DialUnix("unix", nil, l.Addr().(*net.UnixAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := known(c, os.Geteuid()); err != nil {
		t.Errorf("our own process: %v", err)
	}
	if err := known(c, os.Geteuid()+1); !errors.Is(err, errStranger) {
		t.Errorf("another user's: got %v, want %v", err, errStranger)
	}
}

func TestAKeeperGivesUp(t *testing.T) {
	dir := t.TempDir()
	address, taken := keeper(t, dir, time.Millisecond)
	if <-taken {
		t.Fatal("somebody took the socket")
	}
	if c, err := net.Dial("tcp", address); err == nil {
		_ = c.Close()
		t.Error("somebody has the socket still")
	}
	if in := asked(t, dir); len(in.Sockets) > 0 {
		t.Error("the keeper goes on")
	}
	if in := asked(t, filepath.Join(dir, "not there")); len(in.Sockets) > 0 {
		t.Error("there is nobody")
	}
}

// What is no keeper is an error and no more.
func TestAskWhatIsNoKeeper(t *testing.T) {
	for name, said := range map[string][]byte{
		"nothing":     nil,
		"half a head": {0},
		"a name without a socket": append(binary.BigEndian.AppendUint16(nil, 3),
			"web"...),
		"half a name": append(binary.BigEndian.AppendUint16(nil, 300), "web"...),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			door, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = door.Close() }()
			done := make(chan struct{})
			go func() {
				defer close(done)
				if c, err := door.Accept(); err == nil {
					_, _ = c.Write(said)
					_ = c.Close()
				}
			}()
			in, err := Ask(dir)
			<-done
			if err == nil || len(in.Sockets) > 0 {
				t.Errorf("it has %v, and the error is %v", in.Sockets, err)
			}
		})
	}
}

func TestPassed(t *testing.T) {
	one, two := listen(t), listen(t)
	file := func(l *net.TCPListener) *os.File {
		f, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	unixSocket, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unixSocket.Close() }()
	other, err := unixSocket.File()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	client, err := net.Dial("tcp", one.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	connection, err := client.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	both := []*os.File{file(one), file(two)}
	for name, test := range map[string]struct {
		whose string
		env   []string
		files []*os.File
		want  string
	}{
		"with names":         {"mine", []string{"LISTEN_FDS=2", "LISTEN_FDNAMES=breaker.a:unknown"}, both, `"breaker.a" at ` + one.Addr().String() + "\n\"\" at " + two.Addr().String() + "\n"},
		"without":            {"mine", []string{"LISTEN_FDS=1"}, both[:1], `"" at ` + one.Addr().String() + "\n"},
		"another process's":  {"another's", []string{"LISTEN_FDS=1", "LISTEN_PID=1"}, both[:1], ""},
		"too few names":      {"mine", []string{"LISTEN_FDS=2", "LISTEN_FDNAMES=a"}, both, "LISTEN_FDNAMES has 1 names, and LISTEN_FDS is 2\n"},
		"no number":          {"mine", []string{"LISTEN_FDS=all"}, nil, "LISTEN_FDS is \"all\": it says how many sockets were passed\n"},
		"a Unix socket":      {"mine", []string{"LISTEN_FDS=1", "LISTEN_FDNAMES=u"}, []*os.File{other}, "descriptor 3 that was passed (LISTEN_FDS, \"u\"): it is a unix socket, not tcp\n"},
		"a connection":       {"mine", []string{"LISTEN_FDS=1"}, []*os.File{connection}, "descriptor 3 that was passed (LISTEN_FDS, \"\"): it is a connection: a socket unit has ListenStream= and Accept=no\n"},
		"fewer than it says": {"mine", []string{"LISTEN_FDS=1000"}, nil, "descriptor 3 that was passed (LISTEN_FDS, \"\"): "},
	} {
		t.Run(name, func(t *testing.T) {
			program, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(program)
			cmd.Env = append(test.env, passedVariable+"="+test.whose, "GORACE=atexit_sleep_ms=0")
			cmd.ExtraFiles = test.files
			out, _ := cmd.StdoutPipe()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			said, _ := io.ReadAll(out)
			_ = cmd.Wait()
			if got := string(said); got != test.want && (test.files != nil || !strings.HasPrefix(got, test.want)) {
				t.Errorf("it says %q, want %q", got, test.want)
			}
		})
	}
}
