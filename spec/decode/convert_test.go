package decode

import (
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"github.com/syndicate/syndicate/spec"
)

// anyValue draws values of every type, known, unknown, null and marked at
// any depth.
func anyValue(t *rapid.T, depth int) cty.Value {
	var v cty.Value
	kinds := 5
	if depth > 0 {
		kinds = 9
	}
	switch rapid.IntRange(0, kinds).Draw(t, "kind") {
	case 0:
		v = cty.StringVal(rapid.SampledFrom([]string{"", "x", "12", "true", "8080.5", "\x00"}).Draw(t, "text"))
	case 1:
		v = cty.NumberFloatVal(rapid.SampledFrom([]float64{0, 1, -1, 0.5, 1e300, 65536, -1e-300}).Draw(t, "number"))
	case 2:
		v = cty.BoolVal(rapid.Bool().Draw(t, "bool"))
	case 3:
		v = cty.UnknownVal(rapid.SampledFrom([]cty.Type{cty.String, cty.Number, cty.DynamicPseudoType, cty.List(cty.String), cty.EmptyObject}).Draw(t, "unknown"))
	case 4:
		v = cty.NullVal(rapid.SampledFrom([]cty.Type{cty.String, cty.Number, cty.DynamicPseudoType, cty.Map(cty.String)}).Draw(t, "null"))
	case 5:
		return cty.NilVal
	case 6, 7:
		var items []cty.Value
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			if item := anyValue(t, depth-1); item != cty.NilVal {
				items = append(items, item)
			}
		}
		v = cty.TupleVal(items)
	default:
		fields := map[string]cty.Value{}
		for _, k := range []string{"a", "b"} {
			if item := anyValue(t, depth-1); item != cty.NilVal {
				fields[k] = item
			}
		}
		v = cty.ObjectVal(fields)
	}
	if rapid.Bool().Draw(t, "marked") {
		v = v.Mark(sensitiveMark{})
	}
	return v
}

// TestConversionsNeverPanic gives every conversion every sort of value.
func TestConversionsNeverPanic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyValue(t, 3)
		literalString(v)
		s, isString := stringOf(v)
		n, intErr := intOf(v)
		_, _ = floatOf(v)
		_, _ = boolOf(v)
		entries, isMap := entriesOf(v)
		items, isList := itemsOf(v)
		elementOf(v, "a")
		for _, typ := range []cty.Type{cty.String, cty.Number, cty.Map(cty.Number), cty.List(cty.DynamicPseudoType)} {
			convertTo(v, typ)
		}
		if typeName(v) == "" {
			t.Fatal("no name of the type")
		}
		text, textErr := textOf(v)
		_, d := plain(result{value: v}, "x", hcl.Range{})
		known, null, secret := known(v), isNull(v), isSensitive(v)
		if v != cty.NilVal {
			rendered(v)
			_, _ = forEach(result{value: v}, hcl.Range{})
		}
		switch {
		case null && (isString || intErr == nil || isMap || isList):
			t.Fatalf("%#v is null and something else", v)
		case d == nil && (secret || !known):
			t.Fatalf("%#v is plain", v)
		case textErr == nil && text.IsSensitive() != secret:
			t.Fatalf("%#v loses its mark", v)
		case intErr == nil && isString && s == "8080.5":
			t.Fatalf("8080.5 is cut to %d", n)
		case secret && textErr == nil && text.String() != spec.Hidden:
			t.Fatalf("%#v is shown", v)
		}
		_, _ = entries, items
	})
}

// TestDefaultsInTags checks that the default that each tag states is one that
// its attribute could be given.
func TestDefaultsInTags(t *testing.T) {
	for _, p := range attributePaths() {
		f := p.attr
		switch f.Type {
		case "duration", "size", "share", "int", "number", "bool":
			if f.Default != "" && f.value == nil {
				t.Errorf("%s: default %q has no value", p, f.Default)
			}
			if d, ok := f.value.(spec.Duration); ok && d.String() != f.Default && d == 0 {
				t.Errorf("%s: default %q does not parse", p, f.Default)
			}
			if s, ok := f.value.(spec.Size); ok && s == 0 {
				t.Errorf("%s: default %q does not parse", p, f.Default)
			}
		}
		found := f.Default == "" || len(f.Enum) == 0
		for _, e := range f.Enum {
			found = found || e == f.Default
		}
		if !found {
			t.Errorf("%s: default %q is not allowed", p, f.Default)
		}
		if f.Doc == "" || f.Type == "" {
			t.Errorf("%s has no doc or no type", p)
		}
	}
}
