package script

import (
	"fmt"
	"iter"
	"strings"
)

// Kind is what a token is.
type Kind uint8

// The tokens of SQL, as far as cutting it into statements needs them.
const (
	Word   Kind = iota + 1 // a keyword, a name, a number's letters
	Quoted                 // a quoted name
	String                 // a string of any form, dollar-quoted bodies too
	Symbol                 // one byte of anything else
)

// Token is a part of a text that is neither space nor remark.
type Token struct {
	Kind   Kind
	Text   string // as written
	Offset int    // in bytes
}

// Name returns the name that a word or a quoted name stands for: PostgreSQL
// folds words to lower case. "" for other tokens.
func (t Token) Name() string {
	switch t.Kind {
	case Word:
		return strings.ToLower(t.Text)
	case Quoted:
		return strings.ReplaceAll(strings.Trim(t.Text, `"`), `""`, `"`)
	default:
		return ""
	}
}

// Tokens goes over the tokens of a text.
func Tokens(text string) iter.Seq[Token] {
	return func(yield func(Token) bool) {
		s := scanner{text: text}
		for t, ok := s.next(); ok; t, ok = s.next() {
			if !yield(t) {
				return
			}
		}
	}
}

// UnclosedError is a string, a quoted name, a body or a remark that does not
// end: PostgreSQL takes all that follows for a part of it.
type UnclosedError struct {
	What string // "string", "quoted name", "remark (/*)", "body $tag$"
	Line int    // where it begins, from 1
}

func (e *UnclosedError) Error() string {
	return fmt.Sprintf("line %d: the %s that begins here does not end", e.Line, e.What)
}

// Check returns an [UnclosedError] where the text ends inside of something.
func Check(text string) error {
	s := scanner{text: text}
	for _, ok := s.next(); ok; _, ok = s.next() {
		continue
	}
	if s.unclosed == "" {
		return nil
	}
	return &UnclosedError{What: s.unclosed, Line: 1 + strings.Count(text[:s.begin], "\n")}
}

// scanner walks over a text once.
type scanner struct {
	text string
	pos  int

	unclosed string // what the text ends inside of
	begin    int    // where that begins
}

// next returns the next token.
func (s *scanner) next() (Token, bool) {
	s.space()
	if s.pos >= len(s.text) {
		return Token{}, false
	}
	rest := s.text[s.pos:]
	c := rest[0]
	kind, n := Symbol, 1
	switch {
	case c == '\'':
		kind, n = String, s.quoted(rest, 0, false)
	case (c == 'e' || c == 'E') && len(rest) > 1 && rest[1] == '\'':
		kind, n = String, s.quoted(rest, 1, true)
	case c == '"':
		kind, n = Quoted, quotedLength(rest, '"', false)
		s.close(n, "quoted name")
	case c == '$' && dollarTag(rest) != "":
		tag := dollarTag(rest)
		kind, n = String, bodyLength(rest, tag)
		s.close(n, "body "+tag)
	case isWord(c):
		kind = Word
		for n < len(rest) && (isWord(rest[n]) || rest[n] == '$' || isDigit(rest[n])) {
			n++
		}
	}
	n = abs(n)
	t := Token{Kind: kind, Text: rest[:n], Offset: s.pos}
	s.pos += n
	return t, true
}

// space passes over spaces and remarks.
func (s *scanner) space() {
	for s.pos < len(s.text) {
		rest := s.text[s.pos:]
		n := 0
		switch {
		case isSpace(rest[0]):
			n = 1
		case strings.HasPrefix(rest, "--"):
			n = lineLength(rest)
		case strings.HasPrefix(rest, "/*"):
			n = remarkLength(rest)
			s.close(n, "remark (/*)")
		default:
			return
		}
		s.pos += abs(n)
	}
}

// close notes what does not end: lengths of such things are negative.
func (s *scanner) close(n int, what string) {
	if n < 0 {
		s.unclosed, s.begin = what, s.pos
	}
}

// quoted returns the length of a string, whose first quote stands after
// prefix bytes. Strings that only space with a line end keeps apart are one,
// and what a backslash means in the first it means in all.
func (s *scanner) quoted(rest string, prefix int, escapes bool) int {
	n := prefix
	for {
		part := quotedLength(rest[n:], '\'', escapes)
		if part < 0 {
			s.close(part, "string")
			return -len(rest)
		}
		n += part
		gap := continued(rest[n:])
		if gap == 0 {
			return n
		}
		n += gap
	}
}

// continued returns how far the next part of a string is, 0 where none is.
func continued(rest string) int {
	lines := false
	for i := 0; i < len(rest); {
		switch {
		case rest[i] == '\n' || rest[i] == '\r':
			lines = true
			i++
		case isSpace(rest[i]):
			i++
		case lines && strings.HasPrefix(rest[i:], "--"):
			i += lineLength(rest[i:])
		case lines && rest[i] == '\'':
			return i
		default:
			return 0
		}
	}
	return 0
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' || c == '\v'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWord(c byte) bool {
	return c == '_' || c >= 0x80 || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// lineLength returns how many bytes there are up to the end of the line.
func lineLength(rest string) int {
	if i := strings.IndexAny(rest, "\n\r"); i >= 0 {
		return i
	}
	return len(rest)
}

// bodyLength returns the length of a dollar-quoted body, negative where it
// does not end.
func bodyLength(rest, tag string) int {
	if i := strings.Index(rest[len(tag):], tag); i >= 0 {
		return i + 2*len(tag)
	}
	return -len(rest)
}

// quotedLength returns the length of a string or a quoted name, in which a
// doubled quote stands for itself, and with escapes a backslash protects the
// byte after it. It is negative where the quote does not end.
func quotedLength(rest string, quote byte, escapes bool) int {
	for i := 1; i < len(rest); i++ {
		switch {
		case escapes && rest[i] == '\\':
			i++
		case rest[i] == quote && i+1 < len(rest) && rest[i+1] == quote:
			i++
		case rest[i] == quote:
			return i + 1
		}
	}
	return -len(rest)
}

// remarkLength returns the length of a remark; remarks nest.
func remarkLength(rest string) int {
	depth := 0
	for i := 0; i+1 < len(rest); i++ {
		switch rest[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return -len(rest)
}

// dollarTag returns the $tag$ that rest begins with, or "".
func dollarTag(rest string) string {
	for i := 1; i < len(rest); i++ {
		c := rest[i]
		switch {
		case c == '$':
			return rest[:i+1]
		case !isWord(c) && (i == 1 || !isDigit(c)):
			return ""
		}
	}
	return ""
}

func abs(n int) int { return max(n, -n) }
