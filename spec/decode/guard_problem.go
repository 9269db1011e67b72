package decode

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/apparentlymart/go-textseg/v15/textseg"
	"github.com/hashicorp/hcl/v2"
)

// problem is a bound that a text breaks, and where.
type problem struct {
	kind   problemKind
	offset int
	length int
}

// problemKind says which bound is broken.
type problemKind int

const (
	tooDeep problemKind = iota
	tooManyOperators
	tooLongNumber
	unclosedComment
)

func (p problem) code() string {
	if p.kind == unclosedComment {
		return CodeSyntax
	}
	return CodeLimit
}

func (p problem) summary() string {
	switch p.kind {
	case tooManyOperators:
		return "Expression too long"
	case tooLongNumber:
		return "Number too large"
	case unclosedComment:
		return "Unclosed comment"
	}
	return "Nested too deep"
}

func (p problem) detail() string {
	switch p.kind {
	case tooManyOperators:
		return fmt.Sprintf("One expression has at most %s operators; here is one more. Split it with locals.", "1,000")
	case tooLongNumber:
		return fmt.Sprintf("A number has at most %d digits and an exponent of at most %d.", maxNumber, maxNumber)
	case unclosedComment:
		return "This comment has no end: write */ where it ends."
	}
	return fmt.Sprintf("Brackets and templates stand at most %d deep inside one another; here is one more. Split the expression with locals.", maxNesting)
}

// rangeAt returns the range of length bytes at offset of src, where src
// itself begins at start. Columns count grapheme clusters, as HCL's do.
func rangeAt(name string, src []byte, start hcl.Pos, offset, length int) hcl.Range {
	from := advance(src[:offset], start)
	token := src[offset:min(offset+length, len(src))]
	if i := bytes.IndexByte(token, '\n'); i >= 0 {
		token = token[:i]
	}
	return hcl.Range{Filename: name, Start: from, End: advance(token, from)}
}

// advance returns the place behind text that begins at p.
func advance(text []byte, p hcl.Pos) hcl.Pos {
	p.Byte += len(text)
	if n := bytes.Count(text, []byte{'\n'}); n > 0 {
		p.Line += n
		p.Column = 1
		text = text[bytes.LastIndexByte(text, '\n')+1:]
	}
	// Clusters are slow to tell apart, and nobody counts this far by eye.
	if len(text) > 1<<16 || !utf8.Valid(text) {
		p.Column += utf8.RuneCount(text)
		return p
	}
	n, err := textseg.TokenCount(text, textseg.ScanGraphemeClusters)
	if err != nil {
		n = utf8.RuneCount(text)
	}
	p.Column += n
	return p
}

// numberEnd returns the index behind a number whose first digit is before i.
// HCL's lexer takes any run of digits, dots and exponents that does not end
// with a dot for one number, and leaves it to the parser whether it is one.
func numberEnd(src []byte, i int) int {
	end := i
	for i < len(src) {
		switch c := src[i]; {
		case '0' <= c && c <= '9':
			i++
			end = i
		case c == '.':
			i++
		case c == 'e' || c == 'E':
			j := i + 1
			if j < len(src) && (src[j] == '+' || src[j] == '-') {
				j++
			}
			if j >= len(src) || src[j] < '0' || src[j] > '9' {
				return end
			}
			i = j + 1
			end = i
		default:
			return end
		}
	}
	return end
}

// numberFits reports whether a number can be computed with: neither its
// digits nor what its exponent makes of them are beyond reason.
func numberFits(num []byte) bool {
	if len(num) > maxNumber {
		return false
	}
	i := bytes.IndexAny(num, "eE")
	if i < 0 {
		return true
	}
	exp, err := strconv.Atoi(string(num[i+1:]))
	return err == nil && -maxNumber <= exp && exp <= maxNumber
}
