package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// The exit codes: docs/reference/cli.md tells them.
const (
	exitDone        = 0
	exitFailed      = 1
	exitPending     = 2  // plan --detailed-exitcode, migrate status: something to do
	exitDiffers     = 3  // fmt --check; degraded, over a threshold, dirty or drifted
	exitNotReady    = 4  // up --wait
	exitOpen        = 75 // breaker exec: it lets nothing through; EX_TEMPFAIL of sysexits.h
	exitUsage       = 80 // the command line is wrong
	exitInterrupted = 130
)

// exitError ends the program with a code. Without an err nothing is printed:
// the command has said all there is to say.
type exitError struct {
	code int
	err  error
	hint string // the next command to try
	told bool   // the result is on standard output all the same
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// ExitCode makes an exitError known to kong.
func (e *exitError) ExitCode() int { return e.code }

// exit ends the program with a code and says nothing.
func exit(code int) error {
	if code == exitDone {
		return nil
	}
	return &exitError{code: code}
}

// failWith ends the program with exit code 1, its cause and, unless it is
// empty, the next command to try.
func failWith(err error, hint string) error {
	return &exitError{code: exitFailed, err: err, hint: hint}
}

// usage says what is wrong with the command line.
func usage(format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...), hint: anyHelp}
}

// anyHelp is what to try where nothing better is known. Of a command that was
// understood the help is that command's.
const anyHelp = "syndicate --help"

// usageError gives a mistake that kong found its code and its hint.
func (s *session) usageError(err error) error {
	var own *exitError
	if errors.As(err, &own) {
		return own
	}
	hint := anyHelp
	if parse, ok := errors.AsType[*kong.ParseError](err); ok && parse.Context != nil {
		if node := parse.Context.Selected(); node != nil {
			hint = "syndicate " + node.Path() + " --help"
			if path := node.FullPath(); path != "" {
				hint = path + " --help"
			}
			if strings.HasPrefix(err.Error(), "unknown flag -f") {
				hint = "syndicate -f PATH " + node.Path() // -f stands before the command
			}
			if better := s.dashed(); better != "" && strings.HasPrefix(err.Error(), "unknown flag") {
				hint = better
			}
		}
	}
	return &exitError{code: exitUsage, err: inPlainWords(err), hint: hint}
}
