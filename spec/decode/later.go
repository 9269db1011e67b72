package decode

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/syndicate/syndicate/spec"
)

// want says how a value that may be known only later becomes a Go value.
type want[T any] struct {
	// from converts a value that is wholly known.
	from func(cty.Value) (T, error)
	// secret allows a sensitive value.
	secret bool
	// shown says where a value that is not secret would be seen.
	shown string
	// key picks an entry of the expression's value, empty for all of it.
	key string
	// index picks an element, -1 for all of it.
	index int
}

func wantString(shown string) want[string] {
	return want[string]{shown: shown, index: -1, from: func(v cty.Value) (string, error) {
		s, ok := stringOf(v)
		switch {
		case !ok:
			return "", fmt.Errorf("must be a string, not %s", typeName(v))
		case strings.ContainsRune(s, 0):
			return "", errors.New("must not contain a NUL character")
		}
		return s, nil
	}}
}

func wantText() want[spec.Text] {
	return want[spec.Text]{secret: true, index: -1, from: func(v cty.Value) (spec.Text, error) {
		t, err := textOf(v)
		if err == nil && strings.ContainsRune(t.Reveal(), 0) {
			err = errors.New("must not contain a NUL character")
		}
		return t, err
	}}
}

// pick takes the part of a value that is wanted.
func (x want[T]) pick(v cty.Value) cty.Value {
	if x.key != "" {
		entries, _ := entriesOf(v)
		for _, en := range entries {
			if en.key == x.key {
				return en.value
			}
		}
		return cty.DynamicVal.WithSameMarks(v)
	}
	if x.index >= 0 {
		items, _ := itemsOf(v)
		if x.index < len(items) {
			return items[x.index]
		}
		return cty.DynamicVal.WithSameMarks(v)
	}
	return v
}

// expression makes an Expr of an evaluated expression. what begins the
// sentence that says what is wrong.
func expression[T any](d *decoder, r result, expr hclsyntax.Expression, what string, x want[T]) spec.Expr[T] {
	var none spec.Expr[T]
	at := expr.Range()
	if r.failed {
		return none
	}
	v := x.pick(r.value)
	if isSensitive(v) && !x.secret {
		d.report(mistake(CodeSensitive, at, "Sensitive value", fmt.Sprintf(
			"%s holds a sensitive value, which %s would show. Pass it in env instead.", what, x.shown)))
		return none
	}
	if known(v) {
		got, err := x.from(v)
		if err != nil {
			d.report(mistake(CodeType, at, "Wrong type", fmt.Sprintf("%s %s.", what, err)))
			return none
		}
		return spec.KnownAt(got, rangeOf(at), refsOf(r))
	}
	if bare, _ := v.Unmark(); bare.IsKnown() && !bare.IsNull() { // of parts, some of which are known later
		d.report(mistake(CodeType, at, "Wrong type", fmt.Sprintf("%s must be a string or a number, not %s.", what, typeName(v))))
		return none
	}
	return spec.Later(d.l.sourceOf(expr), rangeOf(at), refsOf(r), func(lookup spec.Lookup) (T, error) {
		v, err := d.l.resolve(d.in, expr, lookup)
		if err != nil {
			var none T
			return none, err
		}
		return x.resolve(v)
	})
}

// resolve converts what was evaluated at last.
func (x want[T]) resolve(v cty.Value) (T, error) {
	v = x.pick(v)
	var none T
	switch {
	case isSensitive(v) && !x.secret:
		return none, fmt.Errorf("the value is sensitive, and %s would show it", x.shown)
	case !known(v):
		return none, errors.New("the value is still not known")
	}
	return x.from(v)
}

// resolve evaluates an expression once what it names exists. It may be called
// from several goroutines at once.
func (l *loader) resolve(in *instance, expr hclsyntax.Expression, lookup spec.Lookup) (cty.Value, error) {
	e := newEvaluator(l, lookup)
	l.functions.spent.Store(0) // the bound is one of a single evaluation now
	var first *hcl.Diagnostic
	e.report = func(diags ...*hcl.Diagnostic) {
		for _, d := range diags {
			if first == nil && d.Severity == hcl.DiagError {
				first = d
			}
		}
	}
	r := e.value(scope{in}, expr)
	switch {
	case e.failed != nil:
		return cty.NilVal, e.failed
	case first != nil:
		return cty.NilVal, errors.New(l.hide(first.Detail))
	case r.failed:
		return cty.NilVal, errors.New("the value cannot be computed")
	}
	return r.value, nil
}

// refsOf lists the attributes that a value is made of.
func refsOf(r result) []spec.Ref {
	if len(r.uses) == 0 {
		return nil
	}
	out := make([]spec.Ref, 0, len(r.uses))
	for _, u := range r.uses {
		out = append(out, spec.Ref{Addr: u.addr, Attribute: u.attr, Range: rangeOf(u.at)})
	}
	return out
}

// sourceOf returns an expression as written, with the definitions of the
// locals and variables that it names: a change of any of them is a change of
// the value. A sensitive variable stands by its name alone.
func (l *loader) sourceOf(expr hclsyntax.Expression) string {
	var b strings.Builder
	b.WriteString(l.written(expr.Range()))
	seen := map[string]bool{}
	l.definitions(&b, expr, seen)
	return b.String()
}

func (l *loader) written(r hcl.Range) string {
	src := l.sources[r.Filename]
	if r.Start.Byte > r.End.Byte || r.End.Byte > len(src) {
		return ""
	}
	return string(src[r.Start.Byte:r.End.Byte])
}

func (l *loader) definitions(b *strings.Builder, expr hclsyntax.Expression, seen map[string]bool) {
	for _, t := range expr.Variables() {
		name, _, ok := member(t, 1)
		root := t.RootName()
		if !ok || seen[root+"."+name] {
			continue
		}
		seen[root+"."+name] = true
		switch root {
		case "local":
			if lo := l.locals[name]; lo != nil {
				if def, diags := native(lo.attr.Expr); !diags.HasErrors() {
					fmt.Fprintf(b, "\nlocal.%s = %s", name, l.written(def.Range()))
					l.definitions(b, def, seen)
				}
			}
		case "var":
			if v := l.variables[name]; v != nil && !v.secret {
				fmt.Fprintf(b, "\nvar.%s = %s", name, rendered(v.result.value).String())
			}
		}
	}
}
