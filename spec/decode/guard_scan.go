package decode

import "bytes"

// textKind says how a text begins to be read.
type textKind int

const (
	configText textKind = iota
	expressionText
	templateText
)

// scanner measures how deep a text nests and how many operators chain in one
// expression. It tells strings, heredocs, templates and comments apart
// exactly as HCL's own lexer does (a fuzz test compares the two), but keeps
// no tokens: 16 MiB of brackets cost no memory.
//
// It never reports less depth than the parser reaches, also in a text that
// is broken: a closing bracket that does not close what was opened last is
// ignored, since the parser may skip over it while it recovers.
type scanner struct {
	src    []byte
	kind   textKind
	limits limits
	frames []frame
	depth  int // frames that the parser recurses for: all but strings

	operators int // on the way from the expression's start to here

	braces    int   // as HCL's lexer counts them
	templates []int // the value of braces that ends each open ${

	before lexeme // the last one that was no blank and no block comment
}

// limits are the bounds of nesting and operators.
type limits struct{ nesting, operators int }

// frame is something that is open: a bracket, a template sequence, a string.
type frame struct {
	kind   byte // one of { [ ( $ " < (a heredoc)
	base   int  // operators when it was opened
	most   int  // operators of its largest element
	first  bool // nothing stood in it yet
	body   bool // a { that opens a block
	inline bool // a body whose first item is on the line of its {
	each   bool // a { that is a for expression

	marker []byte // of a heredoc
	sol    bool   // a heredoc is at the start of a line
}

// lexeme is what the scanner remembers of the one before.
type lexeme byte

const (
	tokenNone lexeme = iota
	tokenNewline
	tokenOpen
	tokenWord  // an identifier or a closing quote: a { behind it is a body's
	tokenValue // a number or closing bracket: a [ behind it is an index
	tokenOther
)

// run measures the whole text, and returns the first bound that it breaks.
func (s *scanner) run() *problem {
	i := 0
	if s.kind != templateText && bytes.HasPrefix(s.src, []byte("\xEF\xBB\xBF")) {
		i = 3
	}
	if s.kind == templateText {
		s.frames = append(s.frames, frame{kind: '<', sol: true})
	}
	s.before = tokenNewline
	for i < len(s.src) {
		var p *problem
		switch top := s.top(); {
		case top != nil && top.kind == '"':
			i, p = s.quoted(i)
		case top != nil && top.kind == '<':
			i, p = s.literal(i)
		default:
			i, p = s.code(i)
		}
		if p != nil {
			return p
		}
	}
	return nil
}

func (s *scanner) top() *frame {
	if len(s.frames) == 0 {
		return nil
	}
	return &s.frames[len(s.frames)-1]
}

// push opens a frame whose first byte is at offset.
func (s *scanner) push(f frame, offset, length int) *problem {
	f.base, f.first = s.operators, true
	s.frames = append(s.frames, f)
	if f.kind == '"' || f.kind == '<' {
		return nil
	}
	if s.depth++; s.depth > s.limits.nesting {
		return &problem{kind: tooDeep, offset: offset, length: length}
	}
	return nil
}

// pop closes the innermost frame. What its largest element took counts on.
func (s *scanner) pop() {
	f := s.top()
	s.operators = max(s.operators, f.most)
	if f.kind != '"' && f.kind != '<' {
		s.depth--
	}
	s.frames = s.frames[:len(s.frames)-1]
}

// element ends one element of the innermost frame and begins the next.
func (s *scanner) element() {
	f := s.top()
	if f == nil {
		if s.kind == configText {
			s.operators = 0
		}
		return
	}
	f.most = max(f.most, s.operators)
	s.operators = f.base
}

// operator counts one operator.
func (s *scanner) operator(offset, length int) *problem {
	if s.operators++; s.operators > s.limits.operators {
		return &problem{kind: tooManyOperators, offset: offset, length: length}
	}
	return nil
}

