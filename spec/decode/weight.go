package decode

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// A few lines can ask for more than any machine has: locals that double one
// another, loops inside of loops. So the weight of what an expression makes
// is bounded before it is evaluated. Weight is bytes of text, 64 for each
// value, and 32 for each evaluation of a node in a loop.
const (
	lightWeight = 4 << 10 // not worth a closer look
	valueWeight = 64
	nodeWeight  = 32
)

// bounds are the weights that are allowed.
type bounds struct {
	value  int // of what one expression makes
	result int // of what one call of a function gives
	work   int // of all that a configuration computes
}

// usualBounds leave room for a file of 16 MiB.
func usualBounds() bounds { return bounds{value: 24 << 20, result: 16 << 20, work: 512 << 20} }

// weightOf returns the weight of a value. It looks no further once that is
// more than most: values share their parts, so a walk may have no end.
func weightOf(v cty.Value, most int) int {
	if v == cty.NilVal {
		return 0
	}
	v, _ = v.Unmark()
	w := valueWeight
	if !v.IsKnown() || v.IsNull() {
		return w
	}
	switch t := v.Type(); {
	case t == cty.String:
		return w + len(v.AsString())
	case t == cty.Number:
		return w + digits(v)
	case !v.CanIterateElements():
		return w
	}
	for it := v.ElementIterator(); it.Next() && w <= most; {
		k, el := it.Element()
		w += weightOf(k, most-w) + weightOf(el, most-w)
	}
	return w
}

// digits is about how long a number is that is written out.
func digits(v cty.Value) int {
	exp := v.AsBigFloat().MantExp(nil)
	return max(exp, -exp) / 3
}

// tooHeavy reports an expression that would make more than it may of values
// whose weight is given. ctx is what it will be evaluated in.
func (l *loader) tooHeavy(expr hclsyntax.Expression, ctx *hcl.EvalContext, weight int) *hcl.Diagnostic {
	m := loops{most: l.bounds.value, left: l.bounds.value - weight}
	if _, plain := expr.(*hclsyntax.ScopeTraversalExpr); !plain && m.left >= 0 {
		m.measure(expr, ctx)
	}
	if m.left >= 0 {
		return nil
	}
	return mistake(CodeLimit, expr.Range(), "Value too large", fmt.Sprintf(
		"This expression would make a value of more than %d MiB, or take about as many steps. Use smaller collections, fewer loops inside of one another, or a file.", l.bounds.value>>20))
}

// evaluate computes an expression in a context that is complete, if that is
// not too much.
func (l *loader) evaluate(expr hclsyntax.Expression, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	weight := 0
	for _, t := range expr.Variables() {
		if v, diags := t.TraverseAbs(ctx); !diags.HasErrors() {
			weight += weightOf(v, l.bounds.value)
		}
	}
	if d := l.tooHeavy(expr, ctx, weight); d != nil {
		return cty.DynamicVal, hcl.Diagnostics{d}
	}
	v, diags := expr.Value(ctx)
	if len(diags) > maxDiagnostics {
		diags = diags[:maxDiagnostics] // a loop says the same thousands of times
	}
	return v, diags
}

// tooMuchWork reports that a configuration computes more than it may.
func (l *loader) tooMuchWork(at hcl.Range) *hcl.Diagnostic {
	return mistake(CodeLimit, at, "Values too large", "Here "+l.tooMuch()+".")
}

func (l *loader) tooMuch() string {
	return fmt.Sprintf("the values of the configuration have more than %d MiB together, which is the most that is computed", l.bounds.work>>20)
}

// loops measures for expressions, the only ones that evaluate a part of
// themselves more than once.
type loops struct{ most, left int }

// outermost finds the for expressions that stand in no other.
type outermost struct {
	found []*hclsyntax.ForExpr
	depth int
}

func (o *outermost) Enter(n hclsyntax.Node) hcl.Diagnostics {
	if f, ok := n.(*hclsyntax.ForExpr); ok {
		if o.depth == 0 {
			o.found = append(o.found, f)
		}
		o.depth++
	}
	return nil
}

func (o *outermost) Exit(n hclsyntax.Node) hcl.Diagnostics {
	if _, ok := n.(*hclsyntax.ForExpr); ok {
		o.depth--
	}
	return nil
}

func outermostLoops(expr hclsyntax.Expression) []*hclsyntax.ForExpr {
	var o outermost
	_ = hclsyntax.Walk(expr, &o)
	return o.found
}

// measure takes the weight of all loops in an expression off what is left.
func (l *loops) measure(expr hclsyntax.Expression, ctx *hcl.EvalContext) {
	for _, f := range outermostLoops(expr) {
		l.loop(f, ctx)
	}
}

// loop goes through the rounds of a loop, but evaluates collections alone:
// those of the loop itself and of the loops inside.
func (l *loops) loop(f *hclsyntax.ForExpr, ctx *hcl.EvalContext) {
	l.measure(f.CollExpr, ctx)
	if l.left < 0 {
		return
	}
	coll, _ := f.CollExpr.Value(ctx)
	if coll == cty.NilVal {
		return
	}
	coll, _ = coll.Unmark()
	if !coll.IsKnown() || coll.IsNull() || !coll.CanIterateElements() {
		return
	}
	fixed, own := 0, 0
	var inner []*hclsyntax.ForExpr
	for _, part := range []hclsyntax.Expression{f.KeyExpr, f.ValExpr, f.CondExpr} {
		if part == nil {
			continue
		}
		w, n := l.body(part, f, ctx)
		fixed, own = fixed+w, own+n
		inner = append(inner, outermostLoops(part)...)
	}
	for it := coll.ElementIterator(); it.Next() && l.left >= 0; {
		k, v := it.Element()
		l.left -= fixed
		if own > 0 {
			l.left -= own * weightOf(v, max(l.left, 0))
		}
		if len(inner) == 0 {
			continue
		}
		child := ctx.NewChild()
		child.Variables = map[string]cty.Value{f.ValVar: v}
		if f.KeyVar != "" {
			child.Variables[f.KeyVar] = k
		}
		for _, n := range inner {
			l.loop(n, child)
		}
	}
}

// body returns what one round of a loop weighs without its own variables,
// and how often those stand in it.
func (l *loops) body(part hclsyntax.Expression, f *hclsyntax.ForExpr, ctx *hcl.EvalContext) (fixed, own int) {
	visit(part, func(n hclsyntax.Node) {
		fixed += nodeWeight
		switch x := n.(type) {
		case *hclsyntax.LiteralValueExpr:
			fixed += weightOf(x.Val, l.most)
		case *hclsyntax.ScopeTraversalExpr:
			switch x.Traversal.RootName() {
			case f.ValVar:
				own++
			case f.KeyVar:
			default:
				// The variables of a loop inside are nothing here yet.
				if v, diags := x.Traversal.TraverseAbs(ctx); !diags.HasErrors() {
					fixed += weightOf(v, l.most)
				}
			}
		}
	})
	return fixed, own
}
