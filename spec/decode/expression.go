package decode

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// native returns an expression as a tree of the native syntax. JSON's strings
// are templates there, its objects and arrays constructors, so that all that
// follows knows one syntax only.
func native(expr hcl.Expression) (hclsyntax.Expression, hcl.Diagnostics) {
	if n, ok := expr.(hclsyntax.Expression); ok {
		return n, nil
	}
	at := expr.Range()
	if items, diags := hcl.ExprList(expr); !diags.HasErrors() {
		out := &hclsyntax.TupleConsExpr{SrcRange: at, OpenRange: expr.StartRange()}
		var all hcl.Diagnostics
		for _, item := range items {
			n, diags := native(item)
			all = append(all, diags...)
			out.Exprs = append(out.Exprs, n)
		}
		return out, all
	}
	if pairs, diags := hcl.ExprMap(expr); !diags.HasErrors() {
		out := &hclsyntax.ObjectConsExpr{SrcRange: at, OpenRange: expr.StartRange()}
		var all hcl.Diagnostics
		for _, pair := range pairs {
			key, keyDiags := native(pair.Key)
			value, diags := native(pair.Value)
			all = append(append(all, keyDiags...), diags...)
			out.Items = append(out.Items, hclsyntax.ObjectConsItem{
				KeyExpr:   &hclsyntax.ObjectConsKeyExpr{Wrapped: key, ForceNonLiteral: true},
				ValueExpr: value,
			})
		}
		return out, all
	}
	v, diags := expr.Value(nil)
	if s, ok := literalString(v); ok {
		return template(s, at)
	}
	return &hclsyntax.LiteralValueExpr{Val: v, SrcRange: at}, diags
}

// template parses the contents of a JSON string. The places in it are not
// exact where the string has escapes.
func template(s string, at hcl.Range) (hclsyntax.Expression, hcl.Diagnostics) {
	start := insideQuotes(at)
	if diags := guardTemplate(at.Filename, []byte(s), start); diags.HasErrors() {
		return &hclsyntax.LiteralValueExpr{Val: cty.DynamicVal, SrcRange: at}, diags
	}
	expr, diags := hclsyntax.ParseTemplate([]byte(s), at.Filename, start)
	if expr == nil || diags.HasErrors() {
		return &hclsyntax.LiteralValueExpr{Val: cty.DynamicVal, SrcRange: at}, diags
	}
	if wrap, ok := expr.(*hclsyntax.TemplateWrapExpr); ok {
		return wrap.Wrapped, diags // "${…}" and no more: how JSON writes an expression
	}
	return expr, diags
}

func insideQuotes(at hcl.Range) hcl.Pos {
	return hcl.Pos{Line: at.Start.Line, Column: at.Start.Column + 1, Byte: at.Start.Byte + 1}
}

// reference returns an expression of which only the names count: in JSON a
// reference is a plain string.
func reference(expr hcl.Expression) (hclsyntax.Expression, hcl.Diagnostics) {
	if n, ok := expr.(hclsyntax.Expression); ok {
		return n, nil
	}
	if _, diags := hcl.ExprList(expr); !diags.HasErrors() {
		return native(expr)
	}
	v, diags := expr.Value(nil)
	s, ok := literalString(v)
	if !ok || diags.HasErrors() {
		return native(expr)
	}
	at := expr.Range()
	if inner, ok := strings.CutPrefix(s, "${"); ok && strings.HasSuffix(inner, "}") {
		return nil, hcl.Diagnostics{mistake(CodeKind, at, "Address needed", fmt.Sprintf(
			"An address is named here, and nothing is evaluated: write %s.", address(at, strings.TrimSuffix(inner, "}"))))}
	}
	start := insideQuotes(at)
	if diags := guardExpression(at.Filename, []byte(s), start); diags.HasErrors() {
		return nil, diags
	}
	out, diags := hclsyntax.ParseExpression([]byte(s), at.Filename, start)
	if diags.HasErrors() {
		return nil, diags
	}
	return out, nil
}

// literalText returns the text of a string that holds no template sequence.
func literalText(expr hclsyntax.Expression) (string, bool) {
	switch e := expr.(type) {
	case *hclsyntax.ParenthesesExpr:
		return literalText(e.Expression)
	case *hclsyntax.LiteralValueExpr:
		return literalString(e.Val)
	case *hclsyntax.TemplateExpr:
		text := ""
		for _, part := range e.Parts {
			lit, ok := part.(*hclsyntax.LiteralValueExpr)
			if !ok {
				return "", false
			}
			s, ok := literalString(lit.Val)
			if !ok {
				return "", false
			}
			text += s
		}
		return text, true
	}
	return "", false
}

// isTemplate reports whether an expression is a string with ${…} or %{…}.
func isTemplate(expr hclsyntax.Expression) bool {
	switch expr.(type) {
	case *hclsyntax.TemplateExpr, *hclsyntax.TemplateWrapExpr:
		_, literal := literalText(expr)
		return !literal
	}
	return false
}