// code reads one token outside of strings.
func (s *scanner) code(i int) (int, *problem) {
	c := s.src[i]
	switch {
	case c == ' ' || c == '\t':
		return i + 1, nil
	case c == '\n' || c == '\r' && s.at(i+1) == '\n':
		s.newline()
		if c == '\r' {
			i++
		}
		return i + 1, nil
	case c == '#' || c == '/' && s.at(i+1) == '/':
		end := bytes.IndexByte(s.src[i:], '\n')
		if end < 0 {
			return len(s.src), nil
		}
		s.newline()
		return i + end + 1, nil
	case c == '/' && s.at(i+1) == '*':
		end := bytes.Index(s.src[i+2:], []byte("*/"))
		if end < 0 {
			return i, &problem{kind: unclosedComment, offset: i, length: 2}
		}
		return i + 2 + end + 2, nil
	case isWordStart(c):
		return s.word(i), nil
	case '0' <= c && c <= '9':
		end := numberEnd(s.src, i+1)
		if !numberFits(s.src[i:end]) {
			return i, &problem{kind: tooLongNumber, offset: i, length: min(end-i, 40)}
		}
		s.mark(tokenValue)
		return end, nil
	case c == '"':
		s.mark(tokenOther)
		return i + 1, s.push(frame{kind: '"'}, i, 1)
	case c == '<' && s.at(i+1) == '<':
		if n, marker := heredoc(s.src[i:]); n > 0 {
			s.mark(tokenOther)
			return i + n, s.push(frame{kind: '<', marker: marker, sol: true}, i, 2)
		}
	case c == '{' || c == '[' || c == '(':
		return s.open(i)
	case c == '}' || c == ']' || c == ')':
		s.close(c)
		return i + 1, nil
	case c == '~' && s.at(i+1) == '}':
		s.closeSequence()
		return i + 2, nil
	case c == ',':
		s.element()
		s.mark(tokenOther)
		return i + 1, nil
	}
	return s.symbol(i)
}

// symbol reads an operator, or something that is none.
func (s *scanner) symbol(i int) (int, *problem) {
	n := 1
	switch c, next := s.src[i], s.at(i+1); c {
	case '=', '!', '<', '>':
		if next == '=' {
			n = 2
		}
		if c == '=' && n == 1 {
			if next == '>' {
				n = 2
			}
			s.mark(tokenOther)
			return i + n, nil // = and => are no operators
		}
	case '&', '|':
		if next == c {
			n = 2
		}
	case '+', '-', '*', '/', '%', '?':
	default:
		s.mark(tokenOther)
		return i + 1, nil
	}
	s.mark(tokenOther)
	return i + n, s.operator(i, n)
}

// open reads an opening bracket.
func (s *scanner) open(i int) (int, *problem) {
	c := s.src[i]
	f := frame{kind: c}
	switch c {
	case '{':
		s.braces++
		f.body = s.before == tokenWord
	case '[':
		if s.before == tokenWord || s.before == tokenValue {
			if p := s.operator(i, 1); p != nil {
				return i, p
			}
		}
	}
	s.mark(tokenOpen)
	return i + 1, s.push(f, i, 1)
}

// close reads a closing bracket.
func (s *scanner) close(c byte) {
	if c == '}' && len(s.templates) > 0 && s.templates[len(s.templates)-1] == s.braces {
		s.closeSequence()
		return
	}
	if c == '}' {
		s.braces--
	}
	before := s.before
	s.mark(tokenValue)
	f := s.top()
	if f == nil || f.kind != opener(c) {
		return
	}
	// The parser, having met a mistake in a body, skips to the end of the
	// line, so a brace that ends a body must begin one.
	if f.body && !f.inline && before != tokenNewline && before != tokenOpen {
		return
	}
	s.pop()
}

// closeSequence reads what may be the end of ${ or %{.
func (s *scanner) closeSequence() {
	n := len(s.templates)
	if n == 0 || s.templates[n-1] != s.braces {
		s.braces--
		s.mark(tokenOther)
		return
	}
	s.templates = s.templates[:n-1]
	s.braces--
	for s.top().kind != '$' {
		s.pop()
	}
	s.pop()
	s.element()
}

// word reads an identifier.
func (s *scanner) word(i int) int {
	end := i + 1
	for end < len(s.src) && (isWordStart(s.src[end]) || s.src[end] == '-' || '0' <= s.src[end] && s.src[end] <= '9') {
		end++
	}
	if f := s.top(); f != nil && f.kind == '{' && f.first && string(s.src[i:end]) == "for" {
		f.each = true
	}
	s.mark(tokenWord)
	return end
}

