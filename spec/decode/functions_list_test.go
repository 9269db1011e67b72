package decode

import (
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
)

// The list of functions names exactly those that there are.
func TestListOfFunctions(t *testing.T) {
	want := sortedKeys(newFunctions(new(loader)).context.Functions)
	if got := functionNames(); !slices.Equal(got, want) {
		t.Errorf("listed are\n%v\nthere are\n%v", got, want)
	}
	for _, f := range Functions() {
		if !strings.HasSuffix(f.Call, ")") || !strings.HasSuffix(f.Doc, ".") {
			t.Errorf("%q: %q", f.Call, f.Doc)
		}
	}
}

// TestTextFunctions covers what the functions on texts refuse, and length,
// which takes more than cty's.
func TestTextFunctions(t *testing.T) {
	f := pureFunctions()
	secret := cty.StringVal("čtyři").Mark(sensitiveMark{})
	for name, v := range map[string]cty.Value{
		"text": cty.StringVal("čtyři"), "list": cty.TupleVal([]cty.Value{cty.Zero, cty.Zero, cty.Zero, cty.Zero, cty.Zero}),
		"object": cty.ObjectVal(map[string]cty.Value{"a": cty.Zero, "b": cty.Zero, "c": cty.Zero, "d": cty.Zero, "e": cty.Zero}),
	} {
		if got, err := f["length"].Call([]cty.Value{v}); err != nil || !got.RawEquals(cty.NumberIntVal(5)) {
			t.Errorf("length of a %s is %#v, %v", name, got, err)
		}
	}
	if got, err := f["length"].Call([]cty.Value{secret}); err != nil || !got.IsMarked() {
		t.Errorf("length of a secret is %#v, %v", got, err)
	}
	if got, err := f["length"].Call([]cty.Value{cty.UnknownVal(cty.String)}); err != nil || got.IsKnown() {
		t.Errorf("length of an unknown text is %#v, %v", got, err)
	}
	if _, err := f["length"].Call([]cty.Value{cty.True}); err == nil {
		t.Error("true has a length")
	}
	for text, want := range map[string]string{"/w==": "not UTF-8", "a": "not base64"} {
		if _, err := f["base64decode"].Call([]cty.Value{cty.StringVal(text)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("base64decode of %q: %v", text, err)
		}
	}
}
