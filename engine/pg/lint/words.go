package lint

import (
	"strings"

	"github.com/syndicate/syndicate/engine/pg/script"
)

// indexWord returns where a keyword stands in SQL, outside of strings and
// remarks, or -1.
func indexWord(text, word string) int {
	for t := range script.Tokens(text) {
		if t.Kind == script.Word && strings.EqualFold(t.Text, word) {
			return t.Offset
		}
	}
	return -1
}

// replaceWord replaces the first of a keyword.
func replaceWord(text, word, with string) string {
	at := indexWord(text, word)
	if at < 0 {
		return text
	}
	return text[:at] + with + text[at+len(word):]
}

// without returns SQL without the first run of keywords.
func without(text string, words ...string) string {
	var at []script.Token
	for t := range script.Tokens(text) {
		if t.Kind == script.Word && strings.EqualFold(t.Text, words[len(at)]) {
			at = append(at, t)
			if len(at) == len(words) {
				last := at[len(at)-1]
				end := last.Offset + len(last.Text)
				return strings.TrimRight(text[:at[0].Offset], " \t\r\n") + text[end:]
			}
			continue
		}
		at = at[:0]
	}
	return text
}

// closing returns how far the first parenthesis of SQL reaches, its end
// included, or 0 where none is closed.
func closing(text string) int {
	depth := 0
	for t := range script.Tokens(text) {
		switch t.Text {
		case "(":
			depth++
		case ")":
			if depth--; depth == 0 {
				return t.Offset + 1
			}
		}
	}
	return 0
}

// lastWord returns where the last of a keyword stands, or -1.
func lastWord(text, word string) int {
	at := -1
	for t := range script.Tokens(text) {
		if t.Kind == script.Word && strings.EqualFold(t.Text, word) {
			at = t.Offset
		}
	}
	return at
}
