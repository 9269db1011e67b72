package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/spec"
)

// Server is a PostgreSQL server that loses its data with the tests. Everybody
// on this machine may connect as the superuser "postgres" without a password.
type Server struct {
	Binaries pg.Binaries
	Port     int
	Dir      string // of the data

	root string // removed at the end
	proc *os.Process
	log  bytes.Buffer
	done chan struct{}
	as   *syscall.Credential // nil where this process is not root
}

// shared is the server of Main, once a test has asked for it.
var shared struct {
	once   sync.Once
	server *Server
}

// Main runs a package's tests beside a server, and fails where a goroutine
// is left of them. The server starts when the first test asks for it: none
// does in the processes of a fuzzer.
func Main(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		shared.server.Stop()
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// Shared returns the server of Main. Where PostgreSQL is missing it ends the
// tests and says how to install it.
func Shared() *Server {
	shared.once.Do(func() {
		var err error
		if shared.server, err = Start(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	})
	return shared.server
}

// Start makes a server of its own, with more settings such as
// "wal_level=logical".
func Start(settings ...string) (*Server, error) {
	return build(settings, func(ctx context.Context, s *Server) *exec.Cmd {
		return s.Command(ctx, "initdb", "-D", s.Dir, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	})
}

// Standby makes a hot standby of a server, which streams from it.
func (s *Server) Standby() (*Server, error) {
	return build(nil, func(ctx context.Context, standby *Server) *exec.Cmd {
		return standby.Command(ctx, "pg_basebackup", "-D", standby.Dir, "-R", "-X", "stream", "-c", "fast",
			"--no-sync", "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port), "-U", "postgres")
	})
}

// build starts a server on data that a program makes.
func build(settings []string, fill func(context.Context, *Server) *exec.Cmd) (*Server, error) {
	root, err := os.MkdirTemp("/tmp", "syn-pgtest-")
	if err != nil {
		return nil, err
	}
	s := &Server{root: root, Dir: filepath.Join(root, "data")}
	if err := s.start(settings, fill); err != nil {
		s.Stop()
		return nil, fmt.Errorf("start a server for the tests: %w\n%s", err, s.log.Bytes())
	}
	return s, nil
}

func (s *Server) start(settings []string, fill func(context.Context, *Server) *exec.Cmd) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var err error
	if s.Binaries, err = pg.Find(ctx, pg.FindConfig{}); err != nil {
		return err
	}
	if err := s.account(); err != nil {
		return err
	}
	cmd := fill(ctx, s)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, out)
	}
	return s.Run(settings...)
}

// account gives the server's directory to its user: PostgreSQL refuses root.
func (s *Server) account() error {
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return err
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	s.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(s.root, int(uid), int(gid))
}

// Command builds a call of one of PostgreSQL's programs, as its user.
func (s *Server) Command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.Binaries.Path(program), args...)
	cmd.Dir = s.root
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	return cmd
}

// Run starts the server on data that are there, and returns once it answers.
func (s *Server) Run(settings ...string) error {
	if s.Port == 0 {
		s.Port = freePort()
	}
	args := []string{"-D", s.Dir, "-k", s.root, "-p", strconv.Itoa(s.Port), "-c", "listen_addresses=127.0.0.1",
		"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	cmd := s.Command(context.Background(), "postgres", args...)
	cmd.Stdout, cmd.Stderr = &s.log, &s.log
	cmd.SysProcAttr.Setpgid = true
	dieWithTests(cmd.SysProcAttr)
	s.done = make(chan struct{})
	started := make(chan error, 1)
	go func() {
		// A child's death signal follows the thread that started it.
		runtime.LockOSThread()
		defer close(s.done)
		err := cmd.Start()
		s.proc = cmd.Process
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ctx, ended := context.WithCancelCause(ctx)
	defer ended(nil)
	done := s.done
	go func() {
		select {
		case <-done:
			ended(errors.New("the server ended"))
		case <-ctx.Done():
		}
	}()
	return pg.Connect(ctx, pg.ConnectConfig{Endpoint: s.Endpoint("postgres"), Retry: spec.Retry{
		Attempts: 2000, Backoff: spec.Backoff{Delay: spec.Duration(20 * time.Millisecond), Factor: 1},
	}})
}

// Signal sends one to the postmaster; SIGINT stops it fast, SIGQUIT at once.
func (s *Server) Signal(sig syscall.Signal) { _ = s.proc.Signal(sig) }

// Wait returns once the postmaster is gone.
func (s *Server) Wait() { <-s.done }

// Stop ends the server and removes its data.
func (s *Server) Stop() {
	if s.proc != nil {
		s.Signal(pg.StopSignal)
		s.Wait()
	}
	_ = os.RemoveAll(s.root)
}

// Endpoint is one of the server's databases.
func (s *Server) Endpoint(database string) pg.Endpoint { return s.EndpointAs("postgres", database) }

// EndpointAs is one of the server's databases, for another role.
func (s *Server) EndpointAs(role, database string) pg.Endpoint {
	to, err := pg.Parts{Host: "127.0.0.1", Port: s.Port, Database: database, User: role, SSL: "disable"}.Endpoint()
	if err != nil {
		panic(err) // every part is set
	}
	return to
}

// freePort returns a port that nobody listens on.
func freePort() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}
