package decode

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/syndicate/syndicate/spec"
)

// evaluator computes values on demand, each at most once. The one that
// decodes has no lookup: what exists only once something runs is unknown to
// it. A value that is resolved later gets an evaluator of its own, so that
// several may be resolved at once; they share nothing but the loader, which
// no longer changes then.
type evaluator struct {
	l      *loader
	lookup spec.Lookup
	report func(...*hcl.Diagnostic)
	// disguise makes secrets others: see disguise.go.
	disguise bool
	memo     map[node]*entry
	stack    []step
	failed   error // of lookup
}

// node names something that is computed: a variable, a local, an attribute
// of a block, the instances of one, or its source.
type node struct {
	addr spec.Addr
	name string
}

// The kinds that node uses beside those of blocks.
const (
	kindVariable spec.Kind = "var"
	kindLocal    spec.Kind = "local"
)

type entry struct {
	busy   bool
	result result
}

// step is one node under way, with the place that asked for it.
type step struct {
	node node
	at   hcl.Range
}

// result is a value and what it is made of.
type result struct {
	value cty.Value
	uses  []use
	// failed is set where a mistake was reported already: an unknown value
	// needs no further words then.
	failed bool
	// vague is set where a variable has no value yet.
	vague bool
	// later is set where an attribute of something that runs is missing.
	later bool
	// weight is that of the value of a local or variable.
	weight int
}

// use is an attribute of a block that a value is made of.
type use struct {
	target *instance // nil for the built-in objects
	addr   spec.Addr
	attr   string
	at     hcl.Range
	self   bool
}

// scope is what an expression may speak of beside what is global.
type scope struct {
	in *instance // for each and self; nil outside of blocks
}

func newEvaluator(l *loader, lookup spec.Lookup) *evaluator {
	return &evaluator{l: l, lookup: lookup, memo: map[node]*entry{}, report: func(...*hcl.Diagnostic) {}}
}

var failure = result{value: cty.DynamicVal, failed: true}

// compute returns the result of a node, computing it if it is asked for the
// first time. A node that is made of itself is reported as a circle.
func (e *evaluator) compute(n node, at hcl.Range, how func() result) result {
	if got, ok := e.memo[n]; ok {
		if got.busy {
			e.reportCycle(n, at)
			return failure
		}
		return got.result
	}
	en := &entry{busy: true}
	e.memo[n] = en
	e.stack = append(e.stack, step{n, at})
	en.result = how()
	en.busy = false
	e.stack = e.stack[:len(e.stack)-1]
	return en.result
}

// reportCycle reports the circle that closes at n.
func (e *evaluator) reportCycle(n node, at hcl.Range) {
	i := slices.IndexFunc(e.stack, func(s step) bool { return s.node == n })
	if i < 0 {
		return
	}
	path := n.String()
	var more []related
	for _, s := range e.stack[i+1:] {
		path += " → " + s.node.String()
		more = append(more, related{s.at, "takes " + s.node.String()})
	}
	path += " → " + n.String()
	more = append(more, related{at, "takes " + n.String()})
	e.report(mistake(CodeCycle, at, "Values in a circle",
		fmt.Sprintf("This value is made of itself: %s. Give one of them a value of its own.", path), more...))
}

func (n node) String() string {
	if n.name == "" {
		return n.addr.String()
	}
	return n.addr.String() + "." + n.name
}

