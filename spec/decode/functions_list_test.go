package decode

import (
	"slices"
	"strings"
	"testing"
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
