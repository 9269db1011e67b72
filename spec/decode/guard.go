package decode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
)

// The parsers of HCL and of its JSON form recurse as deep as their input
// nests, and evaluating recurses as deep as operators chain. A stack that
// overflows takes the whole process with it, so every text is measured
// before it is parsed. These are the bounds.
const (
	maxText      = 16 << 20 // bytes
	maxNesting   = 256      // brackets and templates inside one another
	maxOperators = 1000     // in one expression
	maxNumber    = 400      // characters of one number, and its decimal exponent
)

// guard reports what keeps a file from being parsed safely: nothing for
// every file that a person would write. It reports only the first such
// mistake, and takes time and memory in proportion to the file at worst.
// With jsonSyntax the text is JSON, in which every string is a template.
func guard(name string, src []byte, jsonSyntax bool) hcl.Diagnostics {
	start := hcl.InitialPos
	if len(src) > maxText {
		at := hcl.Range{Filename: name, Start: start, End: start}
		return hcl.Diagnostics{mistake(CodeLimit, at, "File too large", fmt.Sprintf(
			"A file of a configuration has at most %d MiB; this one has %.1f MiB. Split it: the files of a directory are read as one configuration.",
			maxText>>20, float64(len(src))/(1<<20)))}
	}
	if d := guardUTF8(name, src, start); d != nil {
		return hcl.Diagnostics{d}
	}
	if jsonSyntax {
		return guardJSON(name, src)
	}
	return guardText(name, src, start, configText)
}

// guardExpression is guard for one expression: the value of a variable, or a
// reference in JSON.
func guardExpression(name string, src []byte, start hcl.Pos) hcl.Diagnostics {
	if d := guardUTF8(name, src, start); d != nil {
		return hcl.Diagnostics{d}
	}
	return guardText(name, src, start, expressionText)
}

// guardTemplate is guard for a template that stands alone, such as the file
// of templatefile or a string in JSON.
func guardTemplate(name string, src []byte, start hcl.Pos) hcl.Diagnostics {
	if d := guardUTF8(name, src, start); d != nil {
		return hcl.Diagnostics{d}
	}
	return guardText(name, src, start, templateText)
}

// guardText measures native syntax. A text that holds so few brackets and
// operators that it cannot break a bound is not looked at closely.
func guardText(name string, src []byte, start hcl.Pos, kind textKind) hcl.Diagnostics {
	if harmless(src) {
		return nil
	}
	s := scanner{src: src, kind: kind, limits: limits{maxNesting, maxOperators}}
	problem := s.run()
	if problem == nil {
		return nil
	}
	at := rangeAt(name, src, start, problem.offset, problem.length)
	return hcl.Diagnostics{mistake(problem.code(), at, problem.summary(), problem.detail())}
}

// harmless reports whether src cannot break a bound however it is read.
func harmless(src []byte) bool {
	opens, operators, digits := 0, 0, 0
	for i, c := range src {
		switch class[c] {
		case classOpen:
			opens++
		case classOperator:
			operators++
		case classDigit:
			digits++
			continue
		case classExponent:
			if digits > 0 && i+1 < len(src) && class[src[i+1]] != classOther {
				return false
			}
		}
		if digits > maxNumber {
			return false
		}
		digits = 0
	}
	// An index counts as an operator, and so does a template's directive.
	return opens <= maxNesting && opens+operators <= maxOperators && digits <= maxNumber
}

// The classes of bytes that harmless tells apart.
const (
	classOther byte = iota
	classOpen
	classOperator
	classDigit
	classExponent
)

var class = [256]byte{
	'[': classOpen, '(': classOpen, '{': classOpen,
	'+': classOperator, '-': classOperator, '*': classOperator, '/': classOperator,
	'%': classOperator, '!': classOperator, '<': classOperator, '>': classOperator,
	'=': classOperator, '&': classOperator, '|': classOperator, '?': classOperator,
	'0': classDigit, '1': classDigit, '2': classDigit, '3': classDigit, '4': classDigit,
	'5': classDigit, '6': classDigit, '7': classDigit, '8': classDigit, '9': classDigit,
	'.': classDigit, 'e': classExponent, 'E': classExponent,
}

