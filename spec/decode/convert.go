package decode

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/syndicate/syndicate/spec"
)

// This file holds every step from a cty value to a Go value and back. cty
// panics when a value that is marked, unknown, null or absent is asked for
// its content; nothing here does, whatever it is given.

// bare returns a value without its marks, at any depth, and whether it is
// known and not null at all depths that matter for a primitive.
func bare(v cty.Value) (cty.Value, bool) {
	if v == cty.NilVal {
		return v, false
	}
	if v.Type().IsPrimitiveType() { // there is nothing inside of it
		v, _ = v.Unmark()
	} else {
		v, _ = v.UnmarkDeep()
	}
	return v, v.IsKnown() && !v.IsNull()
}

// known reports whether the whole of a value is known.
func known(v cty.Value) bool {
	return v != cty.NilVal && v.IsWhollyKnown()
}

// isNull reports whether a value is null, marked or not.
func isNull(v cty.Value) bool {
	if v == cty.NilVal {
		return true
	}
	v, _ = v.Unmark()
	return v.IsKnown() && v.IsNull()
}

// isSensitive reports whether a value, or a part of it, must not be shown.
func isSensitive(v cty.Value) bool {
	if v == cty.NilVal {
		return false
	}
	if v.Type().IsPrimitiveType() {
		return v.HasMark(sensitiveMark{})
	}
	return v.HasMarkDeep(sensitiveMark{})
}

// literalString returns the content of a string; other types are refused.
func literalString(v cty.Value) (string, bool) {
	v, ok := bare(v)
	if !ok || v.Type() != cty.String {
		return "", false
	}
	return v.AsString(), true
}

// stringOf returns a string, a number or a bool as text.
func stringOf(v cty.Value) (string, bool) {
	v, ok := bare(v)
	if !ok || !v.Type().IsPrimitiveType() {
		return "", false
	}
	switch v.Type() {
	case cty.String:
		return v.AsString(), true
	case cty.Number:
		// The general conversion takes microseconds, which thousands of
		// ports feel.
		if n, accuracy := v.AsBigFloat().Int64(); accuracy == big.Exact {
			return strconv.FormatInt(n, 10), true
		}
	}
	s, err := convert.Convert(v, cty.String)
	if err != nil {
		return "", false
	}
	return literalString(s)
}

// The errors of this file end sentences such as "port must be …".
var (
	errWhole = errors.New("must be a whole number")
	errBool  = errors.New("must be true or false")
)

// numberOf returns the exact value of a number, or of a string that holds
// one.
func numberOf(v cty.Value) (*big.Float, error) {
	got := v
	v, ok := bare(v)
	if !ok {
		return nil, fmt.Errorf("must be a number, not %s", typeName(got))
	}
	n, err := convert.Convert(v, cty.Number)
	if err != nil || n.IsNull() || !n.IsKnown() {
		return nil, fmt.Errorf("must be a number, not %s", typeName(got))
	}
	return n.AsBigFloat(), nil
}

// intOf returns a whole number that fits an int; 8080.5 does not.
func intOf(v cty.Value) (int, error) {
	f, err := numberOf(v)
	if err != nil {
		return 0, err
	}
	if !f.IsInt() {
		return 0, errWhole
	}
	n, accuracy := f.Int64()
	if accuracy != big.Exact || int64(int(n)) != n {
		return 0, errors.New("is too large")
	}
	return int(n), nil
}

// floatOf returns a number.
func floatOf(v cty.Value) (float64, error) {
	f, err := numberOf(v)
	if err != nil {
		return 0, err
	}
	n, _ := f.Float64()
	return n, nil
}

// boolOf returns a bool, or what the strings "true" and "false" say.
func boolOf(v cty.Value) (bool, error) {
	v, ok := bare(v)
	if !ok {
		return false, errBool
	}
	b, err := convert.Convert(v, cty.Bool)
	if err != nil || b.IsNull() || !b.IsKnown() {
		return false, errBool
	}
	return b.True(), nil
}

// entryOf is one entry of a map or object, with its marks.
type entryOf struct {
	key   string
	value cty.Value
}

// entriesOf returns the entries of a map or object in order of key.
func entriesOf(v cty.Value) ([]entryOf, bool) {
	if v == cty.NilVal {
		return nil, false
	}
	v, marks := v.Unmark()
	if !v.IsKnown() || v.IsNull() || !v.Type().IsMapType() && !v.Type().IsObjectType() {
		return nil, false
	}
	out := make([]entryOf, 0, v.LengthInt())
	for it := v.ElementIterator(); it.Next(); {
		k, el := it.Element()
		key, _ := literalString(k)
		out = append(out, entryOf{key, el.WithMarks(marks)})
	}
	return out, true
}

