package decode

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/syndicate/syndicate/spec"
)

// expandAt makes a block's instances because something at a place asks for
// them.
func (e *evaluator) expandAt(b *block, at hcl.Range) {
	if b.expanded {
		return
	}
	e.compute(node{b.addr, "for_each"}, at, func() result {
		e.makeInstances(b)
		b.expanded = true
		return result{value: cty.True}
	})
}

func (e *evaluator) expand(b *block) { e.expandAt(b, b.head.DefRange) }

// makeInstances evaluates for_each and then enabled of each instance.
func (e *evaluator) makeInstances(b *block) {
	b.byKey = map[string]*instance{}
	if b.common.ForEach == nil {
		in := &instance{block: b, addr: b.addr, enabled: true}
		b.instances = []*instance{in}
		e.enable(in)
		return
	}
	b.repeated = true
	attr := b.common.ForEach
	r := e.attribute(scope{}, attr)
	at := attr.Expr.Range()
	entries, d := forEach(r, at)
	if d != nil {
		e.report(d)
	}
	if d != nil || r.failed || r.vague {
		b.broken = true
		return
	}
	for _, en := range entries {
		if !spec.ValidKey(en.key) {
			e.report(mistake(CodeName, at, "Bad key", fmt.Sprintf(
				"%q cannot be the key of an instance: a key has 1 to 63 letters, digits and _ . -", en.key)))
			continue
		}
		addr := b.addr
		addr.Key = en.key
		in := &instance{block: b, addr: addr, key: cty.StringVal(en.key), value: en.value, weight: weightOf(en.value, e.l.bounds.value), enabled: true}
		b.instances = append(b.instances, in)
		b.byKey[en.key] = in
		e.enable(in)
	}
	slices.SortFunc(b.instances, func(a, b *instance) int { return strings.Compare(a.addr.Key, b.addr.Key) })
}

// forEach reads the value of a for_each.
func forEach(r result, at hcl.Range) ([]entryOf, *hcl.Diagnostic) {
	const want = "for_each takes a map, or a set or list of strings"
	if r.failed || r.vague {
		return nil, nil
	}
	if r.later {
		return nil, mistake(CodeUnknown, at, "Value not known at plan time",
			fmt.Sprintf("for_each must be known at plan time, but %s exists only after the start.", laterNames(r)))
	}
	v, marks := r.value.Unmark()
	if _, secret := marks[sensitiveMark{}]; secret {
		return nil, mistake(CodeSensitive, at, "Sensitive for_each",
			"The keys of instances are shown everywhere, so for_each cannot be made of a sensitive value. Where only the values are sensitive, wrap it in nonsensitive().")
	}
	bad := func(got string) ([]entryOf, *hcl.Diagnostic) {
		return nil, mistake(CodeForEach, at, "Wrong for_each", fmt.Sprintf("%s, not %s.", want, got))
	}
	switch {
	case v == cty.NilVal || v.IsNull():
		return bad("null")
	case !v.IsKnown():
		return nil, mistake(CodeUnknown, at, "Value not known at plan time", "for_each must be known at plan time.")
	}
	if entries, ok := entriesOf(v); ok {
		return entries, nil
	}
	items, ok := itemsOf(v)
	if !ok {
		return bad(typeName(v))
	}
	seen := map[string]bool{}
	var out []entryOf
	for _, item := range items {
		plain, marks := item.Unmark()
		if _, secret := marks[sensitiveMark{}]; secret {
			return nil, mistake(CodeSensitive, at, "Sensitive for_each", "The keys of instances are shown everywhere, so none can be a sensitive value.")
		}
		s, ok := literalString(plain)
		switch {
		case !ok:
			return bad("a collection with " + typeName(plain) + " in it")
		case seen[s]:
			return nil, mistake(CodeForEach, at, "Repeated key", fmt.Sprintf("%q stands twice in this for_each: toset() removes repeats.", s))
		}
		seen[s] = true
		out = append(out, entryOf{key: s, value: item})
	}
	return out, nil
}

// enable decides whether an instance exists.
func (e *evaluator) enable(in *instance) {
	e.enableByAttribute(in)
	if doc, ok := in.doc.(profiled); ok && doc.profiles() != nil {
		e.enableByProfiles(in, doc.profiles())
	}
	if doc, ok := in.doc.(*notifyDoc); ok && in.enabled && doc.Webhook != nil {
		e.enableByWebhook(in, doc.Webhook)
	}
}

// enableByWebhook disables a notify block whose webhook is empty.
func (e *evaluator) enableByWebhook(in *instance, attr *hcl.Attribute) {
	r := e.attribute(scope{in}, attr)
	if s, ok := literalString(r.value); r.failed || !isNull(r.value) && (!ok || s != "") {
		return
	}
	in.enabled, in.off = false, switchedOff{at: attr.Range}
	e.report(warning(CodeWebhook, attr.Range, "Empty webhook",
		fmt.Sprintf("%s notifies nobody: its webhook is empty%s.", in.addr, origins(attr))))
}

// enableByAttribute evaluates the enabled attribute of an instance.
func (e *evaluator) enableByAttribute(in *instance) {
	attr := in.common.Enabled
	if attr == nil {
		return
	}
	in.off = switchedOff{at: attr.Range}
	// Until it is known, the instance is as if it were enabled: what asks
	// for it meanwhile closes a circle, which is reported there.
	r := e.compute(node{in.addr, "enabled"}, attr.Range, func() result {
		return e.attribute(scope{in}, attr)
	})
	if on, ok := e.truth(r, attr, true); ok {
		in.enabled = on
	}
}

// truth reads a bool that must be known at plan time; null is the default.
func (e *evaluator) truth(r result, attr *hcl.Attribute, def bool) (bool, bool) {
	if r.failed || r.vague {
		return def, false
	}
	at := attr.Expr.Range()
	v, d := plain(r, attr.Name, at)
	if d != nil {
		e.report(d)
		return def, false
	}
	if v.IsNull() {
		return def, true
	}
	on, err := boolOf(v)
	if err != nil {
		e.report(mistake(CodeType, at, "Wrong type", fmt.Sprintf("%s %s.", attr.Name, err)))
		return def, false
	}
	return on, true
}

// laterNames lists the attributes that keep a value from being known.
func laterNames(r result) string {
	var names []string
	for _, u := range r.uses {
		n := u.addr.String() + "." + u.attr
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return "something that runs"
	}
	return strings.Join(names, ", ")
}
