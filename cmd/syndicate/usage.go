package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/alecthomas/kong"
)

var (
	// guessed is how kong says which words are near to one that it does not know.
	guessed = regexp.MustCompile(`^(unexpected argument|unknown flag) (\S+), did you mean (?:one of )?(".*")\?$`)
	// inKongsWords are other things that it says, and how a person would.
	inKongsWords = []struct {
		kong  *regexp.Regexp
		plain string
	}{
		{regexp.MustCompile(`^\[?<?([^>\]:]+)>?\]?: expected (?:a valid 64 bit u?int|int value) but got (".*?").*$`), `$1: write a whole number, not $2`},
		{regexp.MustCompile(`^(--[^:]+): missing value, expecting .*$`), `$1 needs a value`},
		{regexp.MustCompile(`^expected "(<[^>]+>).*"$`), `$1 is missing`},
		{regexp.MustCompile(`","`), `", "`},
	}
	// unexpected is what it says of a command that it does not know.
	unexpected = regexp.MustCompile(`^unexpected argument ([^\s,]+)`)
)

// inPlainWords says what kong found as a person would.
func inPlainWords(err error) error {
	text := err.Error()
	if m := guessed.FindStringSubmatch(text); m != nil {
		text = m[1] + " " + m[2]
		if near := nearWords(m[2], strings.Split(strings.ReplaceAll(m[3], `"`, ""), ", ")); len(near) > 0 {
			text += fmt.Sprintf(`, did you mean "%s"?`, strings.Join(near, `" or "`))
		}
	}
	if parse, ok := errors.AsType[*kong.ParseError](err); ok && parse.Context != nil && takesCommand(parse.Context) {
		text = unexpected.ReplaceAllString(text, `unknown command "$1"`)
		if node := parse.Context.Selected(); node != nil && strings.HasPrefix(text, "expected one of ") {
			text = "expected one of " + commandsOf(node)
		}
	}
	for _, words := range inKongsWords {
		text = words.kong.ReplaceAllString(text, words.plain)
	}
	return errors.New(text)
}

// commandsOf lists the commands of a command, of which kong names five.
func commandsOf(node *kong.Node) string {
	var names []string
	for _, child := range node.Children {
		names = append(names, child.Name)
	}
	return strings.Join(names, ", ")
}

// takesCommand reports whether a command is what was missing where kong
// stopped.
func takesCommand(ctx *kong.Context) bool {
	node := ctx.Selected()
	return node == nil || len(node.Children) > 0
}

// nearWords picks those of kong's guesses, all words that differ by two
// letters, that a hand could have meant: what begins as was typed, else what
// differs least, by less than half of it. Of a single letter nothing is near.
func nearWords(typed string, guesses []string) []string {
	word := strings.TrimLeft(typed, "-")
	if len(word) < 2 {
		return nil
	}
	longer := slices.DeleteFunc(slices.Clone(guesses), func(guess string) bool { return !strings.HasPrefix(guess, typed) })
	if len(longer) > 0 {
		return longer
	}
	var near []string
	least := (len(word) + 1) / 2
	for _, guess := range guesses {
		switch d := levenshtein.Distance(word, strings.TrimLeft(guess, "-"), nil); {
		case d > least || d*2 > max(len(word), len(guess)):
		case d < least:
			near, least = []string{guess}, d
		default:
			near = append(near, guess)
		}
	}
	return near
}
