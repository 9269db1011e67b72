package decode

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// parsePlain parses what nearly every configuration is made of: blocks,
// attributes, strings with ${…} in them, numbers, lists, objects, addresses
// and calls, all in ASCII. It makes no tokens, and takes a tenth of the time
// of HCL's own parser, whose tree it returns to the last position: a fuzz test
// compares the two. It returns nil for everything else, mistakes included:
// HCL's parser reads that, and alone finds words for what is wrong.
func parsePlain(src []byte, name string, start hcl.Pos) *hclsyntax.Body {
	p := &plainParser{
		src: string(src), file: name, base: start.Byte,
		line: start.Line, origin: 1 - start.Column,
	}
	from := p.firstToken()
	body := p.body()
	if p.failed || p.at < len(p.src) || p.line == start.Line {
		return nil // a single line may be a comment, which is no token without an end
	}
	end := p.span(p.at)
	body.SrcRange = hcl.RangeBetween(from, end)
	body.EndRange = end
	return body
}

// plainParser is a text that is being parsed. Once it has failed, the rest of what
// its functions do has no meaning.
type plainParser struct {
	src    string
	file   string
	at     int // in src: what comes next
	base   int // the offset of src in the file
	line   int // that at is in
	origin int // in src: the offset that would be column 1 of that line
	depth  int // of expressions and blocks inside one another
	failed bool
}

// maxPlain is how deep a text may nest that is parsed here.
const maxPlain = 64

// next returns the byte that comes next, 0 at the end.
func (p *plainParser) next() byte {
	if p.at < len(p.src) {
		return p.src[p.at]
	}
	return 0
}

// second returns the byte behind the next one, 0 where there is none.
func (p *plainParser) second() byte {
	if p.at+1 < len(p.src) {
		return p.src[p.at+1]
	}
	return 0
}

// fail gives up. It returns nil, for whoever has an expression to return.
func (p *plainParser) fail() hclsyntax.Expression {
	p.failed = true
	return nil
}

func (p *plainParser) pos(at int) hcl.Pos {
	return hcl.Pos{Line: p.line, Column: at - p.origin + 1, Byte: p.base + at}
}

// span is the range from an offset in the present line to where the text was
// read to.
func (p *plainParser) span(from int) hcl.Range {
	return hcl.Range{Filename: p.file, Start: p.pos(from), End: p.pos(p.at)}
}

// since is the range from where another one began to where the text was read
// to.
func (p *plainParser) since(first hcl.Range) hcl.Range {
	return hcl.Range{Filename: p.file, Start: first.Start, End: p.pos(p.at)}
}

// take reads one byte, and returns its range.
func (p *plainParser) take() hcl.Range {
	p.at++
	return p.span(p.at - 1)
}

// newline reads the end of a line.
func (p *plainParser) newline() {
	p.at++
	p.line++
	p.origin = p.at
}

// spaces skips what may stand before a token in its line.
func (p *plainParser) spaces() {
	for p.at < len(p.src) && (p.src[p.at] == ' ' || p.src[p.at] == '\t') {
		p.at++
	}
}

// firstToken returns the range of the first token, which is where the body of
// a file begins. A comment counts.
func (p *plainParser) firstToken() hcl.Range {
	from := p.at
	p.spaces()
	r := p.span(p.at)
	p.at = from
	return r
}

// comment skips a comment, but not the end of its line.
func (p *plainParser) comment() bool {
	if c := p.next(); c != '#' && (c != '/' || p.second() != '/') {
		return false
	}
	for p.at < len(p.src) && p.src[p.at] != '\n' {
		if p.src[p.at] >= 0x80 {
			p.wide()
			return true
		}
		p.at++
	}
	return true
}

// wide skips the rest of a comment that is more than ASCII: no position is
// taken in its line any more, unless the text ends there.
func (p *plainParser) wide() {
	for p.at < len(p.src) && p.src[p.at] != '\n' {
		p.at++
	}
	if p.at == len(p.src) {
		p.fail()
	}
}

// gap skips what may stand before a token, ends of lines included where they
// mean nothing.
func (p *plainParser) gap(lines bool) {
	for {
		p.spaces()
		switch c := p.next(); {
		case c == '\n' && lines:
			p.newline()
		case (c == '#' || c == '/') && p.comment():
			if p.next() != '\n' { // the text ends in a comment
				return
			}
		default:
			return
		}
	}
}

