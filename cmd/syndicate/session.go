package main

import (
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/syndicate/syndicate/handover"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/view"
)

// session is what a command has of the world: its streams, and the global
// flags. Commands write nothing themselves: they hand stdout or stderr to a
// view.
type session struct {
	stdin  io.Reader
	stdout stream
	stderr stream

	file     string   // -f, --file or SYNDICATE_FILE
	stateDir string   // --state-dir
	quiet    bool     // -q
	verbose  bool     // -v
	given    []string // the global flags that were given, for hints
	words    []string // the command line behind them
	help     string   // the command line that shows this command's help
	operand  string   // the configuration, where it was an operand
	by       string   // who asked, where that was another process
	meant    []string // the flags that the configuration was decoded with

	passed  []handover.Socket // by the service manager, where this command takes such
	manager *serviceManager   // that wants to be told, the same

	declared func() *spec.System // the configuration, where this command applies one
}

// stream is an output with what is known of who reads it. The writer is for
// people's eyes: data go to raw, as the views do by themselves.
type stream struct {
	io.Writer
	raw      io.Writer
	terminal bool
	colour   bool
	columns  func() int // of the terminal at the moment; 0 without one
	rows     func() int // the same
	unread   bool       // it is /dev/null
}

// Width returns the columns to wrap to: the terminal's, 80 without one, and
// never more than 120.
func (o stream) Width() int {
	if n := o.columns(); n > 0 {
		return min(n, 120)
	}
	return 80
}

// Verbatim returns what data are written to where the writer would change
// them, else nil.
func (o stream) Verbatim() io.Writer {
	if a, ok := o.Writer.(*view.ASCII); ok {
		return a.Verbatim()
	}
	return nil
}

func newSession(stdin io.Reader, stdout, stderr *os.File) *session {
	return &session{stdin: stdin, stdout: newStream(stdout), stderr: newStream(stderr)}
}

// newStream looks at a file. Colour is on where a person looks at it and
// nothing speaks against it.
func newStream(f *os.File) stream {
	terminal := term.IsTerminal(int(f.Fd()))
	size := func() (columns, rows int) {
		if terminal {
			columns, rows, _ = term.GetSize(int(f.Fd()))
		}
		return columns, rows
	}
	var text io.Writer = f
	if !unicodeLocale(os.Getenv) {
		text = view.NewASCII(f)
		whole := size
		size = func() (columns, rows int) {
			columns, rows = whole()
			return max(columns-view.WiderBy, 0), rows
		}
	}
	return stream{
		Writer:   text,
		raw:      f,
		terminal: terminal,
		unread:   isNull(f),
		colour:   terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
		columns:  func() int { columns, _ := size(); return columns },
		rows:     func() int { _, rows := size(); return rows },
	}
}

