package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/syndicate/syndicate/engine/process"
	"github.com/syndicate/syndicate/statedir"
)

var update = flag.Bool("update", false, "rewrite what scripts and goldens compare with")

// TestMain lets scripts run this test binary as syndicate.
func TestMain(m *testing.M) {
	if process.Guardian(statedir.NoteDeath) {
		return
	}
	testscript.Main(m, map[string]func(){"syndicate": main, "listen": listenOnPort, "ask": ask})
}

// listenOnPort is a service of some scripts: it listens on PORT.
func listenOnPort() {
	l, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		panic(err)
	}
	for {
		if c, err := l.Accept(); err == nil {
			_ = c.Close()
		}
	}
}

// freePort returns a port that nobody listens on just now.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

// ask is a program for scripts: ask URL [TOKEN | @FILE] prints the answer to
// a GET, and fails with one that is no success.
func ask() {
	req, err := http.NewRequest(http.MethodGet, os.Args[1], nil)
	if err == nil && len(os.Args) > 2 {
		token := os.Args[2]
		if file, ok := strings.CutPrefix(token, "@"); ok {
			var text []byte
			text, err = os.ReadFile(file)
			token = strings.TrimSpace(string(text))
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	var resp *http.Response
	if err == nil {
		resp, err = http.DefaultClient.Do(req)
	}
	if err == nil {
		if resp.StatusCode != http.StatusOK {
			fmt.Fprintln(os.Stderr, resp.Status)
			defer os.Exit(1)
		}
		_, err = io.Copy(os.Stdout, resp.Body)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Each script is one behaviour of the command line.
func TestScripts(t *testing.T) { runScripts(t, "testdata/script") }

// Each script is a public report about another tool, in which a dependency
// was not what it was declared to be.
func TestReportedIssues(t *testing.T) { runScripts(t, "testdata/issues") }

func runScripts(t *testing.T, dir string) {
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			// What the machine's own environment holds is no part of a test.
			e.Vars = append(e.Vars,
				"SYNDICATE_FILE=", "SYNDICATE_PROFILE=", "NO_COLOR=", "TERM=dumb", "PATH="+os.Getenv("PATH"),
				"XDG_CACHE_HOME="+filepath.Join(e.WorkDir, "cache"),
				"GORACE=atexit_sleep_ms=0", // by default each program would last a second
				"LC_TEST="+e.WorkDir)       // services inherit it
			e.Defer(func() { leaveNothing(e) })
			port, err := freePort()
			e.Vars = append(e.Vars, "SYNDICATE_VAR_free_port="+port)
			return errors.Join(err, serverDir(e))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": exitCode, "until": until},
	})
}

// serverDir names a directory for the data of a script's PostgreSQL server,
// which runs as another user where the tests are root's: none of a script's
// own would let it pass. The server makes it.
func serverDir(e *testscript.Env) error {
	above, err := os.MkdirTemp("/tmp", "syn-script-")
	if err != nil {
		return err
	}
	e.Defer(func() { _ = os.RemoveAll(above) })
	e.Vars = append(e.Vars, "SYNDICATE_VAR_server_dir="+filepath.Join(above, "data"))
	return os.Chmod(above, 0o711)
}

// leaveNothing ends what a script left running, which is a failure of one that
// has not failed before. An engine that has said that everything is stopped
// may take a moment to end.
func leaveNothing(e *testscript.Env) {
	entry := "LC_TEST=" + e.WorkDir
	t, ok := e.T().(testing.TB)
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ok && !t.Failed() && len(processesWith(entry)) > 0 {
		select {
		case <-tick.C:
			continue
		case <-deadline:
		}
		break
	}
	for _, dir := range processesWith(entry) {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		if ok && !t.Failed() {
			t.Errorf("the script leaves a process: %d %s", pid, bytes.ReplaceAll(line, []byte{0}, []byte{' '}))
		}
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// processesWith lists the directories in /proc of the processes whose
// environment has an entry.
func processesWith(entry string) []string {
	var found []string
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		env, _ := os.ReadFile(filepath.Join(dir, "environ"))
		if bytes.Contains(env, []byte(entry+"\x00")) { // one script's name may begin another's
			found = append(found, dir)
		}
	}
	return found
}

// exitCode runs a command and fails unless it ends with the given exit code:
// code 80 syndicate upp.
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N command [args...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = exitStatus(err)
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}
