package decode

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// list returns the elements of a list, with their marks taken off.
func (w view) list(name string) ([]cty.Value, *hcl.Attribute) {
	v, attr, _, ok := w.known(name)
	if !ok {
		return nil, attr
	}
	items, ok := itemsOf(v)
	if !ok {
		need := "a list"
		if _, ok := stringOf(v); ok {
			need = fmt.Sprintf("a list, such as [%s]", w.d.l.written(attr.Expr.Range()))
		}
		w.wrongType(attr, need, v)
	}
	return items, attr
}

// texts returns a list of strings that say something.
func (w view) texts(name string) []string {
	items, attr := w.list(name)
	var out []string
	for _, item := range items {
		s, ok := stringOf(item)
		if !ok {
			w.wrongType(attr, "a list of strings", item)
			return nil
		}
		if strings.TrimSpace(s) == "" {
			w.d.report(mistake(CodeEmpty, attr.Expr.Range(), "Empty text", fmt.Sprintf("An element of %s is empty: leave it out.", name)))
			continue
		}
		out = append(out, s)
	}
	return out
}

// numbers returns a list of whole numbers within bounds.
func (w view) numbers(name string, least, most int) []int {
	items, attr := w.list(name)
	var out []int
	for _, item := range items {
		n, err := intOf(item)
		if err != nil {
			w.d.report(mistake(CodeType, attr.Expr.Range(), "Wrong type", fmt.Sprintf("An element of %s %s.", name, err)))
			return nil
		}
		if n < least || n > most {
			w.d.report(outOfRange("an element of "+name, attr.Expr.Range(), n, least, most))
			continue
		}
		out = append(out, n)
	}
	return out
}

// textMap returns a map of strings, whose names are of a form.
func (w view) textMap(name string, form *regexp.Regexp) map[string]string {
	v, attr, _, ok := w.known(name)
	if !ok {
		return nil
	}
	entries, ok := entriesOf(v)
	if !ok {
		w.wrongType(attr, "a map", v)
		return nil
	}
	out := map[string]string{}
	for _, en := range entries {
		s, ok := stringOf(en.value)
		if !ok {
			w.wrongType(attr, "a map of strings", en.value)
			return nil
		}
		if !form.MatchString(en.key) {
			w.d.report(mistake(CodeName, attr.Expr.Range(), "Bad name", fmt.Sprintf("%q cannot be a name in %s.", en.key, name)))
			continue
		}
		out[en.key] = s
	}
	return out
}
