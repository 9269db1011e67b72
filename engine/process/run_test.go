package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"
)

func TestRun(t *testing.T) {
	eachMode(t, func(t *testing.T, h *Host) {
		result, err := h.Run(t.Context(), Command{Argv: []string{"/bin/sh", "-c", "echo out; echo err >&2; exit 4"}})
		if err != nil || result.Code != 4 || string(result.Output) != "out\nerr\n" {
			t.Errorf("%v, %v, %q", result.Exit, err, result.Output)
		}
	})
}

// Of much output the end is kept, in bounded memory.
func TestRunKeepsTheEndOfTheOutput(t *testing.T) {
	h := open(t, Config{})
	result, err := h.Run(t.Context(), helperCommand("print:100000"))
	if err != nil || !result.Success() {
		t.Fatalf("%v, %v", result.Exit, err)
	}
	var all bytes.Buffer
	for i := range 100000 {
		fmt.Fprintf(&all, "line %d\n", i)
	}
	if want := all.Bytes()[all.Len()-RunOutput:]; !bytes.Equal(result.Output, want) {
		t.Errorf("kept %d bytes", len(result.Output))
	}
	if result.Dropped+int64(len(result.Output)) != int64(all.Len()) {
		t.Errorf("dropped %d of %d bytes", result.Dropped, all.Len())
	}
}

// A command that runs too long is killed with all that it started, and one
// that leaves a child behind which holds the pipe does not hang.
func TestRunLeavesNothing(t *testing.T) {
	eachMode(t, func(t *testing.T, h *Host) {
		for _, mode := range []string{"stubborntree", "tree", "daemon"} {
			ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, errors.New("too slow"))
			_, err := h.Run(ctx, helperCommand(mode))
			if err == nil || err.Error() != "run the command: too slow" {
				t.Errorf("%s: error %v", mode, err)
			}
			cancel()
		}
		result, err := h.Run(t.Context(), helperCommand("treecrash"))
		if err != nil || result.Code != 3 {
			t.Errorf("%v, %v", result.Exit, err)
		}
		if left, err := FindByLife(h.config.Life); err != nil || len(left) > 0 {
			t.Errorf("left: %v, error %v", left, err)
		}
	})
}

func TestRunWithAnEndedContext(t *testing.T) {
	h := open(t, Config{})
	_, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Run(ctx, Command{Argv: []string{"/bin/true"}, Stdout: write}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if err := write.Close(); !errors.Is(err, os.ErrClosed) {
		t.Error("the output was not closed")
	}
}
