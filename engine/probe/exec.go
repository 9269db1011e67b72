package probe

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"time"
)

// Runner runs a command to its end, in the unit's directory and environment.
type Runner interface {
	// Run returns nil where the command ends with exit status 0, else why
	// not, such as "exit status 1". When ctx ends it kills the command
	// with all its descendants and returns only when they are gone.
	Run(ctx context.Context, argv []string) error
}

// Slots bounds how many exec probes run at once, so that probing never
// takes the machine from what is probed. All probes of an engine share one.
type Slots struct{ free chan struct{} }

// NewSlots returns n slots; half the processors that this process may use, at
// least one, where n is 0. A limit of its cgroup counts.
func NewSlots(n int) *Slots {
	if n <= 0 {
		n = max(1, runtime.GOMAXPROCS(0)/2)
	}
	return &Slots{free: make(chan struct{}, n)}
}

// acquire waits for a slot, first come, first served.
func (s *Slots) acquire(ctx context.Context) error {
	select {
	case s.free <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Slots) release() { <-s.free }

// execCheck succeeds where a command ends with exit status 0.
type execCheck struct {
	what   string
	argv   []string
	runner Runner
	slots  *Slots
}

func newExecCheck(argv []string, runner Runner, slots *Slots) (*execCheck, error) {
	switch {
	case len(argv) == 0 || argv[0] == "":
		return nil, errors.New("no command to run")
	case runner == nil:
		return nil, errors.New("nothing to run commands with")
	case slots == nil:
		slots = NewSlots(0)
	}
	// The arguments may be long, and the program says enough.
	return &execCheck{what: "exec " + filepath.Base(argv[0]), argv: argv, runner: runner, slots: slots}, nil
}

func (c *execCheck) look(ctx context.Context, timeout time.Duration) error {
	if err := c.slots.acquire(ctx); err != nil {
		return err
	}
	defer c.slots.release()
	tctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := c.runner.Run(tctx, c.argv)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case tctx.Err() != nil:
		return fmt.Errorf("still running after %s", short(timeout))
	}
	return err
}
