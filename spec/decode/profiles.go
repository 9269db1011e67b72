package decode

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/syndicate/syndicate/spec"
)

// profiled is a block that takes profiles.
type profiled interface {
	profiles() *hcl.Attribute
}

// profiles are those that blocks name.
type profiles struct {
	declared map[string]bool
	// unsure is set where some cannot be known: a mistake, a file that cannot
	// be read, or a variable without a value stands before them.
	unsure bool
}

func (p *profiles) declare(names ...string) {
	if p.declared == nil {
		p.declared = map[string]bool{}
	}
	for _, name := range names {
		p.declared[name] = true
	}
}

// enableByProfiles disables an instance of which no profile is active. One
// whose profiles are not known is as if it had none.
func (e *evaluator) enableByProfiles(in *instance, attr *hcl.Attribute) {
	ok := false
	var names []string
	e.compute(node{in.addr, "profiles"}, attr.Range, func() result {
		names, ok = e.profilesOf(in, attr)
		return result{}
	})
	if !ok {
		e.l.profiles.unsure = true
		return
	}
	e.l.profiles.declare(names...)
	active := slices.ContainsFunc(names, func(s string) bool { return slices.Contains(e.l.o.Profiles, s) })
	if len(names) == 0 || active || !in.enabled {
		return
	}
	in.enabled, in.off = false, switchedOff{at: attr.Range, profiles: names}
}

// profilesOf returns the profiles of an instance, false where they are not
// known.
func (e *evaluator) profilesOf(in *instance, attr *hcl.Attribute) ([]string, bool) {
	r := e.attribute(scope{in}, attr)
	if r.failed || r.vague && !known(r.value) {
		return nil, false
	}
	at := attr.Expr.Range()
	v, d := plain(r, attr.Name, at)
	if d != nil {
		e.report(d)
		return nil, false
	}
	if v.IsNull() {
		return nil, true
	}
	wrong := func(got string) ([]string, bool) {
		e.report(mistake(CodeType, at, "Wrong type", fmt.Sprintf("%s must be a list of strings, not %s.", attr.Name, got)))
		return nil, false
	}
	items, ok := itemsOf(v)
	if !ok {
		return wrong(typeName(v))
	}
	names := make([]string, 0, len(items))
	for _, item := range items {
		name, ok := literalString(item)
		switch {
		case !ok:
			return wrong("a list with " + typeName(item) + " in it")
		case !spec.ValidName(name):
			e.report(mistake(CodeName, at, "Bad name", fmt.Sprintf(
				"%q cannot name a profile: a name begins with a letter or _, and has at most 63 letters, digits, _ and -.", name)))
			return nil, false
		case !slices.Contains(names, name):
			names = append(names, name)
		}
	}
	return names, true
}

// checkProfiles reports active profiles that no block names. It is called
// once all instances are made.
func (l *loader) checkProfiles() {
	if len(l.o.Profiles) == 0 {
		return
	}
	for _, b := range l.ordered {
		if doc, ok := b.doc.(profiled); ok && doc.profiles() != nil && len(b.instances) == 0 {
			l.writtenProfiles(doc.profiles())
		}
	}
	if l.profiles.unsure {
		return
	}
	declared := slices.Sorted(maps.Keys(l.profiles.declared))
	for _, name := range slices.Compact(slices.Sorted(slices.Values(l.o.Profiles))) {
		if l.profiles.declared[name] {
			continue
		}
		at := hcl.Range{Filename: fmt.Sprintf("<profile %s>", name)}
		l.report(mistake(CodeProfile, at, "Unknown profile", fmt.Sprintf(
			"--profile (or SYNDICATE_PROFILE) names %q, and %s.%s", name, whichProfiles(declared), suggest(name, declared))))
	}
}

func whichProfiles(declared []string) string {
	if len(declared) == 0 {
		return "no service or task has profiles"
	}
	return "the profiles are " + some("", declared)
}

// writtenProfiles takes the profiles of a block without instances, as far as
// they are written out.
func (l *loader) writtenProfiles(attr *hcl.Attribute) {
	expr, _ := native(attr.Expr)
	list, ok := expr.(*hclsyntax.TupleConsExpr)
	if !ok {
		l.profiles.unsure = true
		return
	}
	for _, item := range list.Exprs {
		name, ok := literalText(item)
		if !ok {
			l.profiles.unsure = true
			return
		}
		l.profiles.declare(name)
	}
}

// valueOfNothing says that a value is asked of an instance that does not
// exist, and what keeps it from existing.
func valueOfNothing(in *instance, at hcl.Range) *hcl.Diagnostic {
	off := in.off
	if len(off.profiles) > 0 {
		return mistake(CodeDisabled, at, "Value of a disabled block", fmt.Sprintf(
			"%s does not exist: none of its profiles, at %s, is active. Activate one with %s, or let this block have the same profiles.",
			in.addr, place(off.at), spec.ProfileFlags(off.profiles)), related{off.at, "its profiles"})
	}
	return mistake(CodeDisabled, at, "Value of a disabled block", fmt.Sprintf(
		"%s does not exist: it is disabled at %s. Make this value depend on the same condition.", in.addr, place(off.at)),
		related{off.at, "disabled here"})
}
