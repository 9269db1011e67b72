package pg

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/spec"
)

// bench is where tests run: a directory that the server's user can reach, a
// data directory to copy, and a running server.
type bench struct {
	dir    string
	user   string // of the server, "" where this process is not root
	start  chan func()
	server *testServer
}

// newBench initialises one data directory and starts a server on a copy of
// it. Where PostgreSQL is missing the error tells how to install it.
func newBench() (*bench, error) {
	dir, err := os.MkdirTemp("/tmp", "syn-pgtest-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		return nil, err
	}
	b := &bench{dir: dir, start: make(chan func())}
	if os.Geteuid() == 0 {
		b.user = "postgres"
	}
	go spawner(b.start)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := b.template(ctx); err != nil {
		b.close()
		return nil, err
	}
	s, err := b.startCopy(ctx, "shared", spec.Managed{})
	if err != nil {
		b.close()
		return nil, err
	}
	b.server = s
	return b, nil
}

// spawner starts servers from one thread that lives as long as the tests:
// the death signal of a child follows the thread that started it.
func spawner(work <-chan func()) {
	runtime.LockOSThread()
	for f := range work {
		f()
	}
}

// template makes the data directory that others are copied from.
func (b *bench) template(ctx context.Context) error {
	cfg := b.config("template", spec.Managed{})
	s, err := New(cfg)
	if err != nil {
		return err
	}
	_, err = s.Prepare(ctx)
	return err
}

// config describes a server in a directory of its own.
func (b *bench) config(name string, m spec.Managed) Config {
	m.User = b.user
	m.Durability = "off"
	if m.DataDir == "" {
		m.DataDir = filepath.Join(b.dir, name, "data")
	}
	return Config{
		Name: "main", StateDir: filepath.Join(b.dir, name, "state"), Managed: m,
		Port: freePort(), Runner: execRunner{b}, Note: func(string) {},
	}
}

// copyTemplate gives a name its own copy of the template.
func (b *bench) copyTemplate(name string) error {
	to := filepath.Join(b.dir, name)
	if err := os.RemoveAll(to); err != nil { // of an earlier -count
		return err
	}
	out, err := exec.Command("cp", "-a", filepath.Join(b.dir, "template"), to).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func (b *bench) startCopy(ctx context.Context, name string, m spec.Managed) (*testServer, error) {
	if err := b.copyTemplate(name); err != nil {
		return nil, err
	}
	s, err := New(b.config(name, m))
	if err != nil {
		return nil, err
	}
	return b.launch(ctx, s)
}

// launch prepares and starts a server and waits until it is ready.
func (b *bench) launch(ctx context.Context, s *Server) (*testServer, error) {
	ts, err := b.spawn(ctx, s)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-ts.done:
			cancel(errors.New("the server ended: " + ts.log()))
		case <-ctx.Done():
		}
	}()
	if err := s.Ready(ctx); err != nil {
		ts.stop(StopEscalation)
		return nil, err
	}
	return ts, nil
}

// spawn prepares and starts a server.
func (b *bench) spawn(ctx context.Context, s *Server) (*testServer, error) {
	c, err := s.Prepare(ctx)
	if err != nil {
		return nil, err
	}
	return b.run(s, c)
}

// run starts the server that Prepare described.
func (b *bench) run(s *Server, c Command) (*testServer, error) {
	ts := &testServer{Server: s, done: make(chan struct{})}
	ts.cmd = b.command(c)
	dieWithTests(ts.cmd.SysProcAttr)
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	ts.cmd.Stdout, ts.cmd.Stderr = w, w
	started := make(chan error, 1)
	b.start <- func() { started <- ts.cmd.Start() }
	err = <-started
	_ = w.Close()
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer func() { _ = r.Close() }()
		ts.collect(r)
	}()
	go func() {
		defer close(ts.done)
		_ = ts.cmd.Wait()
		if !ts.keepReading {
			<-read
		}
	}()
	return ts, nil
}

// command builds a child in its own group, as the server's user.
func (b *bench) command(c Command) *exec.Cmd {
	cmd := exec.Command(c.Argv[0], c.Argv[1:]...)
	cmd.Dir, cmd.Env = c.Dir, c.Env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if c.User != "" {
		acc, err := serverAccount(c.User, os.Geteuid())
		if err == nil {
			cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(acc.uid), Gid: uint32(acc.gid)}
		}
	}
	return cmd
}

func (b *bench) close() {
	if b.server != nil {
		b.server.stop(StopSignal)
	}
	close(b.start)
	_ = os.RemoveAll(b.dir)
}

// execRunner runs short commands.
type execRunner struct{ b *bench }

func (r execRunner) Run(ctx context.Context, c Command) ([]byte, error) {
	cmd := r.b.command(c)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) })
	defer stop()
	err := cmd.Wait()
	return out.Bytes(), err
}

// testServer is a running server.
type testServer struct {
	*Server
	cmd         *exec.Cmd
	done        chan struct{}
	keepReading bool

	mu    sync.Mutex
	lines []string // Guarded by mu.
	watch map[string]chan struct{}
}

// collect keeps what the server says, and tells who waits for a line.
func (ts *testServer) collect(r io.Reader) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		ts.mu.Lock()
		ts.lines = append(ts.lines, lines.Text())
		for mark, seen := range ts.watch {
			if strings.Contains(lines.Text(), mark) {
				close(seen)
				delete(ts.watch, mark)
			}
		}
		ts.mu.Unlock()
	}
}

func (ts *testServer) log() string {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return strings.Join(ts.lines, "\n")
}

// stop ends the server with a signal and waits for it.
func (ts *testServer) stop(sig syscall.Signal) {
	_ = ts.cmd.Process.Signal(sig)
	<-ts.done
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

// own starts a server for one test, on a copy of the template.
func own(t *testing.T, m spec.Managed) *testServer {
	t.Helper()
	name := strings.ReplaceAll(t.Name(), "/", "-")
	ts, err := shared.startCopy(t.Context(), name, m)
	if err != nil {
		t.Fatalf("start a server: %v", err)
	}
	t.Cleanup(func() { ts.stop(StopSignal) })
	return ts
}

// dial connects for the rest of the test.
func dial(t *testing.T, to Endpoint) *pgx.Conn {
	t.Helper()
	cfg, err := to.Config()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// execSQL runs statements over a connection of their own.
func execSQL(t *testing.T, to Endpoint, sql string) {
	t.Helper()
	conn := dial(t, to)
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	_ = conn.Close(t.Context())
}

// query returns one value as text.
func query(t *testing.T, to Endpoint, sql string) string {
	t.Helper()
	conn := dial(t, to)
	var v *string
	if err := conn.QueryRow(t.Context(), sql).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	_ = conn.Close(t.Context())
	if v == nil {
		return "NULL"
	}
	return *v
}

// wantText fails unless err says all of it.
func wantText(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that says %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error\n%v\ndoes not say %q", err, p)
		}
	}
}