// newline reads the end of a line, which ends an argument or an element of
// an object.
func (s *scanner) newline() {
	f := s.top()
	if f == nil || f.kind == '{' && !f.each {
		s.element()
	}
	s.before = tokenNewline
}

// mark remembers the lexeme just read.
func (s *scanner) mark(t lexeme) {
	if f := s.top(); f != nil && f.first {
		f.first = false
		f.inline = s.before != tokenNewline
	}
	s.before = t
}

// quoted reads a piece of a quoted string.
func (s *scanner) quoted(i int) (int, *problem) {
	for ; i < len(s.src); i++ {
		switch s.src[i] {
		case '"':
			s.pop()
			s.before = tokenWord
			return i + 1, nil
		case '\\':
			if c := s.at(i + 1); c != '\n' && c != '\r' && c != 0 {
				i++
			}
		case '$', '%':
			next, p, ok := s.sequence(i)
			if ok {
				return next, p
			}
			i = next - 1
		}
	}
	return i, nil
}

// literal reads a line, or a piece of one, of a heredoc or a template that
// stands alone.
func (s *scanner) literal(i int) (int, *problem) {
	from := i
	for ; i < len(s.src); i++ {
		switch s.src[i] {
		case '\n':
			return s.endLine(from, i)
		case '$', '%':
			s.top().sol = false
			next, p, ok := s.sequence(i)
			if ok {
				return next, p
			}
			return next, nil
		}
	}
	return i, nil
}

// endLine ends a line of a heredoc, which may be its marker.
func (s *scanner) endLine(from, newline int) (int, *problem) {
	f := s.top()
	if f.marker != nil && f.sol && bytes.Equal(bytes.TrimSpace(s.src[from:newline]), f.marker) {
		s.pop()
		s.before = tokenWord
		if newline > from && s.src[newline-1] == '\r' {
			return newline - 1, nil
		}
		return newline, nil
	}
	f.sol = true
	return newline + 1, nil
}

// sequence reads what may open a template sequence at a $ or %, and reports
// whether it does. It returns where to go on.
func (s *scanner) sequence(i int) (int, *problem, bool) {
	c := s.src[i]
	switch {
	case s.at(i+1) == '{':
		n := 2
		if s.at(i+2) == '~' {
			n = 3
		}
		if c == '%' {
			// Directives nest without brackets: if inside if.
			if p := s.operator(i, n); p != nil {
				return i, p, true
			}
			s.top().base++
		}
		s.braces++
		s.templates = append(s.templates, s.braces)
		p := s.push(frame{kind: '$'}, i, n)
		s.before = tokenOpen
		return i + n, p, true
	case s.at(i+1) == c && s.at(i+2) == '{':
		return i + 3, nil, false // $${ is a literal ${
	}
	return i + 1, nil, false
}

// at returns the byte at i, or 0 behind the end.
func (s *scanner) at(i int) byte {
	if i < len(s.src) {
		return s.src[i]
	}
	return 0
}

// heredoc returns the length of a heredoc's first line, with its newline,
// and its marker; 0 where src does not begin with one.
func heredoc(src []byte) (int, []byte) {
	i := 2
	if i < len(src) && src[i] == '-' {
		i++
	}
	from := i
	if i >= len(src) || !isWordStart(src[i]) {
		return 0, nil
	}
	for i < len(src) && (isWordStart(src[i]) || src[i] == '-' || '0' <= src[i] && src[i] <= '9') {
		i++
	}
	marker := src[from:i]
	if i < len(src) && src[i] == '\r' {
		i++
	}
	if i >= len(src) || src[i] != '\n' {
		return 0, nil
	}
	return i + 1, marker
}

// isWordStart reports whether an identifier may begin with c. All that is
// not ASCII counts: where HCL's lexer disagrees, the text is broken.
func isWordStart(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= 0x80
}

func opener(c byte) byte {
	switch c {
	case '}':
		return '{'
	case ']':
		return '['
	}
	return '('
}