// body reads attributes and blocks up to a bracket or the end of the text.
func (p *plainParser) body() *hclsyntax.Body {
	body := &hclsyntax.Body{Attributes: hclsyntax.Attributes{}, Blocks: hclsyntax.Blocks{}}
	for !p.failed {
		p.gap(true)
		if p.at == len(p.src) || p.next() == '}' {
			return body
		}
		name, at := p.identifier()
		p.spaces()
		switch {
		case p.failed:
		case p.next() == '=':
			if _, twice := body.Attributes[name]; twice {
				p.fail()
				return body
			}
			body.Attributes[name] = p.attribute(name, at)
			p.endOfItem()
		default:
			body.Blocks = append(body.Blocks, p.block(name, at))
			p.endOfItem()
		}
	}
	return body
}

// endOfItem reads what must follow an attribute or a block: nothing more in
// its line.
func (p *plainParser) endOfItem() {
	p.gap(false)
	if p.at < len(p.src) && p.next() != '\n' {
		p.fail()
	}
}

func isLetter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func (p *plainParser) identifier() (string, hcl.Range) {
	from := p.at
	if isLetter(p.next()) {
		p.at++
		for p.at < len(p.src) && (isLetter(p.src[p.at]) || isDigit(p.src[p.at]) || p.src[p.at] == '-') {
			p.at++
		}
	}
	if p.at == from || p.next() >= 0x80 {
		p.fail()
	}
	return p.src[from:p.at], p.span(from)
}

// attribute reads an attribute from its equals sign on.
func (p *plainParser) attribute(name string, at hcl.Range) *hclsyntax.Attribute {
	attr := &hclsyntax.Attribute{Name: name, NameRange: at, EqualsRange: p.take()}
	attr.Expr = p.expression(false)
	if !p.failed {
		attr.SrcRange = hcl.RangeBetween(at, attr.Expr.Range())
	}
	return attr
}

// block reads a block from behind its type on.
func (p *plainParser) block(kind string, at hcl.Range) *hclsyntax.Block {
	b := &hclsyntax.Block{Type: kind, TypeRange: at}
	if p.depth++; p.depth > maxPlain {
		p.fail()
	}
	for !p.failed && p.next() != '{' {
		var label string
		var place hcl.Range
		if p.next() == '"' {
			label, place = p.label()
		} else {
			label, place = p.identifier()
		}
		b.Labels, b.LabelRanges = append(b.Labels, label), append(b.LabelRanges, place)
		p.spaces()
	}
	if p.failed {
		return b
	}
	b.OpenBraceRange = p.take()
	p.gap(false)
	if p.next() == '\n' || p.next() == '}' {
		b.Body = p.body()
		if p.next() != '}' {
			p.fail()
			return b
		}
		b.CloseBraceRange = p.take()
		b.Body.SrcRange = hcl.RangeBetween(b.OpenBraceRange, b.CloseBraceRange)
		b.Body.EndRange = hcl.Range{Filename: p.file, Start: b.CloseBraceRange.End, End: b.CloseBraceRange.End}
	} else {
		p.shortBody(b)
	}
	p.depth--
	return b
}

// shortBody reads the one attribute of a block that is written in one line.
func (p *plainParser) shortBody(b *hclsyntax.Block) {
	name, at := p.identifier()
	p.spaces()
	if p.failed || p.next() != '=' {
		p.fail()
		return
	}
	attr := p.attribute(name, at)
	p.spaces()
	if p.failed || p.next() != '}' {
		p.fail()
		return
	}
	end := attr.SrcRange.End
	b.Body = &hclsyntax.Body{
		Attributes: hclsyntax.Attributes{name: attr}, SrcRange: attr.SrcRange,
		EndRange: hcl.Range{Filename: p.file, Start: end, End: end},
	}
	b.CloseBraceRange = p.take()
}

// label reads a quoted label.
func (p *plainParser) label() (string, hcl.Range) {
	first := p.take()
	text := p.literal()
	if p.next() != '"' {
		p.fail()
	}
	p.at++
	return text, p.since(first)
}

// escapes are what may follow a backslash, with what it stands for.
var escapes = [256]byte{'n': '\n', 'r': '\r', 't': '\t', '"': '"', '\\': '\\'}