// unicodeLocale reports whether this locale's characters are UTF-8, which the
// first variable decides that is set. Where none is, they are: cron, a
// container and a service manager set none, and who reads what runs there
// has UTF-8.
func unicodeLocale(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(getenv(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return true
}

// isNull reports whether what is written to f is read by nobody.
func isNull(f *os.File) bool {
	null, err := os.Stat(os.DevNull)
	if err != nil {
		return false
	}
	info, err := f.Stat()
	return err == nil && os.SameFile(null, info)
}

// apply takes the global flags over.
func (s *session) apply(g *globals) error {
	if g.Directory != "" {
		if err := os.Chdir(g.Directory); err != nil {
			return usage("-C: %w", err)
		}
	}
	switch g.Color {
	case "always":
		s.stdout.colour, s.stderr.colour = true, true
	case "never":
		s.stdout.colour, s.stderr.colour = false, false
	}
	s.file, s.stateDir, s.quiet, s.verbose = g.File, g.StateDir, g.Quiet, g.Verbose
	return nil
}

// leading rewrites the flags before the command: -f PATH is --file there,
// which kong cannot say, since -f means --follow behind some commands. It
// also remembers them for hints.
func (s *session) leading(args []string) ([]string, error) {
	var out []string
	i := 0
	for i < len(args) && strings.HasPrefix(args[i], "-") && args[i] != "-" && args[i] != "--" {
		taken, rewritten, err := leadingFlag(args[i:])
		if err != nil {
			return nil, err
		}
		out = append(out, rewritten...)
		i += taken
	}
	s.given, s.words = append([]string(nil), args[:i]...), args[i:]
	return append(out, args[i:]...), nil
}

// leadingFlag reads one flag before the command, and says how many arguments
// it took and what kong is given for them.
func leadingFlag(args []string) (taken int, rewritten []string, err error) {
	arg := args[0]
	if name, ok := strings.CutPrefix(arg, "--"); ok {
		switch name {
		case "file", "directory", "state-dir", "color":
			if len(args) < 2 {
				return 0, nil, usage("%s needs a value", arg)
			}
			return 2, args[:2], nil
		}
		return 1, args[:1], nil
	}
	// A cluster such as -qf: flags without value, then one with.
	for i := 1; i < len(arg); i++ {
		long := ""
		switch arg[i] {
		case 'f':
			long = "--file="
		case 'C':
			long = "--directory="
		default:
			continue
		}
		if i > 1 {
			rewritten = append(rewritten, arg[:i])
		}
		if value := strings.TrimPrefix(arg[i+1:], "="); value != "" {
			return 1, append(rewritten, long+value), nil
		}
		if len(args) < 2 {
			return 0, nil, usage("-%c needs a value", arg[i])
		}
		return 2, append(rewritten, long+args[1]), nil
	}
	return 1, args[:1], nil
}

// wantsJSON reports whether the command line asks for JSON.
func (s *session) wantsJSON() bool {
	for i, w := range s.words {
		switch {
		case w == "--":
			return false
		case w == "--json", w == "--format=json", w == "--format" && slices.Index(s.words[i+1:], "json") == 0:
			return true
		}
	}
	return false
}

// reject ends a command with what was found wrong.
func (s *session) reject(report *view.Report) error {
	err := report.Text(s.stderr, s.textOptions(s.stderr))
	if err == nil && s.wantsJSON() {
		err = report.JSON(s.stdout)
	}
	if err != nil {
		return err
	}
	return exit(exitFailed)
}

// path returns the configuration that a command works on: its operand, else
// what -f or SYNDICATE_FILE name, else the current directory.
func (s *session) path(operand string) (string, error) {
	switch {
	case operand == "":
		if s.file == "" {
			return ".", nil
		}
		return s.file, nil
	case s.fileGiven() && s.file != operand:
		return "", usage("the configuration is named twice: %s and %s", s.file, operand)
	}
	s.operand = operand
	return operand, nil
}

// fileGiven reports whether a flag names the configuration: the environment
// yields to an operand, a flag does not.
func (s *session) fileGiven() bool {
	return s.file != "" && s.file != os.Getenv("SYNDICATE_FILE")
}

// command returns a command line for a hint, with the global flags that were
// given.
func (s *session) command(words ...string) string {
	parts := []string{"syndicate"}
	for _, w := range append(append([]string(nil), s.given...), words...) {
		if w == "" || strings.ContainsAny(w, " \t\n'\"\\$&|;<>()*?#~`[]{}!") {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		parts = append(parts, w)
	}
	return strings.Join(parts, " ")
}

// here is command for another command about the same configuration, which may
// have been an operand of this one.
func (s *session) here(words ...string) string {
	if s.operand != "" && !s.fileGiven() {
		words = append([]string{"-f", s.operand}, words...)
	}
	return s.command(words...)
}

// commands are those that a text may say to type.
var commands = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\bsyndicate (up|down|plan|migrate|doctor|logs|status)\b`)
})

// spelt is a text in which a command to type is one about the same
// configuration: who makes the text does not know how it was named.
func (s *session) spelt(text string) string {
	return commands().ReplaceAllStringFunc(text, func(found string) string {
		command := strings.TrimPrefix(found, "syndicate ")
		switch command {
		case "up", "plan", "migrate":
			return s.anew(command)
		}
		return s.here(command)
	})
}

// anew is here for a command that decodes the same configuration: it gets the
// same values and the same profiles.
func (s *session) anew(command string, words ...string) string {
	return s.here(append(append([]string{command}, s.meant...), words...)...)
}
