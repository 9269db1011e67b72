package decode

import (
	"bytes"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// Whether a name is made of a secret cannot be told from its mark, which a
// map has as a whole. So the map is computed a second time, as if all secrets
// were others: a name that is another one then is made of them.

// namesOfOtherSecrets returns the names that a map would have with other
// secrets; nil where it cannot be computed then, as the JSON that a secret
// holds.
func (w view) namesOfOtherSecrets(expr hclsyntax.Expression) map[string]bool {
	e := newEvaluator(w.d.l, nil)
	e.disguise = true
	r := e.value(scope{w.d.in}, expr)
	entries, ok := entriesOf(r.value)
	if r.failed || !ok {
		return nil
	}
	names := make(map[string]bool, len(entries))
	for _, en := range entries {
		names[en.key] = true
	}
	return names
}

// isWritten reports whether a text stands in a file of the configuration.
func (l *loader) isWritten(text string) bool {
	for _, src := range l.sources {
		if bytes.Contains(src, []byte(text)) {
			return true
		}
	}
	return false
}

// seen is a value as this evaluator sees it.
func (e *evaluator) seen(v cty.Value) cty.Value {
	if e.disguise {
		return disguised(v, false)
	}
	return v
}

// context is where expressions find functions.
func (e *evaluator) context() *hcl.EvalContext {
	ctx := e.l.functions.context
	if !e.disguise {
		return ctx
	}
	ctx = ctx.NewChild()
	ctx.Functions = map[string]function.Function{
		"env": disguisedFunction(e.l.functions.context.Functions["env"]),
		"sensitive": markFunction("", func(v cty.Value) cty.Value {
			return disguised(v.Mark(sensitiveMark{}), false)
		}),
	}
	return ctx
}

// disguisedFunction is a function whose secret results are others.
func disguisedFunction(f function.Function) function.Function {
	return function.New(&function.Spec{
		VarParam: &function.Parameter{
			Name: "arguments", Type: cty.DynamicPseudoType,
			AllowNull: true, AllowUnknown: true, AllowMarked: true, AllowDynamicType: true,
		},
		Type: f.ReturnTypeForValues,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, err := f.Call(args)
			return disguised(v, false), err
		},
	})
}

// disguised replaces the texts and numbers in what is sensitive of a value by
// others of the same type.
func disguised(v cty.Value, secret bool) cty.Value {
	if v == cty.NilVal {
		return v
	}
	v, marks := v.Unmark()
	if _, own := marks[sensitiveMark{}]; own {
		secret = true
	}
	switch typ := v.Type(); {
	case !v.IsKnown() || v.IsNull():
	case secret && typ == cty.String:
		v = cty.StringVal(otherText(v.AsString()))
	case secret && typ == cty.Number:
		v = v.Add(cty.NumberIntVal(1))
	case typ.IsObjectType(), typ.IsMapType():
		v = disguisedEntries(v, secret)
	case typ.IsTupleType(), typ.IsListType(), typ.IsSetType():
		v = disguisedItems(v, secret)
	}
	return v.WithMarks(marks)
}

func disguisedEntries(v cty.Value, secret bool) cty.Value {
	if v.LengthInt() == 0 {
		return v
	}
	out := map[string]cty.Value{}
	for key, el := range v.Elements() {
		out[key.AsString()] = disguised(el, secret)
	}
	if v.Type().IsMapType() {
		return cty.MapVal(out)
	}
	return cty.ObjectVal(out)
}

func disguisedItems(v cty.Value, secret bool) cty.Value {
	if v.LengthInt() == 0 {
		return v
	}
	out := make([]cty.Value, 0, v.LengthInt())
	for _, el := range v.Elements() {
		out = append(out, disguised(el, secret))
	}
	switch typ := v.Type(); {
	case typ.IsListType():
		return cty.ListVal(out)
	case typ.IsSetType():
		return cty.SetVal(out)
	}
	return cty.TupleVal(out)
}

// otherText is a text of the same length with nothing of this one in it.
func otherText(s string) string {
	letter := "x"
	if strings.ContainsAny(s, "xX") && strings.Trim(s, "xX") == "" {
		letter = "y"
	}
	return strings.Repeat(letter, len(s))
}
