package gateway

import "bytes"

// maxText bounds the text of a fingerprint, in bytes.
const maxText = 512

// normalize appends a statement without what differs from call to call, and
// without what may be secret: constants and parameters are ?, a list of them
// is one, comments are gone, blanks are single, keywords and names are in
// lower case. With escapes a backslash in a plain string protects the byte
// behind it (standard_conforming_strings = off).
//
// A statement that is cut off, also amid a string, gives nothing but what
// stands before that.
func normalize(dst, sql []byte, escapes bool) []byte {
	n := normalizer{out: dst, from: len(dst), sql: sql, escapes: escapes}
	for n.pos < len(sql) && len(n.out)-n.from < maxText {
		n.token()
	}
	out := n.out
	for len(out) > n.from && (out[len(out)-1] == ' ' || out[len(out)-1] == ';') {
		out = out[:len(out)-1]
	}
	return out[:min(len(out), n.from+maxText)]
}

type normalizer struct {
	out     []byte
	from    int // where the text begins in out
	sql     []byte
	pos     int
	escapes bool
	blank   bool // something between the last token and the next
}

// token passes over one token.
func (n *normalizer) token() {
	rest := n.sql[n.pos:]
	c := rest[0]
	switch {
	case c == ' ' || '\t' <= c && c <= '\r':
		n.pos, n.blank = n.pos+1, true
	case c == '-' && len(rest) > 1 && rest[1] == '-':
		n.skip(until(rest, '\n'))
	case c == '/' && len(rest) > 1 && rest[1] == '*':
		n.skip(comment(rest))
	case c == '\'':
		n.constant(quoted(rest, n.escapes))
	case c == '"':
		n.write(rest[:quoted(rest, false)])
	case c == '$' && len(rest) > 1 && digit(rest[1]):
		n.constant(1 + count(rest[1:], digit))
	case c == '$':
		if size := dollarQuoted(rest); size > 0 {
			n.constant(size)
		} else {
			n.write(rest[:1])
		}
	case digit(c) || c == '.' && len(rest) > 1 && digit(rest[1]):
		n.constant(number(rest))
	case letter(c):
		n.word(rest)
	case (c == '-' || c == '+') && n.unary() && len(rest) > 1 && (digit(rest[1]) || rest[1] == '.'):
		n.constant(1 + number(rest[1:]))
	case c == ',':
		n.blank = false
		n.write(rest[:1])
		n.blank = true
	case c == ')':
		n.closing()
	default:
		n.write(rest[:1])
	}
}

// skip passes over n bytes that stand for a blank.
func (n *normalizer) skip(size int) { n.pos, n.blank = n.pos+size, true }

// write passes over a token as it is.
func (n *normalizer) write(token []byte) {
	n.space()
	n.out = append(n.out, token...)
	n.pos += len(token)
}

func (n *normalizer) space() {
	if n.blank && len(n.out) > n.from && n.out[len(n.out)-1] != '(' {
		n.out = append(n.out, ' ')
	}
	n.blank = false
}

// word passes over a keyword or a name, or over a string with a letter before
// it: E'…', B'…', X'…', N'…', U&'…'.
func (n *normalizer) word(rest []byte) {
	size := count(rest, func(c byte) bool { return letter(c) || digit(c) || c == '$' })
	prefix := rest[0] | 0x20
	switch {
	case size == 1 && len(rest) > 1 && rest[1] == '\'' && bytes.IndexByte([]byte("ebxn"), prefix) >= 0:
		n.constant(1 + quoted(rest[1:], n.escapes || prefix == 'e'))
		return
	case size == 1 && prefix == 'u' && len(rest) > 2 && rest[1] == '&' && rest[2] == '\'':
		n.constant(2 + quoted(rest[2:], n.escapes))
		return
	}
	n.space()
	for _, c := range rest[:size] {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		n.out = append(n.out, c)
	}
	n.pos += size
}

// constant passes over one, and joins it with the list that it continues.
func (n *normalizer) constant(size int) {
	n.pos += size
	text := n.out[n.from:]
	switch {
	case n.blank && bytes.HasSuffix(text, []byte("?, ...,")):
		n.out, n.blank = n.out[:len(n.out)-1], false
	case n.blank && bytes.HasSuffix(text, []byte("?,")):
		n.space()
		n.out = append(n.out, "..."...)
	default:
		n.space()
		n.out = append(n.out, '?')
	}
}

// closing ends a list, and joins it with the one before where both are of
// constants: the rows of an INSERT.
func (n *normalizer) closing() {
	n.blank = false
	n.write([]byte{')'})
	for _, row := range []string{"(?)", "(?, ...)"} {
		if bytes.HasSuffix(n.out[n.from:], []byte(row+", "+row)) {
			n.out = n.out[:len(n.out)-len(row)-2]
			return
		}
	}
}

// unary reports whether a sign that comes now belongs to a number.
func (n *normalizer) unary() bool {
	if len(n.out) == n.from {
		return true
	}
	c := n.out[len(n.out)-1]
	return !letter(c) && c != '?' && c != ')' && c != ']' && c != '"' && c != '.'
}

func letter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c >= 0x80
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// count returns how many bytes at the beginning are of a kind.
func count(b []byte, of func(byte) bool) int {
	for i, c := range b {
		if !of(c) {
			return i
		}
	}
	return len(b)
}

func until(b []byte, mark byte) int {
	if i := bytes.IndexByte(b, mark); i >= 0 {
		return i
	}
	return len(b)
}

// number returns the length of a number: 1, 1.5e-3, .5, 0x1F, 1_000.
func number(b []byte) int {
	n := count(b, func(c byte) bool { return letter(c) || digit(c) || c == '.' })
	if n > 1 && n < len(b) && b[n-1]|0x20 == 'e' && (b[n] == '-' || b[n] == '+') && b[1]|0x20 != 'x' {
		n += 1 + count(b[n+1:], digit)
	}
	return n
}

// quoted returns the length of a string or a quoted name, all that is left
// where it has no end.
func quoted(b []byte, escapes bool) int {
	for i := 1; i < len(b); i++ {
		switch {
		case escapes && b[i] == '\\':
			i++
		case b[i] == b[0] && i+1 < len(b) && b[i+1] == b[0]:
			i++
		case b[i] == b[0]:
			return i + 1
		}
	}
	return len(b)
}

// comment returns the length of a comment; comments nest.
func comment(b []byte) int {
	depth := 0
	for i := 0; i+1 < len(b); i++ {
		switch {
		case b[i] == '/' && b[i+1] == '*':
			depth, i = depth+1, i+1
		case b[i] == '*' && b[i+1] == '/':
			if depth, i = depth-1, i+1; depth == 0 {
				return i + 1
			}
		}
	}
	return len(b)
}

// dollarQuoted returns the length of a string such as $tag$…$tag$, 0 where
// none begins.
func dollarQuoted(b []byte) int {
	end := 1 + count(b[1:], func(c byte) bool { return letter(c) || digit(c) })
	if end >= len(b) || b[end] != '$' || digit(b[1]) {
		return 0
	}
	tag := b[:end+1]
	if i := bytes.Index(b[len(tag):], tag); i >= 0 {
		return 2*len(tag) + i
	}
	return len(b)
}
