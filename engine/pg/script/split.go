package script

import "strings"

// Statement is one SQL statement of a file.
type Statement struct {
	Line   int      // where its first word stands, from 1
	Offset int      // of its first byte in the file
	Words  []string // the first ones outside strings, remarks and bodies, in lower case
	Text   string   // as written, from its first word on, without the semicolon
}

// maxWords is how many words of a statement are kept: what a statement is
// its first words say, and an INSERT may have a million.
const maxWords = 32

// Split cuts a file into its statements as PostgreSQL's parser would. A
// semicolon inside a string, a quoted name, a dollar-quoted body, a remark,
// parentheses or the body of a BEGIN ATOMIC function ends none.
func Split(text string) []Statement {
	s := splitter{text: text}
	for t := range Tokens(text) {
		s.take(t)
	}
	s.finish()
	return s.done
}

// splitter gathers tokens to statements.
type splitter struct {
	text    string
	current *Statement // nil before its first token
	end     int        // of its last token
	last    string     // its last word
	counted int        // offset up to which lines are counted
	lines   int        // before counted
	depth   int        // of BEGIN ATOMIC and the CASEs inside it
	paren   int
	done    []Statement
}

// take adds one token.
func (s *splitter) take(t Token) {
	if t.Text == ";" && s.depth == 0 && s.paren == 0 {
		s.finish()
		return
	}
	if s.current == nil {
		s.lines += strings.Count(s.text[s.counted:t.Offset], "\n")
		s.counted = t.Offset
		s.current = &Statement{Line: 1 + s.lines, Offset: t.Offset}
	}
	s.end = t.Offset + len(t.Text)
	switch {
	case t.Kind == Word:
		s.word(strings.ToLower(t.Text))
	case t.Text == "(":
		s.paren++
	case t.Text == ")":
		s.paren = max(0, s.paren-1)
	}
}

// word notes a keyword or a name, and keeps count of BEGIN ATOMIC bodies.
func (s *splitter) word(w string) {
	switch {
	case w == "atomic" && s.last == "begin":
		s.depth++
	case w == "case" && s.depth > 0:
		s.depth++
	case w == "end" && s.depth > 0:
		s.depth--
	}
	s.last = w
	if len(s.current.Words) < maxWords {
		s.current.Words = append(s.current.Words, w)
	}
}

// finish closes the current statement, if there is one.
func (s *splitter) finish() {
	if s.current != nil {
		s.current.Text = s.text[s.current.Offset:s.end]
		s.done = append(s.done, *s.current)
	}
	s.current, s.last, s.depth, s.paren = nil, "", 0, 0
}
