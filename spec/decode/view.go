package decode

import (
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// decoder decodes one instance of a block.
type decoder struct {
	l  *loader
	e  *evaluator
	in *instance

	usages    []usage
	dependsOn []condition
	after     []condition
	noWait    []*target
	orders    []usage // queue, store and share: ready alone
	addresses []writtenAddress
}

// usage is a value taken from another block, and for what.
type usage struct {
	target *instance
	text   string
	at     hcl.Range
}

func (d *decoder) report(diags ...*hcl.Diagnostic) { d.l.report(diags...) }

// use records where the values come from that an attribute is made of.
func (d *decoder) use(r result, text string) {
	for _, u := range r.uses {
		if u.target != nil && u.target.enabled && !u.self {
			d.usages = append(d.usages, usage{u.target, text, u.at})
		}
	}
}

// view reads the attributes of one doc struct for an instance. A view of a
// nil doc is one of a block that is left out: it gives the defaults.
type view struct {
	d      *decoder
	v      reflect.Value
	st     *Structure
	prefix string
	// free makes values without making edges.
	free bool
}

func (d *decoder) view(doc any, prefix string) view {
	p := reflect.ValueOf(doc)
	return view{d: d, v: p.Elem(), st: d.l.types.of(p.Type().Elem()), prefix: prefix}
}

// get returns an attribute, nil where it is left out, and its description.
func (w view) get(name string) (*hcl.Attribute, *Field) {
	f, ok := w.st.attrs[name]
	if !ok {
		panic("no attribute " + name) // a slip in this package, which every test of the block meets
	}
	if !w.v.IsValid() {
		return nil, f
	}
	attr, _ := w.v.FieldByIndex(f.index).Interface().(*hcl.Attribute)
	return attr, f
}

// result evaluates an attribute and records what it is made of.
func (w view) result(attr *hcl.Attribute) result {
	r := w.d.e.attribute(scope{w.d.in}, attr)
	if !w.free {
		w.d.use(r, w.prefix+attr.Name)
	}
	return r
}

// known returns the value of an attribute that must be known at plan time,
// without marks. It is false where the attribute is left out, null or wrong.
func (w view) known(name string) (cty.Value, *hcl.Attribute, *Field, bool) {
	attr, f := w.get(name)
	if attr == nil {
		return cty.NilVal, nil, f, false
	}
	r := w.result(attr)
	if r.failed || r.vague && !known(r.value) {
		return cty.NilVal, attr, f, false
	}
	v, diag := plain(r, name, attr.Expr.Range())
	switch {
	case diag != nil:
		w.d.report(diag)
		return cty.NilVal, attr, f, false
	case v.IsNull():
		w.null(attr, f)
		return cty.NilVal, attr, f, false
	}
	return v, attr, f, true
}

// null reports a null where a value is needed.
func (w view) null(attr *hcl.Attribute, f *Field) {
	if f.Required {
		w.d.report(mistake(CodeNull, attr.Expr.Range(), "Null value", fmt.Sprintf("%s needs a value, and null is none.", attr.Name)))
	}
}

// given reports whether an attribute is written and is not null, which is as if
// it were left out.
func (d *decoder) given(attr *hcl.Attribute) bool {
	if attr == nil {
		return false
	}
	r := d.e.attribute(scope{d.in}, attr)
	return r.failed || !isNull(r.value)
}

func (w view) wrongType(attr *hcl.Attribute, need string, v cty.Value) {
	w.d.report(mistake(CodeType, attr.Expr.Range(), "Wrong type",
		fmt.Sprintf("%s must be %s, not %s.", attr.Name, need, typeName(v))))
}

// text returns a string that says something, "" where it is left out and has
// no default.
func (w view) text(name string) string {
	s, ok := w.anyText(name)
	if attr, f := w.get(name); ok && strings.TrimSpace(s) == "" {
		w.d.report(emptyText(name, f, attr.Expr.Range()))
		return f.Default
	}
	return s
}

// emptyText says that a string says nothing.
func emptyText(name string, f *Field, at hcl.Range) *hcl.Diagnostic {
	detail := name + " is empty."
	if !f.Required {
		detail += " Where there is none, leave it out; null is the same."
	}
	return mistake(CodeEmpty, at, "Empty text", detail)
}

// anyText returns a string that may be empty, and whether it is given; else it
// is the default.
func (w view) anyText(name string) (string, bool) {
	v, attr, f, ok := w.known(name)
	if !ok {
		return f.Default, false
	}
	s, ok := stringOf(v)
	switch {
	case !ok:
		w.wrongType(attr, "a string", v)
	case strings.ContainsRune(s, 0):
		w.d.report(mistake(CodeType, attr.Expr.Range(), "Wrong value", name+" must not contain a NUL character."))
	default:
		return s, true
	}
	return f.Default, false
}

// choice returns one of the strings that the schema allows.
func (w view) choice(name string) string {
	v, attr, f, ok := w.known(name)
	if !ok {
		return f.Default
	}
	s, ok := stringOf(v)
	if !ok || !slices.Contains(f.Enum, s) {
		w.d.report(notAllowed(name, attr.Expr.Range(), s, f.Enum))
		return f.Default
	}
	return s
}

func notAllowed(name string, at hcl.Range, got string, allowed []string) *hcl.Diagnostic {
	quoted := make([]string, len(allowed))
	for i, a := range allowed {
		quoted[i] = fmt.Sprintf("%q", a)
	}
	list := strings.Join(quoted, ", ")
	return mistake(CodeEnum, at, "Value not allowed",
		fmt.Sprintf("%s is one of %s.%s", name, list, suggest(got, allowed)))
}

func outOfRange(name string, at hcl.Range, n, least, most int) *hcl.Diagnostic {
	bound := fmt.Sprintf("at least %d", least)
	if n > most {
		bound = fmt.Sprintf("at most %d", most)
	}
	return mistake(CodeRange, at, "Number out of range", fmt.Sprintf("%s must be %s, not %d.", name, bound, n))
}

// number returns a whole number within bounds.
func (w view) number(name string, least, most int) int {
	v, attr, f, ok := w.known(name)
	def, _ := f.value.(int)
	if !ok {
		return def
	}
	n, err := intOf(v)
	if err != nil {
		w.d.report(mistake(CodeType, attr.Expr.Range(), "Wrong type", fmt.Sprintf("%s %s.", name, err)))
		return def
	}
	if n < least || n > most {
		w.d.report(outOfRange(name, attr.Expr.Range(), n, least, most))
		return def
	}
	return n
}

// factor returns a number that is at least 1.
func (w view) factor(name string) float64 {
	v, attr, f, ok := w.known(name)
	def, _ := f.value.(float64)
	if !ok {
		return def
	}
	n, err := floatOf(v)
	if err != nil {
		w.d.report(mistake(CodeType, attr.Expr.Range(), "Wrong type", fmt.Sprintf("%s %s.", name, err)))
		return def
	}
	if n < 1 || n > 1000 || math.IsNaN(n) {
		w.d.report(mistake(CodeRange, attr.Expr.Range(), "Number out of range", fmt.Sprintf("%s must be at least 1 and at most 1000.", name)))
		return def
	}
	return n
}

// truth returns a bool.
func (w view) truth(name string) bool {
	v, attr, f, ok := w.known(name)
	def, _ := f.value.(bool)
	if !ok {
		return def
	}
	b, err := boolOf(v)
	if err != nil {
		w.d.report(mistake(CodeType, attr.Expr.Range(), "Wrong type", fmt.Sprintf("%s %s.", name, err)))
		return def
	}
	return b
}

// path returns an absolute path, "" where it is left out.
func (w view) path(name string) string {
	s := w.text(name)
	if s == "" {
		return ""
	}
	return w.d.l.path(s)
}

// directory reports a path that is no directory.
func (w view) directory(name, path, what string) {
	attr, _ := w.get(name)
	at := w.d.in.head.DefRange
	if attr != nil {
		at = attr.Expr.Range()
	}
	info, err := w.d.l.fs.Stat(path)
	switch {
	case err != nil:
		w.d.report(mistake(CodePath, at, "No such directory", fmt.Sprintf(
			"The %s of %s is %s, which is not there. A relative path starts from %s.",
			what, w.d.in.addr, path, w.d.l.system.Dir)))
	case !info.IsDir():
		w.d.report(mistake(CodePath, at, "Not a directory", fmt.Sprintf("The %s of %s is %s, which is a file.", what, w.d.in.addr, filepath.Clean(path))))
	}
}

// native returns the expression of an attribute, nil where it is left out.
func (w view) native(name string) (hclsyntax.Expression, *hcl.Attribute) {
	attr, _ := w.get(name)
	if attr == nil {
		return nil, nil
	}
	expr, diags := native(attr.Expr)
	w.d.report(diags...)
	if diags.HasErrors() {
		return nil, attr
	}
	return expr, attr
}
