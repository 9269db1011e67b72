package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/engine/pg"
)

// endPatience is how long a program may take to end once it is told to.
const endPatience = 10 * time.Second

// askTimeout bounds the questions that are put to the server itself.
const askTimeout = 10 * time.Second

// Target is a database and where the programs for it may be.
type Target struct {
	Endpoint pg.Endpoint
	// BinDir is the directory of the server's programs, where that is known.
	BinDir string
	// Environ is the environment of the caller: NAME=value.
	Environ []string
	// Unlimited lifts the limit of statements that the role has: what people
	// do, and backups, may take as long as they take.
	Unlimited bool
}

// environ is what a program gets: the caller's, and how to reach the
// database where that does not fit on a command line.
func (t Target) environ(app string) []string {
	own := []string{"PGAPPNAME=" + app}
	if pw := t.Endpoint.Password.Reveal(); pw != "" {
		own = append(own, "PGPASSWORD="+pw)
	}
	if t.Unlimited {
		options := "-c statement_timeout=0"
		for _, e := range t.Environ {
			if before, ok := strings.CutPrefix(e, "PGOPTIONS="); ok {
				options = before + " " + options
			}
		}
		own = append(own, "PGOPTIONS="+options)
	}
	env := slices.DeleteFunc(slices.Clone(t.Environ), func(e string) bool {
		name, _, _ := strings.Cut(e, "=")
		return slices.ContainsFunc(own, func(o string) bool { return strings.HasPrefix(o, name+"=") })
	})
	return append(env, own...)
}

// version asks the server for its version: 15.18, and 15.
func (t Target) version(ctx context.Context) (text string, major int, err error) {
	err = t.Endpoint.With(ctx, askTimeout, func(_ context.Context, conn *pgx.Conn) error {
		text = conn.PgConn().ParameterStatus("server_version")
		return nil
	})
	if err != nil {
		return "", 0, err
	}
	text, _, _ = strings.Cut(text, " ")
	whole, _, _ := strings.Cut(text, ".")
	if major, err = strconv.Atoi(whole); err != nil {
		return "", 0, &pg.Error{Op: "ask for the server's version", Reason: fmt.Sprintf("it says %q", text)}
	}
	return text, major, nil
}

// find returns a program that understands the server.
func (t Target) find(ctx context.Context, name string) (program pg.Program, version string, err error) {
	version, major, err := t.version(ctx)
	if err != nil {
		return pg.Program{}, "", err
	}
	program, err = pg.FindProgram(ctx, name, major, pg.FindConfig{BinDir: t.BinDir})
	return program, version, err
}

// command builds a call that a cancelled context ends in good order.
func (t Target) command(ctx context.Context, program pg.Program, app string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program.Path, args...)
	cmd.Env = t.environ(app)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = endPatience
	return cmd
}

// failure says why a program failed, by what it wrote.
func failure(ctx context.Context, op, program string, said []byte, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", op, context.Cause(ctx))
	}
	var lines []string
	for line := range strings.Lines(string(said)) {
		line = strings.TrimSpace(line)
		for _, prefix := range []string{program + ": error: ", program + ": detail: ", program + ": hint: ", program + ": "} {
			if rest, ok := strings.CutPrefix(line, prefix); ok {
				line = rest
				break
			}
		}
		if line != "" && !strings.HasPrefix(line, "processing ") && !strings.HasPrefix(line, "creating ") {
			lines = append(lines, line)
		}
	}
	const most = 8
	if len(lines) > most {
		lines = lines[:most]
	}
	reason := strings.Join(lines, "\n  ")
	if reason == "" {
		reason = fmt.Sprintf("%s ended: %v", program, err)
	}
	return &pg.Error{Op: op, Reason: reason}
}

// Psql runs psql on the caller's terminal, and returns its exit code. Ctrl-C
// is psql's, which has it from the terminal: it cancels a statement and ends
// nothing. So ctx is for what comes before; signals are handed on.
func Psql(ctx context.Context, t Target, args []string, in io.Reader, out, errs io.Writer, signals <-chan os.Signal) (int, error) {
	program, _, err := t.find(ctx, "psql")
	if err != nil {
		return 0, err
	}
	where, err := t.Endpoint.WithoutPassword()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(program.Path, append([]string{"--dbname=" + where}, args...)...)
	cmd.Env = t.environ("psql by syndicate")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, errs
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("run psql: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case sig := <-signals:
			_ = cmd.Process.Signal(sig)
		case err := <-ended:
			if exit, ok := errors.AsType[*exec.ExitError](err); ok {
				return exitCode(exit), nil
			}
			return 0, err
		}
	}
}

// exitCode is that of a shell: 128 and the signal where one ended it.
func exitCode(exit *exec.ExitError) int {
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return exit.ExitCode()
}

// tail keeps what a program says, at most the first and the last of it.
type tail struct {
	buf  bytes.Buffer
	line func(string) // told of each whole line; nil: nobody is
	part []byte
}

// maxSaid bounds what is kept of a program's complaints.
const maxSaid = 64 << 10

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	if room := maxSaid - t.buf.Len(); room > 0 {
		t.buf.Write(p[:min(len(p), room)])
	}
	if t.line == nil {
		return len(p), nil
	}
	t.part = append(t.part, p...)
	for {
		i := bytes.IndexByte(t.part, '\n')
		if i < 0 {
			return len(p), nil
		}
		t.line(string(t.part[:i]))
		t.part = t.part[i+1:]
	}
}
