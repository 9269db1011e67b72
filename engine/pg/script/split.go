package script

import (
	"slices"
	"strings"
)

// Statement is one SQL statement of a file.
type Statement struct {
	Line  int      // where its first word stands, from 1
	Words []string // outside strings, comments and bodies, in lower case
	Text  string   // as written, from its first word on
}

// Split cuts a file into its statements as PostgreSQL's parser would. A
// semicolon inside a string, a quoted name, a dollar-quoted body, a comment
// or the body of a BEGIN ATOMIC function ends none.
func Split(text string) []Statement {
	s := splitter{text: text, line: 1, start: -1}
	for s.pos < len(s.text) {
		s.step()
	}
	s.end()
	return s.done
}

// splitter walks over a file once.
type splitter struct {
	text  string
	pos   int
	line  int
	start int // of the current statement, -1 before its first token
	first int // its line
	words []string
	depth int // of BEGIN ATOMIC and the CASEs inside it; and of parentheses
	paren int
	done  []Statement
}

// step consumes one token.
func (s *splitter) step() {
	rest := s.text[s.pos:]
	c := rest[0]
	switch {
	case c == '\n' || c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v':
		s.skip(1)
	case strings.HasPrefix(rest, "--"):
		s.skip(lengthTo(rest, "\n", 0))
	case strings.HasPrefix(rest, "/*"):
		s.skip(commentLength(rest))
	case c == '\'':
		s.take(quotedLength(rest, '\'', false))
	case (c == 'e' || c == 'E') && len(rest) > 1 && rest[1] == '\'':
		s.take(1 + quotedLength(rest[1:], '\'', true))
	case c == '"':
		s.take(quotedLength(rest, '"', false))
	case c == '$' && dollarTag(rest) != "":
		tag := dollarTag(rest)
		s.take(len(tag) + lengthTo(rest[len(tag):], tag, len(tag)))
	case isWord(c):
		n := 1
		for n < len(rest) && (isWord(rest[n]) || rest[n] == '$' || '0' <= rest[n] && rest[n] <= '9') {
			n++
		}
		s.word(strings.ToLower(rest[:n]))
		s.take(n)
	case c == ';' && s.depth == 0 && s.paren == 0:
		s.end()
		s.skip(1)
	default:
		switch c {
		case '(':
			s.paren++
		case ')':
			s.paren = max(0, s.paren-1)
		}
		s.take(1)
	}
}

// word notes a keyword or a name, and keeps count of BEGIN ATOMIC bodies.
func (s *splitter) word(w string) {
	switch {
	case w == "atomic" && len(s.words) > 0 && s.words[len(s.words)-1] == "begin":
		s.depth++
	case w == "case" && s.depth > 0:
		s.depth++
	case w == "end" && s.depth > 0:
		s.depth--
	}
	s.words = append(s.words, w)
}

// skip passes over n bytes that belong to no statement.
func (s *splitter) skip(n int) {
	s.line += strings.Count(s.text[s.pos:s.pos+n], "\n")
	s.pos += n
}

// take passes over n bytes of a statement.
func (s *splitter) take(n int) {
	if s.start < 0 {
		s.start, s.first = s.pos, s.line
	}
	s.skip(n)
}

// end closes the current statement, if there is one.
func (s *splitter) end() {
	if s.start >= 0 {
		s.done = append(s.done, Statement{
			Line: s.first, Words: s.words, Text: strings.TrimSpace(s.text[s.start:s.pos]),
		})
	}
	s.start, s.words, s.depth, s.paren = -1, nil, 0, 0
}

func isWord(c byte) bool {
	return c == '_' || c >= 0x80 || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// lengthTo returns how many bytes there are up to mark and extra bytes of
// it, or all of them without a mark.
func lengthTo(rest, mark string, extra int) int {
	if i := strings.Index(rest, mark); i >= 0 {
		return i + extra
	}
	return len(rest)
}

// quotedLength returns the length of a string or a quoted name, in which a
// doubled quote stands for itself, and with escapes a backslash protects the
// byte after it.
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
	return len(rest)
}

// commentLength returns the length of a comment; comments nest.
func commentLength(rest string) int {
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
	return len(rest)
}

// dollarTag returns the $tag$ that rest begins with, or "".
func dollarTag(rest string) string {
	for i := 1; i < len(rest); i++ {
		c := rest[i]
		switch {
		case c == '$':
			return rest[:i+1]
		case !isWord(c) && (i == 1 || c < '0' || c > '9'):
			return ""
		}
	}
	return ""
}

// Atomic reports whether a file either happens wholly or not at all. That is
// so where all of it runs in one transaction: its own, around everything, or
// the implicit one of a query with several statements, in which PostgreSQL
// refuses what cannot be undone, such as CREATE INDEX CONCURRENTLY or a
// COMMIT inside DO. Where it is not certain the answer is no.
func Atomic(statements []Statement) bool {
	body := statements
	if n := len(body); n >= 2 && opens(body[0]) && closes(body[n-1]) {
		body = body[1 : n-1]
	}
	for _, st := range body {
		if controls(st) {
			return false
		}
	}
	return len(statements) > 1 || len(statements) == 1 && undoable(statements[0])
}

// controls reports whether a statement begins or ends a transaction.
func controls(st Statement) bool {
	if len(st.Words) == 0 {
		return false
	}
	switch st.Words[0] {
	case "begin", "start", "commit", "end", "abort":
		return true
	case "rollback":
		return len(st.Words) < 2 || st.Words[1] != "to"
	case "prepare":
		return len(st.Words) > 1 && st.Words[1] == "transaction"
	}
	return false
}

// undoable reports whether a statement that is a query of its own leaves
// nothing behind when it fails.
func undoable(st Statement) bool {
	if len(st.Words) == 0 || slices.Contains(st.Words, "concurrently") {
		return false
	}
	switch st.Words[0] {
	case "vacuum", "reindex", "cluster", "call":
		return false
	case "do":
		body := strings.ToLower(st.Text)
		for _, w := range []string{"commit", "rollback", "call", "execute"} {
			if strings.Contains(body, w) {
				return false
			}
		}
	case "create", "drop", "alter":
		return len(st.Words) < 2 || !slices.Contains([]string{"database", "tablespace", "subscription", "system"}, st.Words[1])
	}
	return true
}

// opens reports whether a statement begins a transaction.
func opens(st Statement) bool {
	return len(st.Words) > 0 && (st.Words[0] == "begin" ||
		st.Words[0] == "start" && len(st.Words) > 1 && st.Words[1] == "transaction")
}

// closes reports whether a statement commits one, and begins no other.
func closes(st Statement) bool {
	return len(st.Words) > 0 && (st.Words[0] == "commit" || st.Words[0] == "end") &&
		(len(st.Words) == 1 || st.Words[1] == "transaction" || st.Words[1] == "work") && len(st.Words) <= 2
}
