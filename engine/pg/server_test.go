package pg

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/syndicate/syndicate/spec"
)

// The template was made by initdb, so the shared server shows what a first
// start gives.
func TestFirstStart(t *testing.T) {
	srv := shared.server
	to := srv.Endpoint()
	for sql, want := range map[string]string{
		"select current_user::text": "main", "select current_database()::text": "main",
		"select rolsuper::text from pg_roles where rolname = current_user": "false",
		"show server_encoding": "UTF8", "select datcollate::text from pg_database where datname = current_database()": "C.UTF-8",
		"show listen_addresses": "127.0.0.1", "show fsync": "off", "show password_encryption": "scram-sha-256",
		"select pg_get_userbyid(datdba)::text from pg_database where datname = current_database()": "main",
	} {
		if got := query(t, to, sql); got != want {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
	execSQL(t, to, "create table kept_by_owner (id int); drop table kept_by_owner")
	for _, path := range []string{srv.passwordFile("main"), srv.passwordFile(adminRole)} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 0600", path, info, err)
		}
	}
	if leftovers, _ := filepath.Glob(srv.DataDir() + ".*-*"); len(leftovers) > 0 {
		t.Errorf("left behind: %v", leftovers)
	}
	if text, err := os.ReadFile(filepath.Join(srv.DataDir(), "PG_VERSION")); err != nil || strings.TrimSpace(string(text)) == "" {
		t.Errorf("PG_VERSION: %q, %v", text, err)
	}
	// The passwords never reach the server's log or command line.
	for _, secret := range append(srv.endpoint.secrets(), srv.admin.secrets()...) {
		if strings.Contains(srv.log(), secret) || strings.Contains(strings.Join(srv.cmd.Args, " "), secret) {
			t.Error("a password is in the log or on the command line")
		}
	}
}

func TestAttributes(t *testing.T) {
	to := shared.server.Endpoint()
	for name, want := range map[string]any{"host": "127.0.0.1", "port": to.Port, "name": "main", "user": "main"} {
		if got, ok := to.Attribute(name); !ok || got != want {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	for _, name := range []string{"url", "direct_url", "password"} {
		got, ok := to.Attribute(name)
		text, isText := got.(spec.Text)
		if !ok || !isText || !text.IsSensitive() || text.Reveal() == "" {
			t.Errorf("%s = %v, want something sensitive", name, got)
		}
	}
	if _, ok := to.Attribute("colour"); ok {
		t.Error("there is a colour")
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%d", "%q"} {
		if text := fmt.Sprintf(format, to); strings.Contains(text, to.Password.Reveal()) {
			t.Errorf("%s shows the password", format)
		}
	}
	again, err := ParseURL(to.URL())
	if err != nil || again.Password.Reveal() != to.Password.Reveal() || again.Port != to.Port {
		t.Errorf("its own URL reads as %v, %v", again, err)
	}
}

func TestDataOutliveStopAndKill(t *testing.T) {
	for name, sig := range map[string]syscall.Signal{"fast stop": StopSignal, "immediate stop": StopEscalation, "kill -9": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			ts := own(t, spec.Managed{})
			execSQL(t, ts.Endpoint(), "create table kept as select 42 as n")
			execSQL(t, ts.admin, "checkpoint") // the test runs without fsync
			backend := dial(t, ts.Endpoint())
			ts.keepReading = true // orphans hold the pipe
			ts.stop(sig)
			_ = backend
			again, err := shared.launch(t.Context(), ts.Server)
			if err != nil {
				t.Fatalf("start again: %v", err)
			}
			defer again.stop(StopSignal)
			if crashed := sig != StopSignal; again.Crashed() != crashed {
				t.Errorf("it crashed before: %v, want %v", again.Crashed(), crashed)
			}
			if got := query(t, again.Endpoint(), "select n::text from kept"); got != "42" {
				t.Errorf("kept %q, want 42", got)
			}
			recovered := strings.Contains(again.log(), "was not properly shut down")
			if want := sig != StopSignal; recovered != want {
				t.Errorf("recovery %v, want %v; log:\n%s", recovered, want, again.log())
			}
		})
	}
}

