package decode

import (
	"bytes"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/syndicate/syndicate/spec"
)

// Format returns src in the canonical layout. What does not parse is not
// touched: its mistakes come back instead. Formatting what Format returned
// changes nothing.
func Format(name string, src []byte) ([]byte, spec.Diagnostics) {
	diags := guard(name, src, false)
	if !diags.HasErrors() {
		_, diags = hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	}
	if diags.HasErrors() {
		ds := convertDiagnostics(diags)
		ds.Sort()
		return nil, ds
	}
	// The formatter needs a second look at some texts until it is content.
	out := src
	for range 4 {
		next := hclwrite.Format(out)
		if bytes.Equal(next, out) {
			break
		}
		out = next
	}
	// The formatter moves some tokens of odd texts into one another ("0 .0"
	// into "0.0"). Such a text stays as it is: layout is no reason to change
	// what a configuration means.
	if !bytes.Equal(hclwrite.Format(out), out) || !sameTokens(src, out) {
		return src, nil
	}
	return out, nil
}

// sameTokens reports whether two texts differ in blanks alone.
func sameTokens(a, b []byte) bool {
	return slices.EqualFunc(lexemes(a), lexemes(b), func(x, y hclsyntax.Token) bool {
		return x.Type == y.Type && bytes.Equal(bytes.TrimSpace(x.Bytes), bytes.TrimSpace(y.Bytes))
	})
}

func lexemes(src []byte) hclsyntax.Tokens {
	tokens, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos)
	return tokens
}

// Formattable reports whether Format can lay out a file of this name: all of
// HCL's native syntax, variables and test fixtures included, but no JSON,
// no dotfiles and no editors' copies.
func Formattable(name string) bool {
	return strings.HasSuffix(name, ".hcl") && !strings.HasPrefix(name, ".") &&
		!strings.HasPrefix(name, "#") && !strings.HasPrefix(name, "~")
}