// literal reads the text of a string up to its end or to a ${.
func (p *plainParser) literal() string {
	var before []byte // what escapes and what precedes them say
	for from := p.at; p.at < len(p.src); p.at++ {
		switch c := p.src[p.at]; {
		case c == '"', c == '$' && p.second() == '{':
			if before == nil {
				return p.src[from:p.at]
			}
			return string(append(before, p.src[from:p.at]...))
		case c == '$' || c == '%':
			// What follows may make a template, or an escape, of it.
			switch p.second() {
			case '$', '%', '{', '\\', '"':
				p.fail()
				return ""
			}
		case c == '\\' && escapes[p.second()] != 0:
			before = append(append(before, p.src[from:p.at]...), escapes[p.second()])
			p.at++
			from = p.at + 1
		case c == '\\', c != '\t' && (c < ' ' || c > '~'):
			p.fail()
			return ""
		}
	}
	p.fail()
	return ""
}

// expression reads an expression; lines says whether it may go on in the next
// line.
func (p *plainParser) expression(lines bool) hclsyntax.Expression {
	if p.depth++; p.depth > maxPlain {
		return p.fail()
	}
	p.gap(lines)
	e := p.term(lines)
	p.depth--
	return e
}

func (p *plainParser) term(lines bool) hclsyntax.Expression {
	switch c := p.next(); {
	case c == '"':
		return p.text()
	case c == '[':
		return p.list()
	case c == '{':
		return p.object()
	case isDigit(c):
		return p.number()
	case isLetter(c):
		return p.name(lines)
	}
	return p.fail()
}

// number reads a number without exponent.
func (p *plainParser) number() hclsyntax.Expression {
	from := p.at
	digits := func() {
		for isDigit(p.next()) {
			p.at++
		}
	}
	digits()
	if p.next() == '.' && isDigit(p.second()) {
		p.at++
		digits()
	}
	if c := p.next(); c == '.' || isLetter(c) {
		return p.fail()
	}
	v, err := cty.ParseNumberVal(p.src[from:p.at])
	if err != nil {
		return p.fail()
	}
	return &hclsyntax.LiteralValueExpr{Val: v, SrcRange: p.span(from)}
}

// plainText is a string without ${…}, as nearly all are, in one piece of
// memory.
type plainText struct {
	template hclsyntax.TemplateExpr
	literal  hclsyntax.LiteralValueExpr
	parts    [1]hclsyntax.Expression
}

// text reads a string.
func (p *plainParser) text() hclsyntax.Expression {
	first := p.take()
	from := p.at
	s := p.literal()
	if p.failed {
		return nil
	}
	if p.next() == '"' {
		t := &plainText{literal: hclsyntax.LiteralValueExpr{Val: cty.StringVal(s), SrcRange: p.span(from)}}
		t.parts[0] = &t.literal
		p.at++
		if p.at-from == 1 { // nothing is said to stand behind the quotes
			t.literal.SrcRange = p.span(p.at)
		}
		t.template = hclsyntax.TemplateExpr{Parts: t.parts[:], SrcRange: p.since(first)}
		return &t.template
	}
	return p.mixed(first, from, s)
}

// mixed goes on with a string at its first ${. Its opening quote has the
// range first, and before the ${ the text s begins at from.
func (p *plainParser) mixed(first hcl.Range, from int, s string) hclsyntax.Expression {
	var parts []hclsyntax.Expression
	for {
		if p.at > from {
			parts = append(parts, &hclsyntax.LiteralValueExpr{Val: cty.StringVal(s), SrcRange: p.span(from)})
		}
		if p.next() == '"' {
			break
		}
		p.at += len("${")
		e := p.expression(true)
		p.gap(true)
		if p.failed || p.next() != '}' {
			return p.fail()
		}
		p.at++
		parts = append(parts, e)
		from = p.at
		s = p.literal()
		if p.failed {
			return nil
		}
	}
	p.at++
	if len(parts) == 1 {
		return &hclsyntax.TemplateWrapExpr{Wrapped: parts[0], SrcRange: p.since(first)}
	}
	return &hclsyntax.TemplateExpr{Parts: parts, SrcRange: p.since(first)}
}

