package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// Every command has examples, and they are command lines that it takes.
func TestExamples(t *testing.T) {
	paths := []string{""}
	parser := testParser(t)
	_ = kong.Visit(parser.Model, func(v kong.Visitable, next kong.Next) error {
		if node, ok := v.(*kong.Node); ok && node.Type == kong.CommandNode {
			paths = append(paths, node.Path())
		}
		return next(nil)
	})
	for _, path := range paths {
		if len(examples[path]) == 0 {
			t.Errorf("syndicate %s has no example", path)
		}
	}
	for path, lines := range examples {
		if !slices.Contains(paths, path) {
			t.Errorf("there is no command %q", path)
		}
		for _, line := range lines {
			s := silentSession()
			args, err := s.leading(exampleWords(line))
			if err != nil {
				t.Errorf("%s: %v", line, err)
				continue
			}
			ctx, err := testParser(t).Parse(args)
			if err != nil {
				t.Errorf("%s: %v", line, err)
			} else if got := ctx.Selected().Path(); path != "" && got != path && !strings.HasPrefix(got, path+" ") {
				t.Errorf("%s is an example of %s, and stands at %s", line, got, path)
			}
		}
	}
}

// exampleWords splits a command line as a shell does that is given no more
// than examples hold: quotes around a word, and redirections.
func exampleWords(line string) []string {
	line = strings.TrimSuffix(strings.TrimPrefix(line, "source <("), ")")
	for _, sign := range []string{" < ", " > "} {
		line, _, _ = strings.Cut(line, sign)
	}
	var words []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words[1:]
}
