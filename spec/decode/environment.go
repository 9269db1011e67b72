package decode

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/syndicate/syndicate/spec"
)

// environment reads a map of strings whose values may be known only later.
func (w view) environment(name string) []spec.EnvVar {
	expr, _ := w.native(name)
	if expr == nil {
		return nil
	}
	if obj, ok := expr.(*hclsyntax.ObjectConsExpr); ok {
		if keys, ok := w.d.l.literalKeys(obj); ok {
			return w.entries(name, keys, obj)
		}
	}
	return w.computedEntries(name, expr)
}

// literalKeys returns the keys of an object where all are written out.
func (l *loader) literalKeys(obj *hclsyntax.ObjectConsExpr) ([]string, bool) {
	keys := make([]string, 0, len(obj.Items))
	for _, item := range obj.Items {
		s := ""
		if k, ok := item.KeyExpr.(*hclsyntax.ObjectConsKeyExpr); ok && !k.ForceNonLiteral {
			s = hcl.ExprAsKeyword(k.Wrapped)
		}
		if s == "" {
			v, diags := l.evaluate(item.KeyExpr, nil)
			text, ok := stringOf(v)
			if diags.HasErrors() || !ok {
				return nil, false
			}
			s = text
		}
		keys = append(keys, s)
	}
	return keys, true
}

// entries reads the values of an object one by one, so that each has its own
// place and reasons.
func (w view) entries(name string, keys []string, obj *hclsyntax.ObjectConsExpr) []spec.EnvVar {
	d := w.d
	out := make([]spec.EnvVar, 0, len(keys))
	at := make(map[string]int, len(keys))
	for i, key := range keys {
		item := obj.Items[i]
		if !w.goodName(name, key, item.KeyExpr.Range()) {
			continue
		}
		r := d.e.value(scope{d.in}, item.ValueExpr)
		if !w.free {
			d.use(r, w.prefix+name+"."+key)
		}
		v := spec.EnvVar{Name: key, Range: rangeOf(hcl.RangeBetween(item.KeyExpr.Range(), item.ValueExpr.Range()))}
		if !r.failed && isNull(r.value) {
			v.Null = true
		} else {
			v.Value = expression(d, r, item.ValueExpr, name+"."+key, wantText())
		}
		d.noteEntry(name, key, r, r.value, item.ValueExpr)
		if j, again := at[key]; again {
			out[j] = v
			continue
		}
		at[key] = len(out)
		out = append(out, v)
	}
	return out
}

// computedEntries reads a map that is computed as a whole.
func (w view) computedEntries(name string, expr hclsyntax.Expression) []spec.EnvVar {
	d := w.d
	r := d.e.value(scope{d.in}, expr)
	if !w.free {
		d.use(r, w.prefix+name)
	}
	if r.failed || isNull(r.value) || !w.shownNames(name, expr, r.value) {
		return nil
	}
	entries, ok := entriesOf(r.value)
	if !ok {
		v, _ := r.value.Unmark()
		switch {
		case !v.IsKnown() && r.vague:
		case !v.IsKnown():
			d.report(mistake(CodeUnknown, expr.Range(), "Value not known at plan time", fmt.Sprintf(
				"The names in %s must be known at plan time, but %s exists only after the start.", name, laterNames(r))))
		default:
			d.report(mistake(CodeType, expr.Range(), "Wrong type", fmt.Sprintf("%s must be a map, not %s.", name, typeName(v))))
		}
		return nil
	}
	var out []spec.EnvVar
	for _, en := range entries {
		if !w.goodName(name, en.key, expr.Range()) {
			continue
		}
		v := spec.EnvVar{Name: en.key, Range: rangeOf(expr.Range())}
		if v.Null = isNull(en.value); !v.Null {
			x := wantText()
			x.key = en.key
			v.Value = expression(d, r, expr, name+"."+en.key, x)
			d.noteEntry(name, en.key, r, en.value, expr)
		}
		out = append(out, v)
	}
	return out
}

// shownNames reports names that are made of secrets: plans show names. A map
// that is secret as a whole is one for its values.
func (w view) shownNames(name string, expr hclsyntax.Expression, v cty.Value) bool {
	shown := true
	refuse := func(at hcl.Range) {
		w.d.report(mistake(CodeSensitive, at, "Sensitive name", fmt.Sprintf(
			"A name in %s cannot be made of a sensitive value: plans and status would show it. Where the name may be seen, write nonsensitive(…).", name)))
		shown = false
	}
	if obj, ok := expr.(*hclsyntax.ObjectConsExpr); ok {
		for _, item := range obj.Items {
			if r := w.d.e.value(scope{w.d.in}, item.KeyExpr); !r.failed && r.value.IsMarked() {
				refuse(item.KeyExpr.Range())
			}
		}
		return shown
	}
	if !v.HasMark(sensitiveMark{}) {
		return true
	}
	entries, _ := entriesOf(v)
	others := w.namesOfOtherSecrets(expr)
	for _, en := range entries {
		made := others != nil && !others[en.key] && !w.d.l.isWritten(en.key)
		if made || w.d.l.holdsSecret(en.key) {
			refuse(expr.Range())
			break
		}
	}
	return shown
}

func (w view) goodName(attr, name string, at hcl.Range) bool {
	why := ""
	switch {
	case name == "":
		why = "it is empty"
	case strings.Contains(name, "="):
		why = "what stands before the first = is the name, and the rest its value"
	case strings.ContainsFunc(name, unicode.IsControl):
		why = "it holds a control character"
	case strings.ContainsFunc(name, unicode.IsSpace):
		why = "it holds a space, and no shell could read it"
	default:
		return true
	}
	w.d.report(mistake(CodeName, at, "Bad name", fmt.Sprintf("%q cannot be a name in %s: %s.", name, attr, why)))
	return false
}