// itemsOf returns the elements of a list, tuple or set, with their marks.
func itemsOf(v cty.Value) ([]cty.Value, bool) {
	if v == cty.NilVal {
		return nil, false
	}
	v, marks := v.Unmark()
	t := v.Type()
	if !v.IsKnown() || v.IsNull() || !t.IsListType() && !t.IsTupleType() && !t.IsSetType() {
		return nil, false
	}
	out := make([]cty.Value, 0, v.LengthInt())
	for it := v.ElementIterator(); it.Next(); {
		_, el := it.Element()
		out = append(out, el.WithMarks(marks))
	}
	return out, true
}

// elementOf returns an element of a map that may be unknown.
func elementOf(v cty.Value, key string) cty.Value {
	if v == cty.NilVal || !v.IsKnown() {
		return cty.UnknownVal(cty.Number).RefineNotNull()
	}
	entries, _ := entriesOf(v)
	for _, en := range entries {
		if en.key == key {
			return en.value
		}
	}
	return cty.UnknownVal(cty.Number)
}

// convertTo converts to a type, keeping marks; NilVal stays NilVal.
func convertTo(v cty.Value, t cty.Type) (cty.Value, bool) {
	if v == cty.NilVal {
		return v, true
	}
	out, err := convert.Convert(v, t)
	if err != nil {
		return cty.DynamicVal, false
	}
	return out, true
}

// typeName says what a value is, without showing it.
func typeName(v cty.Value) string {
	if v == cty.NilVal {
		return "nothing"
	}
	v, _ = v.Unmark()
	switch t := v.Type(); {
	case v.IsKnown() && v.IsNull():
		return "null"
	case t == cty.DynamicPseudoType:
		return "an unknown value"
	case t == cty.String:
		return "a string"
	case t == cty.Number:
		return "a number"
	case t == cty.Bool:
		return "a bool"
	case t.IsTupleType(), t.IsListType():
		return "a list"
	case t.IsSetType():
		return "a set"
	case t.IsMapType(), t.IsObjectType():
		return "a map"
	default:
		return "a " + t.FriendlyName()
	}
}

// textOf makes a spec.Text of a primitive, sensitive where it is marked.
func textOf(v cty.Value) (spec.Text, error) {
	s, ok := stringOf(v)
	if !ok {
		return spec.Text{}, fmt.Errorf("must be a string, not %s", typeName(v))
	}
	if isSensitive(v) {
		return spec.Sensitive(s), nil
	}
	return spec.Plain(s), nil
}

// plain returns a value that is known, not sensitive and without marks, or
// says why it is not. Null passes.
func plain(r result, name string, at hcl.Range) (cty.Value, *hcl.Diagnostic) {
	if isSensitive(r.value) {
		return cty.NilVal, mistake(CodeSensitive, at, "Sensitive value",
			fmt.Sprintf("%s cannot be a sensitive value: plans and status would show it.", name))
	}
	if !known(r.value) {
		return cty.NilVal, mistake(CodeUnknown, at, "Value not known at plan time",
			fmt.Sprintf("%s must be known at plan time, but %s exists only after the start.", name, laterNames(r)))
	}
	v, _ := bare(r.value)
	return v, nil
}

// fromGo makes a value of a type of what a spec.Lookup gave.
func fromGo(got any, t cty.Type) (cty.Value, error) {
	var v cty.Value
	switch x := got.(type) {
	case string:
		v = cty.StringVal(x)
	case spec.Text:
		v = cty.StringVal(x.Reveal())
		if x.IsSensitive() {
			v = v.Mark(sensitiveMark{})
		}
	case int:
		v = cty.NumberIntVal(int64(x))
	case map[string]int:
		m := map[string]cty.Value{}
		for k, n := range x {
			m[k] = cty.NumberIntVal(int64(n))
		}
		v = cty.ObjectVal(m)
	default:
		return cty.NilVal, fmt.Errorf("is a %T, which no attribute is", got)
	}
	out, err := convert.Convert(v, t)
	if err != nil {
		return cty.NilVal, fmt.Errorf("must be %s", typeName(cty.UnknownVal(t)))
	}
	return out, nil
}
