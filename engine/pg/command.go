package pg

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// StopSignal asks a server to disconnect its clients, write a checkpoint and
// end: PostgreSQL's fast shutdown. SIGTERM would wait for every client to
// leave by itself, which an idle pool never does.
const StopSignal = syscall.SIGINT

// StopEscalation ends a server that did not stop within its grace period: at
// once, without a checkpoint, so that the next start recovers. It is the
// last resort: SIGKILL would orphan backends and shared memory.
const StopEscalation = syscall.SIGQUIT

// Command is a process to run.
type Command struct {
	Argv []string // Argv[0] is an absolute path
	Dir  string   // absolute
	Env  []string // NAME=value, the whole environment, sorted
	User string   // operating-system user by name; "": the engine's own
}

// Runner runs a command that ends by itself, such as initdb, and returns
// what it wrote to both streams. An exit other than 0 is an error. A
// cancelled context ends the command and everything it started.
type Runner interface {
	Run(ctx context.Context, cmd Command) (output []byte, err error)
}

// direct runs commands as children of this process, for callers that
// supervise nothing: looking for binaries while planning.
type direct struct{}

func (direct) Run(ctx context.Context, c Command) ([]byte, error) {
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Dir, cmd.Env = c.Dir, c.Env
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		if text, _, _ := strings.Cut(strings.TrimSpace(out.String()), "\n"); text != "" {
			err = fmt.Errorf("%w: %s", err, text)
		}
		return nil, err
	}
	return out.Bytes(), nil
}