// After a kill -9 a backend that is busy holds the data; Prepare waits for
// it, names it, and gives up in the end.
func TestBackendsThatOutliveTheirServer(t *testing.T) {
	ts := own(t, spec.Managed{})
	ts.keepReading = true
	backend := dial(t, ts.Endpoint())
	var pid int
	if err := backend.QueryRow(t.Context(), "select pg_backend_pid()").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	// A stopped backend cannot notice that the postmaster is gone.
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ts.stop(syscall.SIGKILL)
	release := func() { _ = syscall.Kill(pid, syscall.SIGCONT); _ = syscall.Kill(pid, syscall.SIGQUIT) }
	defer release()
	ts.cfg.StaleWait = 300 * time.Millisecond
	_, err := ts.Prepare(t.Context())
	stale, ok := errors.AsType[*StaleError](err)
	if !ok || len(stale.PIDs) == 0 {
		t.Fatalf("err = %v, want a StaleError", err)
	}
	wantText(t, err, fmt.Sprint(pid), "kill -QUIT")
	ts.cfg.StaleWait = time.Minute
	ts.cfg.Note = func(text string) {
		if strings.Contains(text, "waiting for") {
			release()
		}
	}
	again, err := shared.launch(t.Context(), ts.Server)
	if err != nil {
		t.Fatalf("start once it is gone: %v", err)
	}
	again.stop(StopSignal)
}

func TestServerThatRunsAlready(t *testing.T) {
	ts := own(t, spec.Managed{})
	_, err := ts.Prepare(t.Context())
	running, ok := errors.AsType[*RunningError](err)
	if !ok || running.PID != ts.cmd.Process.Pid {
		t.Fatalf("err = %v, want a RunningError with process %d", err, ts.cmd.Process.Pid)
	}
}

func TestAttach(t *testing.T) {
	ts := own(t, spec.Managed{})
	other, err := New(ts.cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(other.Attach(), other.Ready(t.Context())); err != nil {
		t.Fatal(err)
	}
	if got := query(t, other.Endpoint(), "select current_user::text"); got != "main" {
		t.Errorf("reached as %q", got)
	}
	none, err := New(shared.config("never-started", spec.Managed{}))
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, none.Attach(), "has not been started yet")
	if _, err := os.Stat(none.cfg.StateDir); err == nil {
		t.Error("attaching made a state directory")
	}
}

func TestStalePIDOfAnotherProcess(t *testing.T) {
	ts := own(t, spec.Managed{})
	ts.stop(StopSignal)
	// This process is alive and is not PostgreSQL.
	text := fmt.Sprintf("%d\n%s\n1700000000\n5432\n", os.Getpid(), ts.DataDir())
	if err := ts.privateFile(filepath.Join(ts.DataDir(), "postmaster.pid"), text); err != nil {
		t.Fatal(err)
	}
	again, err := shared.launch(t.Context(), ts.Server)
	if err != nil {
		t.Fatal(err)
	}
	again.stop(StopSignal)
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if err := shared.copyTemplate(t.Name()); err != nil {
		t.Fatal(err)
	}
	cfg := shared.config(t.Name(), spec.Managed{})
	cfg.Port = l.Addr().(*net.TCPAddr).Port
	cfg.Holder = func(port int) string { return fmt.Sprintf("the holder of %d", port) }
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Prepare(t.Context())
	wantText(t, err, fmt.Sprintf("listen on 127.0.0.1:%d", cfg.Port), "not free",
		fmt.Sprintf("in use by the holder of %d", cfg.Port), `port = "auto"`)

	// Taken between the check and the start: the server's own words.
	ts := &testServer{Server: s, done: make(chan struct{})}
	ts.cmd = shared.command(s.command())
	out, err := ts.cmd.CombinedOutput()
	said := Diagnose(strings.Split(string(out), "\n"))
	if err == nil || said == nil {
		t.Fatalf("the server started, or said nothing: %v\n%s", err, out)
	}
	wantText(t, said, "FATAL", `port = "auto"`)
}