// value evaluates an expression, given exactly the values that it names.
func (e *evaluator) value(sc scope, expr hclsyntax.Expression) result {
	switch x := expr.(type) {
	case *hclsyntax.LiteralValueExpr:
		return result{value: x.Val}
	case *hclsyntax.TemplateExpr:
		if len(x.Parts) == 1 {
			if lit, ok := x.Parts[0].(*hclsyntax.LiteralValueExpr); ok && lit.Val.Type() == cty.String {
				return result{value: lit.Val}
			}
		}
		if s, ok := literalText(x); ok {
			return result{value: cty.StringVal(s)}
		}
	}
	traversals := expr.Variables()
	b := &binding{e: e, sc: sc, expr: expr}
	for _, t := range traversals {
		b.bind(t)
	}
	if b.res.failed {
		b.res.value = cty.DynamicVal
		return b.res
	}
	ctx := e.context()
	if len(b.vars.kids) > 0 {
		ctx = ctx.NewChild()
		ctx.Variables = b.vars.objects()
	}
	if d := e.l.tooHeavy(expr, ctx, b.weight); d != nil {
		e.report(d)
		return failure
	}
	v, diags := expr.Value(ctx)
	if len(diags) > maxDiagnostics {
		diags = diags[:maxDiagnostics] // a loop says the same thousands of times
	}
	e.report(withoutValues(diags)...)
	if b.weight > lightWeight && !e.l.spend(weightOf(v, e.l.bounds.value)/4) {
		e.report(e.l.tooMuchWork(expr.Range()))
		return failure
	}
	b.res.value = v
	if diags.HasErrors() {
		b.res.value, b.res.failed = cty.DynamicVal, true
		return b.res
	}
	if b.res.later && e.lookup == nil && !known(v) {
		e.l.functions.foresee(expr, ctx, func(diags ...*hcl.Diagnostic) {
			e.report(diags...)
			b.res.failed = true
		})
	}
	return b.res
}

// maxDiagnostics is how many mistakes of one expression are reported.
const maxDiagnostics = 20

// spend counts what was computed, and reports whether that is still within
// bounds.
func (l *loader) spend(weight int) bool {
	return l.functions.spent.Add(int64(weight)) <= int64(l.bounds.work)
}

// withoutValues takes the expression and its context off the diagnostics, once
// they have said what they tell: they hold values, and memory.
func withoutValues(diags hcl.Diagnostics) hcl.Diagnostics {
	for _, d := range diags {
		rewordAbsent(d)
		d.Expression, d.EvalContext = nil, nil
		if _, ok := d.Extra.(extra); ok {
			continue
		}
		if call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d); ok {
			code := CodeFunction
			var ce *codedError
			if err := call.FunctionCallError(); errors.As(err, &ce) {
				code = ce.code
			}
			d.Detail, d.Extra = endOnce(d.Detail), extra{code: code}
		}
		if call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallUnknownDiagExtra](d); ok {
			name := call.CalledFunctionName()
			d.Detail = fmt.Sprintf("There is no function %q.", name)
			if near := nearest(name, functionNames()); near != "" {
				d.Detail += fmt.Sprintf(" Did you mean %q?", near)
			} else {
				d.Detail += " Those that there are: syndicate schema functions."
			}
			d.Extra = extra{code: CodeFunction}
		}
	}
	return diags
}

// codedError is an error of a function that has a code of its own.
type codedError struct {
	code string
	text string
}

func (e *codedError) Error() string { return e.text }

// attribute evaluates one attribute of a block.
func (e *evaluator) attribute(sc scope, attr *hcl.Attribute) result {
	expr, diags := native(attr.Expr)
	e.report(diags...)
	if diags.HasErrors() {
		return failure
	}
	return e.value(sc, expr)
}

// tree is the variables of an evaluation under construction.
type tree struct {
	leaf cty.Value
	set  bool
	kids map[string]*tree
}

// at returns the branch of a path, made where it is missing.
func (t *tree) at(path ...string) *tree {
	for _, p := range path {
		if t.kids == nil {
			t.kids = map[string]*tree{}
		}
		kid := t.kids[p]
		if kid == nil {
			kid = &tree{}
			t.kids[p] = kid
		}
		t = kid
	}
	return t
}

func (t *tree) put(v cty.Value, path ...string) {
	t = t.at(path...)
	t.leaf, t.set = v, true
}

func (t *tree) object() cty.Value {
	if t.set {
		return t.leaf
	}
	return cty.ObjectVal(t.objects())
}

func (t *tree) objects() map[string]cty.Value {
	out := make(map[string]cty.Value, len(t.kids))
	for k, kid := range t.kids {
		out[k] = kid.object()
	}
	return out
}
