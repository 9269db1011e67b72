package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/api/client"
	"github.com/syndicate/syndicate/spec"
)

// breakerExecCmd runs a command behind a breaker.
type breakerExecCmd struct {
	Name    string   `arg:"" name:"breaker" help:"Its address or name: breaker.ollama, ollama, database.main." completion-predictor:"breaker"`
	Command []string `arg:"" optional:"" name:"command" help:"The command, behind --."`
	FailOn  []int    `name:"fail-on" placeholder:"CODE,…" help:"Exit codes that count as failures. Default: all but 0."`
	Timeout string   `name:"timeout" placeholder:"30s" help:"End the command after that long, which counts as a failure."`
}

// Exit codes as shells and timeout(1) have them.
const (
	exitTimeout  = 124
	exitNoExec   = 126
	exitNoFile   = 127
	exitBySignal = 128 // and its number
)

// killAfter is how long a command that was told to end may take.
const killAfter = 5 * time.Second

// Run asks the engine for a call, makes it, and tells how it went.
func (c *breakerExecCmd) Run(s *session) error {
	if len(c.Command) == 0 {
		return usage("there is no command to run: it stands behind --, as in syndicate breaker exec %s -- curl -fsS http://localhost:11434/api/tags", c.Name)
	}
	timeout, err := c.timeout()
	if err != nil {
		return err
	}
	list, err := s.breakers()
	if err != nil {
		return err
	}
	ids, err := s.pick([]string{c.Name}, breakerIDs(list), noBreaker)
	if err != nil {
		return err
	}
	dir, err := s.stateDirOf("")
	if err != nil {
		return err
	}
	// From here on signals are the command's: the terminal's reach it by
	// themselves.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	permit, err := client.New(dir).Permit(context.Background(), ids[0])
	if refused, ok := errors.AsType[*client.RefusedError](err); ok {
		text := refused.Error()
		if left := time.Until(refused.Until); left > 0 {
			text += "; tries again in " + left.Round(time.Second).String()
		}
		return &exitError{code: exitOpen, err: errors.New(text), hint: s.command("breaker", "show", ids[0])}
	}
	if err != nil {
		return err
	}
	outcome, why, code, failed := c.call(s, timeout, signals)
	if err := permit.End(context.Background(), outcome, why); err != nil {
		fmt.Fprintln(s.stderr, "Warning:", err)
	}
	if failed != nil {
		return &exitError{code: code, err: failed}
	}
	return exit(code)
}

func (c *breakerExecCmd) timeout() (time.Duration, error) {
	if c.Timeout == "" {
		return 0, nil
	}
	d, err := spec.ParseDuration(c.Timeout)
	if err != nil || d <= 0 {
		return 0, usage("--timeout takes a duration, such as 30s, and not %q", c.Timeout)
	}
	return d.Std(), nil
}

// call runs the command. The error is why it could not be run.
func (c *breakerExecCmd) call(s *session, timeout time.Duration, signals <-chan os.Signal) (outcome, why string, code int, err error) {
	cmd := exec.Command(c.Command[0], c.Command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.stdin, s.stdout.Writer, s.stderr.Writer
	if err := cmd.Start(); err != nil {
		// It was never called: that says nothing of the other side.
		code := exitNoExec
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
			code = exitNoFile
		}
		return api.CallNeutral, "", code, fmt.Errorf("run %s: %w", c.Command[0], err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var late, kill <-chan time.Time
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		late = timer.C
	}
	interrupted, expired := false, false
	for {
		select {
		case sig := <-signals:
			interrupted = true
			if sig == syscall.SIGTERM || sig == syscall.SIGHUP {
				_ = cmd.Process.Signal(sig)
			}
		case <-late:
			expired = true
			_ = cmd.Process.Signal(syscall.SIGTERM)
			kill = time.After(killAfter)
		case <-kill:
			_ = cmd.Process.Kill()
		case err := <-ended:
			outcome, why, code := c.judge(cmd.ProcessState)
			switch {
			case expired:
				return api.CallFailed, "no end within " + c.Timeout, exitTimeout, fmt.Errorf("%s did not end within %s", c.Command[0], c.Timeout)
			case interrupted: // whoever waited gave up
				return api.CallNeutral, "", code, nil
			case cmd.ProcessState == nil:
				return api.CallNeutral, "", exitFailed, err
			}
			return outcome, why, code, nil
		}
	}
}

// judge judges an end: by --fail-on, and a signal is a failure.
func (c *breakerExecCmd) judge(end *os.ProcessState) (outcome, why string, code int) {
	if end == nil {
		return api.CallNeutral, "", exitFailed
	}
	if status, ok := end.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return api.CallFailed, "killed by " + unix.SignalName(status.Signal()), exitBySignal + int(status.Signal())
	}
	code = end.ExitCode()
	if code == exitDone && len(c.FailOn) == 0 || len(c.FailOn) > 0 && !slices.Contains(c.FailOn, code) {
		return api.CallSucceeded, "", code
	}
	return api.CallFailed, fmt.Sprintf("exit code %d", code), code
}
