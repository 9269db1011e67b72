// Command syndicate starts, migrates and supervises a system that is
// declared in HCL.
package main

import (
	"cmp"
	"errors"
	"io"
	"log"
	"os"

	"github.com/syndicate/syndicate/engine/process"
	"github.com/syndicate/syndicate/statedir"
	"github.com/syndicate/syndicate/view"
)

// version is set by the linker for releases; see buildVersion.
var version = ""

func main() {
	if process.Guardian(statedir.NoteDeath) {
		return
	}
	relax()
	log.SetOutput(io.Discard) // net/http's alone, which quotes to it what an upstream sent unasked
	if len(os.Args) > 1 && os.Args[1] == daemonWord {
		os.Exit(daemon())
	}
	s := newSession(os.Stdin, os.Stdout, os.Stderr)
	os.Exit(s.report(execute(s, os.Args[1:])))
}

// execute runs one command line.
func execute(s *session, args []string) error {
	args, err := s.leading(args)
	if err != nil {
		return err
	}
	args = s.asMeant(args)
	ctx, err := s.parse(args)
	if err != nil {
		return s.usageError(err)
	}
	if node := ctx.Selected(); node != nil {
		s.help = node.FullPath() + " --help"
	}
	defer s.sayIfStuck()()
	return ctx.Run()
}

// report shows what a command failed with, and returns the exit code.
func (s *session) report(err error) int {
	if err == nil {
		return exitDone
	}
	failure := &exitError{code: exitFailed, err: err}
	errors.As(err, &failure)
	if failure.err != nil {
		hint := failure.hint
		if hint == anyHelp {
			hint = cmp.Or(s.help, hint)
		}
		if better := s.byOwner(err, os.Geteuid()); better != "" {
			hint = better
		}
		if s.wantsJSON() && !failure.told {
			_ = view.FailureJSON(s.stdout, s.spelt(failure.Error()), hint, failure.code)
		}
		view.Failure(s.stderr, s.stderr.colour, s.spelt(failure.Error()), hint)
	}
	return failure.code
}
