package decode

import (
	"reflect"

	"github.com/hashicorp/hcl/v2"

	"github.com/syndicate/syndicate/spec"
)

// unbuilt notes what is declared in a block and has no runtime yet: fields
// with the tag later, and what the blocks themselves say.
func (l *loader) unbuilt(addr spec.Addr, doc blockDoc) {
	note := func(name string, at hcl.Range) {
		l.system.Unbuilt = append(l.system.Unbuilt, spec.Feature{Addr: addr, Name: name, Range: rangeOf(at)})
	}
	switch doc := doc.(type) {
	case *queueDoc, *thresholdDoc, *boundaryDoc, *notifyDoc:
		note(string(addr.Kind), doc.head().DefRange)
		return
	case *taskDoc:
		if t := l.system.Tasks[len(l.system.Tasks)-1]; t.Run != "up" {
			at := doc.DefRange
			if doc.Run != nil {
				at = doc.Run.Range
			}
			note(`task without run = "up"`, at)
			return
		}
	}
	l.unbuiltFields(reflect.ValueOf(doc).Elem(), note)
}

func (l *loader) unbuiltFields(v reflect.Value, note func(string, hcl.Range)) {
	st := l.types.of(v.Type())
	for i := range st.later {
		f := &st.later[i]
		attr, _ := v.FieldByIndex(f.index).Interface().(*hcl.Attribute)
		if attr != nil && !isDefault(attr, f) {
			note(f.Name, attr.Range)
		}
	}
	for i := range st.Blocks {
		f := &st.Blocks[i]
		field := v.FieldByIndex(f.index)
		if f.Many {
			for i := range field.Len() {
				l.unbuiltBlock(field.Index(i), f, note)
			}
		} else if !field.IsNil() {
			l.unbuiltBlock(field, f, note)
		}
	}
}

func (l *loader) unbuiltBlock(p reflect.Value, f *Field, note func(string, hcl.Range)) {
	if f.Later {
		note(f.Name, p.Interface().(blockDoc).head().DefRange)
		return
	}
	if !f.Open {
		l.unbuiltFields(p.Elem(), note)
	}
}

// isDefault reports whether a choice is written out as what holds anyway.
func isDefault(attr *hcl.Attribute, f *Field) bool {
	expr, diags := native(attr.Expr)
	if diags.HasErrors() || isNullLiteral(expr) {
		return true
	}
	s, ok := literalText(expr)
	return ok && len(f.Enum) > 0 && s == f.Default
}
