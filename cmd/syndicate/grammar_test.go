package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/aymanbagabas/go-udiff"
)

// A command's own grammar is its part of the whole one, to the last flag.
func TestGrammarAlone(t *testing.T) {
	whole := testParser(t).Model
	var globals []string
	for _, f := range whole.Flags {
		globals = append(globals, describeFlag(f))
	}
	for _, child := range whole.Children {
		grammar, ok := grammarOf(child.Name)
		if !ok {
			t.Errorf("%s has no grammar of its own", child.Name)
			continue
		}
		parser, err := kong.New(grammar, silentSession().options()...)
		if err != nil {
			t.Errorf("%s: %v", child.Name, err)
			continue
		}
		alone := parser.Model
		if len(alone.Children) != 1 {
			t.Errorf("%s has %d commands", child.Name, len(alone.Children))
			continue
		}
		var flags []string
		for _, f := range alone.Flags {
			flags = append(flags, describeFlag(f))
		}
		if !slices.Equal(flags, globals) {
			t.Errorf("%s has global flags %q, want %q", child.Name, flags, globals)
		}
		if got, want := describeCommand(alone.Children[0]), describeCommand(child); got != want {
			t.Errorf("%s alone is not what it is in the whole:\n%s", child.Name, udiff.Unified("whole", "alone", want, got))
		}
	}
	if _, ok := grammarOf("globals"); ok {
		t.Error("a field without command is one")
	}
}

// What one command's grammar does not know is told as the whole one tells it,
// and what a command itself refuses is refused once.
func TestParseLeavesMistakesToTheWhole(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"stats", `unexpected argument stats, did you mean one of "start", "status"?`},
		{"status --jsn", `unknown flag --jsn, did you mean "--json"?`},
		{"--no status", `unknown flag --no`},
		{"migrate upp", `unexpected argument upp, did you mean "up"?`},
		{"migrate", `expected one of`},
		{"-C /nowhere status", `-C: chdir /nowhere`},
		{"", `expected one of "init"`},
	} {
		s := silentSession()
		args, err := s.leading(strings.Fields(test.line))
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.parse(args)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: got %v, want %s", test.line, err, test.want)
		}
		if errors.Is(err, errWhole) {
			t.Errorf("%q: %v", test.line, err)
		}
	}
}

// silentSession is one that nobody reads.
func silentSession() *session {
	return &session{stdin: strings.NewReader(""), stdout: stream{Writer: io.Discard}, stderr: stream{Writer: io.Discard}}
}

func describeFlag(f *kong.Flag) string {
	return fmt.Sprintf("%s %q %s %q %s %v %+v", f, f.Short, f.Help, f.Default, f.Enum, f.Envs, f.Group) + describeTag(f.Tag)
}

func describeTag(tag *kong.Tag) string {
	return fmt.Sprintf(" %v %v %v %v %v %v", tag.Required, tag.Optional, tag.Hidden, tag.Xor, tag.And, tag.Passthrough)
}

func describeCommand(node *kong.Node) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n%s\n%+v %v %v%s\n", node.FullPath(), node.Help, node.Detail, node.Group, node.Aliases, node.DefaultCmd != nil, describeTag(node.Tag))
	for _, f := range node.Flags {
		fmt.Fprintf(&b, "flag %s\n", describeFlag(f))
	}
	for _, p := range node.Positional {
		fmt.Fprintf(&b, "operand %s %s %q %s%s\n", p.Summary(), p.Help, p.Default, p.Enum, describeTag(p.Tag))
	}
	for _, c := range node.Children {
		b.WriteString(describeCommand(c))
	}
	return b.String()
}