// guardUTF8 finds the first byte that is not UTF-8.
func guardUTF8(name string, src []byte, start hcl.Pos) *hcl.Diagnostic {
	if utf8.Valid(src) {
		return nil
	}
	at := 0
	for at < len(src) {
		r, n := utf8.DecodeRune(src[at:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	return mistake(CodeLimit, rangeAt(name, src, start, at, 1), "Not UTF-8",
		fmt.Sprintf("The byte 0x%02X here is not UTF-8, which every file of a configuration must be. Save the file as UTF-8.", src[at]))
}

// guardJSON measures JSON. What is not JSON is refused here, unless it is so
// small that the parser, whose messages are better, can take it.
func guardJSON(name string, src []byte) hcl.Diagnostics {
	start := hcl.InitialPos
	if err := jsonError(src); err != nil {
		opens := bytes.Count(src, []byte("{")) + bytes.Count(src, []byte("["))
		if opens <= maxNesting && len(src) <= 1<<20 {
			return nil
		}
		at := rangeAt(name, src, start, min(err.offset, len(src)), 1)
		return hcl.Diagnostics{mistake(CodeSyntax, at, "Invalid JSON", "This is not JSON: "+err.text+".")}
	}
	depth := 0
	for i := 0; i < len(src); i++ {
		switch c := src[i]; {
		case c == '{' || c == '[':
			if depth++; depth > maxNesting {
				p := problem{kind: tooDeep, offset: i, length: 1}
				return hcl.Diagnostics{mistake(p.code(), rangeAt(name, src, start, i, 1), p.summary(), p.detail())}
			}
		case c == '}' || c == ']':
			depth--
		case c == '"':
			end := jsonStringEnd(src, i)
			if diags := guardJSONString(name, src, i, end); diags.HasErrors() {
				return diags
			}
			i = end - 1
		case c == '-' || '0' <= c && c <= '9':
			n := numberEnd(src, i+1)
			if !numberFits(src[i:n]) {
				p := problem{kind: tooLongNumber, offset: i, length: min(n-i, 40)}
				return hcl.Diagnostics{mistake(p.code(), rangeAt(name, src, start, i, p.length), p.summary(), p.detail())}
			}
			i = n - 1
		}
	}
	return nil
}

// guardJSONString measures one string of JSON, from its opening quote to
// behind its closing one, as the template that it is.
func guardJSONString(name string, src []byte, from, to int) hcl.Diagnostics {
	raw := src[from:to]
	if harmless(raw) && !bytes.Contains(raw, []byte(`\u`)) {
		return nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil // cannot be: the whole text is valid JSON
	}
	if harmless([]byte(text)) {
		return nil
	}
	s := scanner{src: []byte(text), kind: templateText, limits: limits{maxNesting, maxOperators}}
	problem := s.run()
	if problem == nil {
		return nil
	}
	// Escapes move the place inside a string, so the string itself is cited.
	at := rangeAt(name, src, hcl.InitialPos, from, min(to-from, 40))
	return hcl.Diagnostics{mistake(problem.code(), at, problem.summary(), problem.detail())}
}

// jsonStringEnd returns the index behind the string that opens at from.
func jsonStringEnd(src []byte, from int) int {
	for i := from + 1; i < len(src); i++ {
		switch src[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(src)
}

// invalidJSON is why and where a text is not JSON.
type invalidJSON struct {
	offset int
	text   string
}

func jsonError(src []byte) *invalidJSON {
	if json.Valid(src) {
		return nil
	}
	var skip json.RawMessage
	err := json.Unmarshal(src, &skip)
	if syntax, ok := err.(*json.SyntaxError); ok {
		return &invalidJSON{offset: max(int(syntax.Offset)-1, 0), text: syntax.Error()}
	}
	return &invalidJSON{text: "the text cannot be read"}
}
