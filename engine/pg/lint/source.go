package lint

import (
	"errors"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/syndicate/syndicate/engine/pg/script"
	"github.com/syndicate/syndicate/spec"
)

// maxText is the largest text that is parsed at once, in bytes: its tree is
// many times as large.
const maxText = 1 << 20

// source is one file with its statements.
type source struct {
	Source
	lines      []int // offset of each line
	statements []statement
	mistakes   []*syntaxError
	deep       []script.Statement // too large or too deeply nested to be parsed
	allowances []*allowance
}

// statement is one statement of a file: as it is written, and its tree,
// which is empty where the statement has a mistake.
type statement struct {
	script.Statement
	node
	shift int // what to add to a location of the tree to have one of the file
}

// read parses a file. Where it has a mistake, each statement is parsed by
// itself, so that all mistakes are found and the rest is looked at.
func read(p *Parser, in Source) *source {
	s := &source{Source: in, lines: []int{0}}
	for i := range len(in.Text) {
		if in.Text[i] == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	cut := script.Split(in.Text)
	s.allowances = allowances(s, cut)
	if len(cut) == 0 {
		return s
	}
	if len(in.Text) <= maxText && depth(in.Text) <= maxDepth {
		raw, err := p.parseFile(in.Text)
		if err == nil && len(raw) == len(cut) {
			for i, st := range cut {
				s.statements = append(s.statements, statement{Statement: st, node: raw[i].Node})
			}
			return s
		}
	}
	for _, st := range cut {
		s.statements = append(s.statements, s.parse(p, st))
	}
	return s
}

// parse parses one statement.
func (s *source) parse(p *Parser, st script.Statement) statement {
	one := statement{Statement: st, shift: st.Offset}
	switch {
	case len(s.Text) > maxText && len(st.Words) > 0 && st.Words[0] == "insert":
		return one // rows, of which a file of this size mostly consists
	case len(st.Text) > maxText || depth(st.Text) > maxDepth:
		s.deep = append(s.deep, st)
		return one
	}
	raw, err := p.parseStatement(st.Text)
	if e, ok := errors.AsType[*syntaxError](err); ok {
		s.mistakes = append(s.mistakes, &syntaxError{Message: e.Message, Offset: st.Offset + e.Offset})
	} else if len(raw) == 1 {
		one.node = raw[0].Node
	}
	return one
}

// pos returns the place of a byte.
func (s *source) pos(offset int) spec.Pos {
	offset = min(max(offset, 0), len(s.Text))
	line := sort.SearchInts(s.lines, offset+1)
	start := s.lines[line-1]
	return spec.Pos{Line: line, Column: 1 + utf8.RuneCountInString(s.Text[start:offset]), Byte: offset}
}

// span returns the range from one byte to another.
func (s *source) span(from, to int) spec.Range {
	return spec.Range{Filename: s.Path, Start: s.pos(from), End: s.pos(max(from, to))}
}

// token returns the range of the token at a byte.
func (s *source) token(offset int) spec.Range {
	offset = min(max(offset, 0), len(s.Text))
	to := offset
	for t := range script.Tokens(s.Text[offset:]) {
		if t.Offset == 0 {
			to = offset + len(t.Text)
		}
		break
	}
	return s.span(offset, to)
}

// whole returns the range of a statement.
func (s *source) whole(st statement) spec.Range {
	return s.span(st.Offset, st.Offset+len(strings.TrimSpace(st.Text)))
}

// at returns the range of the token at a location of a statement's tree.
func (s *source) at(st statement, location int) spec.Range {
	if location <= 0 {
		return s.whole(st)
	}
	return s.token(st.shift + location)
}

// part is a command of an ALTER TABLE as it is written: DROP COLUMN b.
type part struct {
	text   string
	offset int // in the file
}

// parts cuts the commands of an ALTER TABLE apart. It returns nil where it
// cannot.
func parts(s *source, st statement) []part {
	a := st.Alter()
	if a == nil {
		return nil
	}
	body := s.Text[st.Offset : st.Offset+len(st.Text)]
	from := st.shift + a.Relation.Location - st.Offset
	if from < 0 || from >= len(body) {
		return nil
	}
	from += nameLength(body[from:])
	var cut []part
	depth, begin := 0, from
	take := func(end int) {
		text := body[begin:end]
		trimmed := strings.TrimLeft(text, " \t\r\n")
		cut = append(cut, part{text: strings.TrimSpace(trimmed), offset: st.Offset + begin + len(text) - len(trimmed)})
	}
	for t := range script.Tokens(body[from:]) {
		switch t.Text {
		case "(", "[":
			depth++
		case ")", "]":
			depth--
		case ",":
			if depth == 0 {
				take(from + t.Offset)
				begin = from + t.Offset + 1
			}
		}
	}
	take(len(body))
	if len(cut) != len(a.Commands) {
		return nil
	}
	return cut
}

// Alter returns the statement as an ALTER TABLE of a table, or nil.
func (st statement) Alter() *alterTable {
	if a := st.AlterTable; a != nil && (a.Kind == "OBJECT_TABLE" || a.Kind == "OBJECT_MATVIEW") {
		return a
	}
	return nil
}

// nameLength returns how long the name is that a text begins with, with its
// schema and the star of a table with its children.
func nameLength(text string) int {
	end, dotted := 0, true
	for t := range script.Tokens(text) {
		switch {
		case t.Text == ".":
			dotted = true
		case t.Text == "*":
			return t.Offset + 1
		case dotted && (t.Kind == script.Word || t.Kind == script.Quoted):
			dotted = false
		default:
			return end
		}
		end = t.Offset + len(t.Text)
	}
	return end
}