func TestVersionMismatch(t *testing.T) {
	if err := shared.copyTemplate(t.Name()); err != nil {
		t.Fatal(err)
	}
	cfg := shared.config(t.Name(), spec.Managed{Version: 11})
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	major := DataMajor(s.DataDir())
	_, err = s.Prepare(t.Context())
	mismatch, ok := errors.AsType[*VersionMismatchError](err)
	if !ok || mismatch.Declared != 11 || mismatch.Data != major {
		t.Fatalf("err = %v, want a VersionMismatchError", err)
	}
	wantText(t, err, fmt.Sprintf("PostgreSQL %d", major), "version 11", "syndicate db dump main --output main.dump", "syndicate db restore main main.dump")

	// Data of a version that is not installed.
	if err := os.WriteFile(filepath.Join(s.DataDir(), "PG_VERSION"), []byte("11\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = s.Prepare(t.Context())
	wantText(t, err, "the data directory belongs to version 11, which is not installed", "looked at:")
}

func TestDirectoryThatIsNoDatabase(t *testing.T) {
	dir := filepath.Join(shared.dir, t.Name())
	if err := os.MkdirAll(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "letter.txt"), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := New(shared.config("no-database", spec.Managed{DataDir: dir}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Prepare(t.Context())
	wantText(t, err, dir, "not empty", "choose another data_dir")
}

func TestPasswordFileLost(t *testing.T) {
	ts := own(t, spec.Managed{})
	ts.stop(StopSignal)
	old := ts.Endpoint().Password.Reveal()
	if err := os.RemoveAll(ts.cfg.StateDir); err != nil {
		t.Fatal(err)
	}
	s, err := New(ts.cfg)
	if err != nil {
		t.Fatal(err)
	}
	again, err := shared.launch(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer again.stop(StopSignal)
	if s.Endpoint().Password.Reveal() == old {
		t.Error("the password is the old one")
	}
	if got := query(t, s.Endpoint(), "select current_user::text"); got != "main" {
		t.Errorf("connected as %q", got)
	}
}

func TestWrongPassword(t *testing.T) {
	srv := shared.server
	const secret = "hunter2-hunter2"
	wrong := srv.endpointOf("main", "main", secret)
	err := wrong.Check(t.Context(), 0)
	wantText(t, err, "28P01", `check the password of the role "main"`)
	if IsTemporary(err) {
		t.Error("a wrong password is temporary")
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if strings.Contains(fmt.Sprintf("%v %+v %#v", e, e, e), secret) {
			t.Errorf("%T shows the password", e)
		}
	}
	// The superuser's, of another data directory.
	s := *srv.Server
	s.admin = s.endpointOf(adminRole, "postgres", secret)
	err = s.ensureRole(t.Context())
	wantText(t, err, srv.passwordFile(adminRole), "remove that file")
}

func TestReadyWaitsForTheServer(t *testing.T) {
	if err := shared.copyTemplate(t.Name()); err != nil {
		t.Fatal(err)
	}
	s, err := New(shared.config(t.Name(), spec.Managed{Extensions: []string{"pg_trgm"}}))
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Prepare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Nothing listens yet: Ready keeps asking, and ends with its context.
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("deadline of the probe"))
	defer cancel()
	err = s.Ready(ctx)
	wantText(t, err, "wait for database main", "deadline of the probe", "has not started")

	ready := make(chan error, 1)
	go func() { ready <- s.Ready(t.Context()) }()
	ts, err := shared.run(s, c)
	if err != nil {
		t.Fatal(err)
	}
	defer ts.stop(StopSignal)
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	if strings.Contains(ts.log(), "starting up") {
		t.Errorf("waiting filled the server's log:\n%s", ts.log())
	}
	if got := query(t, s.Endpoint(), "select count(*)::text from pg_extension where extname = 'pg_trgm'"); got != "1" {
		t.Error("the extension is missing")
	}
	s.cfg.Managed.Extensions = []string{"no_such_extension", "nor_this"}
	wantText(t, s.Ready(t.Context()), `create extension "no_such_extension"`, `create extension "nor_this"`, "install the package")
}

func TestInitialisation(t *testing.T) {
	name := t.Name()
	cfg := shared.config(name, spec.Managed{})
	data := cfg.Managed.DataDir
	if err := os.MkdirAll(filepath.Dir(data), 0o711); err != nil {
		t.Fatal(err)
	}
	dead := deadPID(t)
	for _, leftover := range []string{".tmp-", ".pw-"} {
		if err := os.Mkdir(fmt.Sprintf("%s%s%d", data, leftover, dead), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		c := cfg
		c.Note = func(text string) {
			if strings.HasPrefix(text, "initialising") {
				cancel(errors.New("interrupted"))
			}
		}
		s, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Prepare(ctx)
		wantText(t, err, "initialise "+data, "interrupted")
	})
	t.Run("failing", func(t *testing.T) {
		c := cfg
		c.Runner = failingRunner{execRunner{shared}}
		s, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Prepare(t.Context())
		wantText(t, err, "initialise "+data, "No space left on device", "the disk is full")
	})
	rest, err := filepath.Glob(filepath.Join(filepath.Dir(data), "*"))
	if err != nil || len(rest) != 0 {
		t.Errorf("left behind: %v", rest)
	}
}

// failingRunner fails every initdb.
type failingRunner struct{ execRunner }

func (r failingRunner) Run(ctx context.Context, c Command) ([]byte, error) {
	if filepath.Base(c.Argv[0]) != "initdb" {
		return r.execRunner.Run(ctx, c)
	}
	return []byte("creating directory ... initdb: error: could not write file: No space left on device\n"), errors.New("exit status 1")
}

// deadPID returns the id of a process that has ended.
func deadPID(t *testing.T) int {
	t.Helper()
	c := shared.command(Command{Argv: []string{"/bin/true"}, Dir: "/"})
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	return c.Process.Pid
}

// An empty directory that is a mount point cannot be renamed over; one that
// died half-way is begun anew.
func TestHalfMadeDirectoryInPlace(t *testing.T) {
	cfg := shared.config(t.Name(), spec.Managed{})
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(s.DataDir(), 0o711); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{filepath.Join(s.DataDir(), "PG_VERSION"): "15\n", s.halfMark(): ""} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	state, err := s.inspectData()
	if err != nil || state.major != 0 {
		t.Errorf("a half-made directory counts as %+v, %v", state, err)
	}
	if _, err := os.Stat(s.halfMark()); err == nil {
		t.Error("the mark is still there")
	}
}

func TestUnreachableDirectory(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("the server runs as this user, who reaches its own directories")
		return
	}
	closed := filepath.Join(shared.dir, t.Name())
	if err := os.MkdirAll(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := New(shared.config("unreachable", spec.Managed{DataDir: filepath.Join(closed, "data")}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Prepare(t.Context())
	wantText(t, err, `"postgres"`, closed, "chmod o+x")
}

func TestDurabilityOffNeedsItsMark(t *testing.T) {
	if err := shared.copyTemplate(t.Name()); err != nil {
		t.Fatal(err)
	}
	s, err := New(shared.config(t.Name(), spec.Managed{}))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(s.DataDir(), durabilityMark)); err != nil {
		t.Fatal(err)
	}
	_, err = s.Prepare(t.Context())
	wantText(t, err, "created to last")
}

func TestLongSocketPath(t *testing.T) {
	long := filepath.Join(shared.dir, t.Name(), strings.Repeat("d", 90), "data")
	cfg := shared.config(t.Name(), spec.Managed{DataDir: long})
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.mkdirs(filepath.Dir(long)); err != nil {
		t.Fatal(err)
	}
	if err := s.makeSocketDir(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Remove(s.socketDir) }()
	if len(s.socketDir)+len("/.s.PGSQL.65535") > 107 || !strings.Contains(s.socketDir, "syn-") {
		t.Errorf("socket directory %s", s.socketDir)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"port 0":            {func(c *Config) { c.Port = 0 }, "not between 1 and 65535"},
		"superuser":         {func(c *Config) { c.User = "postgres" }, "superuser"},
		"own setting":       {func(c *Config) { c.Managed.Settings = map[string]string{"port": "1"} }, "syndicate's own"},
		"unknown user":      {func(c *Config) { c.Managed.User = "nobody-of-that-name" }, `no user "nobody-of-that-name"`},
		"root":              {func(c *Config) { c.Managed.User = "root" }, "refuses to run as root"},
		"relative dir":      {func(c *Config) { c.Managed.DataDir = "data" }, "not absolute"},
		"relative state":    {func(c *Config) { c.StateDir = "state" }, "absolute state directory"},
		"nothing to run it": {func(c *Config) { c.Runner = nil }, "a runner"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := shared.config("refused", spec.Managed{})
			test.change(&cfg)
			_, err := New(cfg)
			if cfg.Managed.User != shared.user {
				_, err = serverAccount(cfg.Managed.User, 0)
			}
			wantText(t, err, test.want)
		})
	}
}

// A declared user is for where the engine is root: elsewhere the server runs
// as whoever runs the engine.
func TestServerAccount(t *testing.T) {
	for _, declared := range []string{"", "postgres", "nobody-of-that-name"} {
		a, err := serverAccount(declared, 1234)
		if err != nil || a.other || a.name != "" || a.uid != 1234 {
			t.Errorf("%q: %+v, %v; want this process's own", declared, a, err)
		}
	}
	if a, err := serverAccount("nobody", 0); err != nil || !a.other || a.name != "nobody" {
		t.Errorf("root: %+v, %v", a, err)
	}
}

func TestDataDir(t *testing.T) {
	if got := DataDir("/home/a/.syndicate/x", "main", false); got != "/home/a/.syndicate/x/pg/main" {
		t.Error(got)
	}
	a, b := DataDir("/srv/a/", "main", true), DataDir("/srv/a", "main", true)
	if a != b || !strings.HasPrefix(a, "/var/lib/syndicate/") || a == DataDir("/srv/b", "main", true) {
		t.Errorf("%s, %s", a, b)
	}
}
