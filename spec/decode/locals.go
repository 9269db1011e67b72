package decode

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
)

// local is one named value.
type local struct {
	name string
	attr *hcl.Attribute
}

// readLocals gathers the locals of all files, and evaluates each, so that a
// mistake in one that nothing uses is found too.
func (l *loader) readLocals() {
	for _, f := range l.files {
		for _, b := range f.doc.Locals {
			l.mark("locals", b.head())
			l.gatherLocals(b.Values)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.locals)) {
		lo := l.locals[name]
		l.eval.local(lo, lo.attr.NameRange)
	}
}

func (l *loader) gatherLocals(values hcl.Attributes) {
	attrs := slices.SortedFunc(maps.Values(values), func(a, b *hcl.Attribute) int {
		return cmp.Compare(a.NameRange.Start.Byte, b.NameRange.Start.Byte)
	})
	for _, attr := range attrs {
		if first, ok := l.locals[attr.Name]; ok {
			l.report(mistake(CodeDuplicateAddr, attr.NameRange, "Second local value with this name",
				fmt.Sprintf("local.%s is declared twice; the first stands at %s. Rename or remove one of them.",
					attr.Name, place(first.attr.NameRange)), related{first.attr.NameRange, "the first one"}))
			continue
		}
		l.locals[attr.Name] = &local{name: attr.Name, attr: attr}
	}
}

// local evaluates a local value.
func (e *evaluator) local(lo *local, at hcl.Range) result {
	n := node{}
	n.addr.Kind, n.addr.Name = kindLocal, lo.name
	return e.compute(n, at, func() result {
		r := e.attribute(scope{}, lo.attr)
		r.weight = weightOf(r.value, e.l.bounds.value)
		if !e.l.spend(r.weight / 4) {
			e.report(e.l.tooMuchWork(lo.attr.Range))
			return failure
		}
		return r
	})
}
