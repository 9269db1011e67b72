package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/syndicate/syndicate/engine/log"
	"github.com/syndicate/syndicate/spec"
)

// taskWork runs a start-up task: one process that ends.
type taskWork struct {
	*site
	task *current[spec.Task]
	out  *log.Log
}

func (w *taskWork) run(ctx context.Context, a *attempt) (out Outcome) {
	defer w.conceal(&out)
	task := w.task.get()
	cmd, err := w.command(&task.Command, task.Addr.String(), 0)
	if err != nil {
		return permanent("prepare "+task.Addr.String(), err)
	}
	x, lasting, err := w.execute(ctx, &cmd, w.out, func(*log.Capture) error { return nil })
	if err != nil {
		return Outcome{Err: err, Permanent: lasting}
	}
	a.started(x.proc.PID())
	timeout := time.NewTimer(task.Timeout.Std())
	defer timeout.Stop()
	stop := func() {
		err := x.stop(signalNamed(w.task.get().Stop.Signal), w.task.get().Stop.Timeout.Std(), a.hurry)
		out.Err = errors.Join(out.Err, err)
		out.Exit = x.proc.Exit().String()
	}
	select {
	case <-x.proc.Done():
		out = exited(x.proc.Exit())
		if out.Clean {
			out.Err = nil
		}
		out.Err = errors.Join(out.Err, x.end())
	case <-ctx.Done():
		out.Err = context.Cause(ctx)
		stop()
	case <-timeout.C:
		out.Err = fmt.Errorf("ran longer than its timeout of %s", task.Timeout)
		stop()
	}
	return out
}