// name reads what begins with an identifier: a keyword, a call or an address.
func (p *plainParser) name(lines bool) hclsyntax.Expression {
	name, at := p.identifier()
	if p.failed {
		return nil
	}
	end := *p // what follows belongs to the name only where it is a bracket or a dot
	p.gap(lines)
	switch c := p.next(); {
	case c == '(':
		return p.call(name, at)
	case c == ':' && p.second() == ':':
		return p.fail()
	case c != '.' && c != '[':
		*p = end
	}
	switch name {
	case "true", "false", "null":
		if p.next() == '.' || p.next() == '[' {
			return p.fail()
		}
		v := cty.BoolVal(name == "true")
		if name == "null" {
			v = cty.NullVal(cty.DynamicPseudoType)
		}
		return &hclsyntax.LiteralValueExpr{Val: v, SrcRange: at}
	}
	return p.address(name, at, lines)
}

// address reads the steps of an address behind its root.
func (p *plainParser) address(root string, at hcl.Range, lines bool) hclsyntax.Expression {
	steps := make(hcl.Traversal, 1, 4)
	steps[0] = hcl.TraverseRoot{Name: root, SrcRange: at}
	last := at
	for !p.failed {
		end := *p
		p.gap(lines)
		switch p.next() {
		case '.':
			dot := p.take()
			p.gap(lines)
			name, _ := p.identifier()
			last = p.since(dot)
			steps = append(steps, hcl.TraverseAttr{Name: name, SrcRange: last})
		case '[':
			open := p.take()
			key := p.key()
			last = p.since(open)
			steps = append(steps, hcl.TraverseIndex{Key: key, SrcRange: last})
		default:
			*p = end
			return &hclsyntax.ScopeTraversalExpr{Traversal: steps, SrcRange: hcl.RangeBetween(at, last)}
		}
	}
	return nil
}

// key reads an index that is written out, from behind its bracket on.
func (p *plainParser) key() cty.Value {
	p.gap(true)
	v := cty.NilVal
	switch e := p.term(true).(type) {
	case *hclsyntax.LiteralValueExpr:
		v = e.Val
	case *hclsyntax.TemplateExpr:
		if s, ok := literalText(e); ok {
			v = cty.StringVal(s)
		}
	}
	p.gap(true)
	if v == cty.NilVal || p.next() != ']' {
		p.fail()
	}
	p.at++
	return v
}

// call reads the arguments of a function.
func (p *plainParser) call(name string, at hcl.Range) hclsyntax.Expression {
	e := &hclsyntax.FunctionCallExpr{Name: name, NameRange: at, OpenParenRange: p.take()}
	e.Args, e.CloseParenRange = p.items(')')
	return e
}

// notFor gives up where a loop begins inside of a bracket.
func (p *plainParser) notFor() {
	p.gap(true)
	rest, begins := strings.CutPrefix(p.src[p.at:], "for")
	if begins && (rest == "" || rest[0] != '-' && !isLetter(rest[0]) && !isDigit(rest[0])) {
		p.fail()
	}
}

func (p *plainParser) list() hclsyntax.Expression {
	open := p.take()
	e := &hclsyntax.TupleConsExpr{OpenRange: open}
	p.notFor()
	e.Exprs, _ = p.items(']')
	e.SrcRange = p.since(open)
	return e
}

// items reads expressions with commas between them up to a bracket, whose
// range it returns.
func (p *plainParser) items(end byte) (list []hclsyntax.Expression, closed hcl.Range) {
	for !p.failed {
		p.gap(true)
		if p.next() == end {
			return list, p.take()
		}
		e := p.expression(true)
		list = append(list, e)
		p.gap(true)
		switch p.next() {
		case ',':
			p.at++
		case end:
		default:
			p.fail()
		}
	}
	return list, closed
}

func (p *plainParser) object() hclsyntax.Expression {
	open := p.take()
	e := &hclsyntax.ObjectConsExpr{OpenRange: open}
	p.notFor()
	for !p.failed {
		p.gap(true)
		if p.next() == '}' {
			p.at++
			e.SrcRange = p.since(open)
			return e
		}
		key := p.expression(false)
		p.spaces()
		if c := p.next(); c != '=' && c != ':' || p.second() == c {
			p.fail()
		}
		p.at++
		value := p.expression(false)
		e.Items = append(e.Items, hclsyntax.ObjectConsItem{KeyExpr: &hclsyntax.ObjectConsKeyExpr{Wrapped: key}, ValueExpr: value})
		p.gap(false)
		switch p.next() {
		case ',':
			p.at++
		case '\n', '}':
		default:
			p.fail()
		}
	}
	return nil
}
