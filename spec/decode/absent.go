package decode

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// rewordAbsent says of an attribute that an object or a map does not have which
// it has: HCL only says that it is not there. It looks at the values that the
// diagnostic carries, and shows no name of a sensitive one.
func rewordAbsent(d *hcl.Diagnostic) {
	if d.EvalContext == nil || d.Subject == nil {
		return
	}
	v, name := lookedIn(d)
	if v == cty.NilVal || v.IsMarked() || !v.IsKnown() || v.IsNull() || name == "" {
		return
	}
	var have []string
	switch t := v.Type(); {
	case t.IsObjectType():
		have = slices.Sorted(maps.Keys(t.AttributeTypes()))
	case t.IsMapType():
		have = sortedKeys(v.AsValueMap())
	default:
		return
	}
	if slices.Contains(have, name) {
		return
	}
	d.Detail = fmt.Sprintf("This object has no attribute %q.", name)
	if len(have) == 0 {
		d.Detail += " It is empty."
		return
	}
	d.Detail += offer(name, "It has", "", have)
}

// lookedIn returns the value that a failed access looked in, and the name that
// it looked for; nothing where it was another mistake.
func lookedIn(d *hcl.Diagnostic) (cty.Value, string) {
	ctx := d.EvalContext
	switch x := d.Expression.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		if i := stepAt(x.Traversal, *d.Subject); i > 0 {
			v, _ := x.Traversal[:i].TraverseAbs(ctx)
			name, _, _ := member(x.Traversal, i)
			return v, name
		}
	case *hclsyntax.RelativeTraversalExpr:
		if i := stepAt(x.Traversal, *d.Subject); i >= 0 {
			v, _ := x.Source.Value(ctx)
			v, _ = x.Traversal[:i].TraverseRel(v)
			name, _, _ := member(x.Traversal, i)
			return v, name
		}
	case *hclsyntax.IndexExpr:
		v, _ := x.Collection.Value(ctx)
		key, _ := x.Key.Value(ctx)
		if key != cty.NilVal && !key.IsMarked() {
			name, _ := literalString(key)
			return v, name
		}
	}
	return cty.NilVal, ""
}

// stepAt returns the index of the step of a traversal that stands at a place,
// -1 for none.
func stepAt(t hcl.Traversal, at hcl.Range) int {
	return slices.IndexFunc(t, func(s hcl.Traverser) bool { return s.SourceRange() == at })
}
