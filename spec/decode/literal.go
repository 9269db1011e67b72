package decode

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// isConstant reports whether an expression says the same everywhere: no names,
// no calls.
func isConstant(expr hclsyntax.Expression) bool {
	if len(expr.Variables()) > 0 {
		return false
	}
	ok := true
	visit(expr, func(n hclsyntax.Node) {
		if _, call := n.(*hclsyntax.FunctionCallExpr); call {
			ok = false
		}
	})
	return ok
}

// isLiteral reports whether an expression is written out: there is nothing to
// compute in it but the sign of a number.
func isLiteral(expr hclsyntax.Expression) bool {
	ok := isConstant(expr)
	visit(expr, func(n hclsyntax.Node) {
		switch n.(type) {
		case *hclsyntax.BinaryOpExpr, *hclsyntax.ConditionalExpr, *hclsyntax.ForExpr, *hclsyntax.IndexExpr, *hclsyntax.SplatExpr:
			ok = false
		}
	})
	return ok
}

func notLiteral(name string, expr hclsyntax.Expression) *hcl.Diagnostic {
	return mistake(CodeLiteral, expr.Range(), "Literal needed", fmt.Sprintf(
		"%s must be a literal here: no variables, no functions, no values of other blocks, nothing to compute.", name))
}

// literals reads attributes that must be literals.
type literals struct {
	l     *loader
	quiet bool // the mistakes were reported before
}

// value returns the value of an attribute, NilVal where it is left out, null
// or wrong.
func (x *literals) value(attr *hcl.Attribute) cty.Value {
	if attr == nil {
		return cty.NilVal
	}
	expr, diags := native(attr.Expr)
	if !diags.HasErrors() && !isLiteral(expr) {
		diags = hcl.Diagnostics{notLiteral(attr.Name, expr)}
	}
	v := cty.NilVal
	if !diags.HasErrors() {
		v, diags = x.l.evaluate(expr, nil)
	}
	x.report(withoutValues(diags)...)
	if diags.HasErrors() || isNull(v) {
		return cty.NilVal
	}
	return v
}

func (x *literals) report(diags ...*hcl.Diagnostic) {
	if !x.quiet {
		x.l.report(diags...)
	}
}

func (x *literals) truth(attr *hcl.Attribute, def bool) bool {
	v := x.value(attr)
	if v == cty.NilVal {
		return def
	}
	b, err := boolOf(v)
	if err != nil {
		x.report(mistake(CodeType, attr.Expr.Range(), "Wrong type", fmt.Sprintf("%s %s.", attr.Name, err)))
		return def
	}
	return b
}

func (x *literals) text(attr *hcl.Attribute) string {
	v := x.value(attr)
	if v == cty.NilVal {
		return ""
	}
	s, ok := literalString(v)
	if !ok {
		x.report(mistake(CodeType, attr.Expr.Range(), "Wrong type",
			fmt.Sprintf("%s must be a string, not %s.", attr.Name, typeName(v))))
	}
	return s
}
