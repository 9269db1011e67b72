//go:build unix

package examples

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait, so that a hang is a failure with the output so
// far. Nothing is concluded from how long a thing took.
const patience = 2 * time.Minute

// programs are the binaries under test, built once.
var programs = sync.OnceValues(build)

// build makes a copy of this directory as a user has it, with the binaries
// where the examples expect them.
func build() (string, error) {
	dir, err := os.MkdirTemp("", "syndicate-examples-")
	if err != nil {
		return "", err
	}
	for out, pkg := range map[string]string{
		"bin/syndicate":                  "../cmd/syndicate",
		"bin/examples/quickstart-api":    "./quickstart/api",
		"bin/examples/quickstart-worker": "./quickstart/worker",
	} {
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, out), pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if said, err := cmd.CombinedOutput(); err != nil {
			return dir, fmt.Errorf("build %s: %w\n%s", pkg, err, said)
		}
	}
	return dir, nil
}

func TestMain(m *testing.M) {
	status := m.Run()
	if dir, _ := programs(); dir != "" {
		_ = os.RemoveAll(dir)
	}
	os.Exit(status)
}

// system is one `up` of an example, in a copy of the examples of its own, so
// that state and data of a developer's runs are never touched.
type system struct {
	t      *testing.T
	binary string
	config string
	mark   string // in the environment of every process below
	args   []string
	cmd    *exec.Cmd
	lines  chan string   // of standard error
	ended  chan struct{} // closed when it has ended

	mu     sync.Mutex
	output bytes.Buffer // guarded by mu: both streams
}

func newSystem(t *testing.T, file string, args ...string) *system {
	t.Helper()
	built, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, part := range []string{"examples", "migrations"} {
		if err := os.CopyFS(filepath.Join(dir, part), os.DirFS(filepath.Join("..", part))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, "examples", ".syndicate")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(built, "bin"), filepath.Join(dir, "bin")); err != nil {
		t.Fatal(err)
	}
	return &system{
		t: t, binary: filepath.Join(built, "bin", "syndicate"),
		config: filepath.Join(dir, "examples", file), args: args,
		mark: "LC_EXAMPLE=" + filepath.Base(filepath.Dir(dir)) + filepath.Base(dir),
	}
}

// command returns one of syndicate's commands on this configuration.
func (s *system) command(args ...string) *exec.Cmd {
	cmd := exec.Command(s.binary, append([]string{"-f", s.config}, args...)...)
	cmd.Dir = filepath.Dir(s.config)
	// LC_* are among the names that syndicate passes on to its children: so
	// each process that it starts can be told from all others.
	cmd.Env = append(os.Environ(), s.mark, "NO_COLOR=1", "NODE_ENV=development")
	return cmd
}

// run runs a command to its end and returns what it said.
func (s *system) run(args ...string) string {
	s.t.Helper()
	cmd := s.command(append(args, s.args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("%s: %v\n%s%s", strings.Join(args, " "), err, out, &stderr)
	}
	return string(out)
}

// until runs a command again and again until it says something.
func (s *system) until(text string, args ...string) {
	s.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(patience); ; {
		out, err := s.command(args...).CombinedOutput()
		if strings.Contains(string(out), text) {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			s.t.Fatalf("%s: %v, and not %q in\n%s", strings.Join(args, " "), err, text, out)
		}
	}
}

// forgetData removes the database's files after the test. Where the engine
// runs as root they lie outside of state_dir, and plan says where.
func (s *system) forgetData() {
	for line := range strings.Lines(s.run("plan", "-v")) {
		if dir, ok := strings.CutPrefix(strings.TrimSpace(line), "data_dir "); ok {
			dir = filepath.Dir(strings.TrimSpace(dir))
			s.t.Cleanup(func() {
				if err := os.RemoveAll(dir); err != nil {
					s.t.Error(err)
				}
			})
			return
		}
	}
	s.t.Error("plan -v does not say where the data is")
}

// up starts the system and returns once it says that it is ready.
func (s *system) up() {
	s.t.Helper()
	s.cmd = s.command(append([]string{"up"}, s.args...)...)
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.lines, s.ended = make(chan string, 4096), make(chan struct{})
	var readers sync.WaitGroup
	readers.Go(func() { s.read(stdout, nil) })
	readers.Go(func() { s.read(stderr, s.lines) })
	go func() {
		readers.Wait()
		close(s.lines)
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	s.t.Cleanup(s.kill)
	s.await("Ready in ")
}

func (s *system) read(r io.Reader, lines chan<- string) {
	for scanner := bufio.NewScanner(r); scanner.Scan(); {
		s.mu.Lock()
		s.output.WriteString(scanner.Text() + "\n")
		s.mu.Unlock()
		if lines != nil {
			lines <- scanner.Text()
		}
	}
}

func (s *system) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.String()
}

// await reads progress until a line begins with the text.
func (s *system) await(start string) {
	s.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case line, open := <-s.lines:
			if !open {
				s.t.Fatalf("up ended before it said %q:\n%s", start, s.said())
			}
			if strings.HasPrefix(line, start) {
				return
			}
		case <-timeout:
			s.t.Fatalf("up did not say %q:\n%s", start, s.said())
		}
	}
}

// interrupt presses Ctrl-C and checks that all of it ended in good order.
func (s *system) interrupt() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		s.t.Fatal(err)
	}
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.t.Fatalf("up did not stop:\n%s", s.said())
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 130 {
		s.t.Errorf("up ended with status %d, want 130:\n%s", code, s.said())
	}
	if left := s.processes(); len(left) > 0 {
		s.t.Errorf("processes are left: %v\n%s", left, s.said())
	}
}

// kill ends what a failed test leaves.
func (s *system) kill() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.t.Errorf("up does not stop; it is killed:\n%s", s.said())
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
}

// processes lists what runs below this system: whatever carries its mark.
// Only Linux tells the environment of others.
func (s *system) processes() []string {
	var left []string
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		env, err := os.ReadFile(f)
		if err == nil && bytes.Contains(env, []byte(s.mark)) {
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(f), "cmdline"))
			left = append(left, filepath.Base(filepath.Dir(f))+" "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return left
}

// get asks a service and decodes its answer into what into points to, unless
// that is nil; it returns the body.
func (s *system) get(url string, into any) string {
	s.t.Helper()
	resp, err := http.Get(url)
	return s.answer(resp, err, http.StatusOK, into)
}

func (s *system) post(url, body string, into any) string {
	s.t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	return s.answer(resp, err, http.StatusCreated, into)
}

func (s *system) answer(resp *http.Response, err error, status int, into any) string {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%v\n%s", err, s.said())
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		s.t.Fatalf("%s answers %s: %s %v\n%s", resp.Request.URL, resp.Status, body, err, s.said())
	}
	if into != nil {
		if err := json.Unmarshal(body, into); err != nil {
			s.t.Fatalf("%s: %v in %s", resp.Request.URL, err, body)
		}
	}
	return string(body)
}

// listenElsewhere gives the example another address than the one that it
// names, which may be taken here, and returns its URL.
func (s *system) listenElsewhere(address string) string {
	s.t.Helper()
	text, err := os.ReadFile(s.config)
	if err != nil || !bytes.Contains(text, []byte(address)) {
		s.t.Fatalf("%s does not name %s (%v)", s.config, address, err)
	}
	other := fmt.Sprintf("127.0.0.1:%d", freePort(s.t))
	if err := os.WriteFile(s.config, bytes.ReplaceAll(text, []byte(address), []byte(other)), 0o644); err != nil {
		s.t.Fatal(err)
	}
	return "http://" + other
}

// freePort returns a port that nobody listens on just now.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
