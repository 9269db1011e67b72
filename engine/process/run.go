package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// RunOutput is how many bytes of a short command's output Run keeps: the
// last ones, where the error usually stands.
const RunOutput = 64 << 10

// Result is what a short command left.
type Result struct {
	Exit
	Output  []byte // both streams as they came, where the Command named no files
	Dropped int64  // bytes before Output that were not kept
}

// Run runs a short command to its end, such as a probe. Nothing of its tree
// outlives it. When ctx ends first, the tree is killed and the error is the
// context's cause. That the command failed is no error: see Result.Exit.
func (h *Host) Run(ctx context.Context, command Command) (Result, error) {
	if err := ctx.Err(); err != nil {
		command.closeOutputs()
		return Result{}, fmt.Errorf("run the command: %w", context.Cause(ctx))
	}
	output, err := capture(&command)
	if err != nil {
		command.closeOutputs()
		return Result{}, err
	}
	p, err := h.start(&command, false)
	command.closeOutputs()
	if err != nil {
		output.stop()
		return Result{}, err
	}
	var cause error
	select {
	case <-p.Done():
	case <-ctx.Done():
		cause = fmt.Errorf("run the command: %w", context.Cause(ctx))
	}
	err = h.endRun(p, output, cause != nil)
	result := Result{Exit: p.Exit()}
	result.Output, result.Dropped = output.stop()
	return result, errors.Join(cause, err)
}

// endRun ends a short command's tree. Where that would cost a walk through
// the whole process table, it is spared as long as nothing hints at anything
// left and the last walk was a moment ago; what a command left behind
// unseen then ends with Close.
func (h *Host) endRun(p *Process, output *tail, killed bool) error {
	const moment = 5 * time.Second
	if killed || h.cells.usable() || tableName() != "scan" || !output.ended(2*time.Millisecond) || groupAlive(p.pid) {
		return p.endTree()
	}
	now := time.Now().UnixNano()
	if last := h.lastWalk.Load(); now-last > int64(moment) && h.lastWalk.CompareAndSwap(last, now) {
		return p.endTree()
	}
	h.finish(p.tree)
	return nil
}

// tail keeps the end of what comes out of a pipe. A nil *tail keeps nothing.
type tail struct {
	read *os.File
	done chan struct{}

	mu      sync.Mutex
	kept    []byte
	dropped int64
}

// capture gives a command a pipe where it has no outputs.
func capture(command *Command) (*tail, error) {
	if command.Stdout != nil || command.Stderr != nil {
		return nil, nil
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("open a pipe for the command's output: %w", err)
	}
	command.Stdout, command.Stderr = write, write
	t := &tail{read: read, done: make(chan struct{})}
	go t.copy()
	return t, nil
}

// copy ends with the pipe, and stop waits for it.
func (t *tail) copy() {
	defer close(t.done)
	buffer := make([]byte, 4096)
	for {
		n, err := t.read.Read(buffer)
		t.keep(buffer[:n])
		if err != nil {
			if !errors.Is(err, io.EOF) && errors.Is(err, syscall.EINTR) {
				continue
			}
			return
		}
	}
}

func (t *tail) keep(data []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, data...)
	if len(t.kept) > 2*RunOutput {
		t.trim()
	}
}

func (t *tail) trim() {
	if over := len(t.kept) - RunOutput; over > 0 {
		t.dropped += int64(over)
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
}

// ended reports whether nobody holds the pipe any more.
func (t *tail) ended(wait time.Duration) bool {
	if t == nil {
		return true
	}
	select {
	case <-t.done:
		return true
	default:
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-t.done:
		return true
	case <-timer.C:
		return false
	}
}

// stop ends the copying, also where somebody outside the tree still holds
// the pipe, and returns what was kept.
func (t *tail) stop() ([]byte, int64) {
	if t == nil {
		return nil, 0
	}
	if !t.ended(100 * time.Millisecond) {
		_ = t.read.SetReadDeadline(time.Now())
		<-t.done
	}
	t.read.Close()
	t.trim()
	return t.kept, t.dropped
}
