package decode

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/syndicate/syndicate/spec"
)

// target is what one element of a reference attribute names. A bare address
// of a block with for_each names all of its instances.
type target struct {
	kind      spec.Kind
	addr      spec.Addr // of the block, or of the one instance
	instances []*instance
	gone      bool // everything that it names is disabled
	member    string
	memberAt  hcl.Range
	all       bool // a bare address that stands for several instances
	args      []string
	at        hcl.Range
}

// elements returns the elements of a reference attribute that is a list.
func (d *decoder) elements(attr *hcl.Attribute) []hclsyntax.Expression {
	if attr == nil {
		return nil
	}
	items, diags := hcl.ExprList(attr.Expr)
	if diags.HasErrors() {
		if n, _ := native(attr.Expr); n != nil && isNullLiteral(n) {
			return nil
		}
		d.report(mistake(CodeType, attr.Expr.Range(), "List needed",
			fmt.Sprintf("%s is a list of addresses: write %s, with brackets.", attr.Name, d.listed(attr))))
		return nil
	}
	var out []hclsyntax.Expression
	for _, item := range items {
		expr, diags := reference(item)
		d.report(diags...)
		if expr != nil && !diags.HasErrors() {
			out = append(out, expr)
		}
	}
	return out
}

// listed shows the one address that was written instead of a list as a list.
func (d *decoder) listed(attr *hcl.Attribute) string {
	at := attr.Expr.Range()
	written := "service.api"
	if expr, diags := reference(attr.Expr); !diags.HasErrors() && expr != nil {
		if t, ok := expr.(*hclsyntax.ScopeTraversalExpr); ok {
			written = d.l.written(t.SrcRange)
		}
	}
	return "[" + address(at, written) + "]"
}

func isNullLiteral(expr hclsyntax.Expression) bool {
	lit, ok := expr.(*hclsyntax.LiteralValueExpr)
	return ok && isNull(lit.Val)
}

// targets resolves a reference attribute that is a list.
func (d *decoder) targets(attr *hcl.Attribute) []*target {
	var out []*target
	for _, expr := range d.elements(attr) {
		if t := d.target(attr.Name, expr); t != nil {
			out = append(out, t)
		}
	}
	return out
}

// one resolves a reference attribute that is a single address.
func (d *decoder) one(attr *hcl.Attribute) *target {
	if attr == nil {
		return nil
	}
	expr, diags := reference(attr.Expr)
	d.report(diags...)
	if expr == nil || diags.HasErrors() || isNullLiteral(expr) {
		return nil
	}
	return d.target(attr.Name, expr)
}

// target resolves one reference. It reports what is wrong and returns nil
// then.
func (d *decoder) target(attrName string, expr hclsyntax.Expression) *target {
	switch x := expr.(type) {
	case *hclsyntax.ParenthesesExpr:
		return d.target(attrName, x.Expression)
	case *hclsyntax.ScopeTraversalExpr:
		return d.follow(x.Traversal, nil, nil, x.SrcRange)
	case *hclsyntax.IndexExpr:
		if c, ok := x.Collection.(*hclsyntax.ScopeTraversalExpr); ok {
			return d.follow(c.Traversal, x.Key, nil, x.SrcRange)
		}
	case *hclsyntax.RelativeTraversalExpr:
		if ix, ok := x.Source.(*hclsyntax.IndexExpr); ok {
			if c, ok := ix.Collection.(*hclsyntax.ScopeTraversalExpr); ok {
				return d.follow(c.Traversal, ix.Key, x.Traversal, x.SrcRange)
			}
		}
	}
	detail := fmt.Sprintf("%s names addresses such as service.api; nothing is evaluated there.", attrName)
	s, ok := literalText(expr)
	if t, wrapped := expr.(*hclsyntax.TemplateWrapExpr); wrapped {
		s, ok = d.l.written(t.Wrapped.Range()), true
	}
	if ok {
		detail = fmt.Sprintf("%s names addresses, which stand without quotes: write %s.", attrName, s)
	}
	d.report(mistake(CodeKind, expr.Range(), "Address needed", detail))
	return nil
}

// follow resolves the parts of a reference: a traversal, an index that is
// computed, and what follows the index.
func (d *decoder) follow(t hcl.Traversal, key hclsyntax.Expression, rest hcl.Traversal, at hcl.Range) *target {
	kind := spec.Kind(t.RootName())
	out := &target{kind: kind, at: at}
	var tail hcl.Traversal
	switch {
	case kind == "self":
		out.kind, out.addr, out.instances = d.in.addr.Kind, d.in.addr, []*instance{d.in}
		tail = t[1:]
	case kind == spec.KindHost || kind == spec.KindSystem:
		out.addr = spec.Addr{Kind: kind}
		tail = t[1:]
	case kind == "var" || kind == "local" || kind == "each":
		d.report(mistake(CodeKind, at, "Address needed", fmt.Sprintf(
			"Blocks are named here by their addresses, such as service.api, and %s is a value: nothing is evaluated here.", d.l.written(at))))
		return nil
	case !slices.Contains(spec.Kinds, kind):
		d.report(d.l.unknownRoot(t.RootName(), at))
		return nil
	default:
		blk, diag := d.l.find(kind, t)
		if diag != nil {
			d.report(diag)
			return nil
		}
		d.e.expandAt(blk, at)
		var ok bool
		if tail, ok = d.choose(out, blk, t, key); !ok {
			return nil
		}
		if key != nil {
			tail = rest
		}
	}
	return d.finishTarget(out, tail)
}

// choose finds the instances that a reference names, and returns the rest of
// the traversal.
func (d *decoder) choose(out *target, blk *block, t hcl.Traversal, key hclsyntax.Expression) (hcl.Traversal, bool) {
	out.addr = blk.addr
	if blk.broken {
		return nil, false
	}
	tail := t[2:]
	name, nameAt, chosen := "", hcl.Range{}, false
	if key != nil {
		r := d.e.value(scope{d.in}, key)
		if r.failed || r.vague {
			return nil, false
		}
		s, ok := stringOf(r.value)
		if !ok {
			d.report(mistake(CodeInstance, key.Range(), "Which instance", "The key of an instance must be a string that is known at plan time, such as each.key."))
			return nil, false
		}
		name, nameAt, chosen = s, key.Range(), true
	} else if _, ok := at2(t); ok {
		name, nameAt, _ = member(t, 2)
		chosen, tail = true, t[3:]
	}
	switch {
	case chosen && !blk.repeated:
		d.report(mistake(CodeInstance, out.at, "No instances",
			fmt.Sprintf("%s has no for_each, so it has no instances to choose from.", blk.addr)))
		return nil, false
	case chosen:
		in := blk.byKey[name]
		if in == nil {
			d.report(noInstance(blk, name, nameAt))
			return nil, false
		}
		out.addr, out.instances = in.addr, []*instance{in}
	default:
		out.instances, out.all = blk.instances, blk.repeated
	}
	out.instances = slices.DeleteFunc(slices.Clone(out.instances), func(in *instance) bool { return !in.enabled })
	out.gone = len(out.instances) == 0
	return tail, true
}

// finishTarget reads the member that follows an address.
func (d *decoder) finishTarget(out *target, tail hcl.Traversal) *target {
	if len(tail) == 0 {
		return out
	}
	name, at, ok := member(tail, 0)
	if !ok || len(tail) > 1 {
		d.report(mistake(CodeReference, out.at, "Not an address",
			fmt.Sprintf("An address is a kind, a name and at most one member: %s.MEMBER.", out.addr)))
		return nil
	}
	out.member, out.memberAt = name, at
	return out
}

// wrong says that a target is of another kind than the ones needed, and what
// there is of those.
func (d *decoder) wrong(t *target, need string, kinds []spec.Kind) *hcl.Diagnostic {
	detail := fmt.Sprintf("%s is needed here, and %s is none.", capital(need), t.text())
	var have []string
	for _, k := range kinds {
		for _, name := range d.l.names(k) {
			have = append(have, string(k)+"."+name)
		}
	}
	if len(have) > 0 {
		detail += " Declared are " + some("", have) + "."
	}
	return mistake(CodeKind, t.at, "Address of another kind", detail)
}

func (t *target) text() string {
	if t.member == "" {
		return t.addr.String()
	}
	return t.addr.String() + "." + t.member
}

// noMember says that a member does not exist, or is of another sort.
func (t *target) noMember(need string, have []string) *hcl.Diagnostic {
	list := "it has none"
	if len(have) > 0 {
		list = "it has " + strings.Join(have, ", ")
	}
	m := membersOf(t.kind)
	if what := m.what(t.member); what != "" {
		return mistake(CodeKind, t.memberAt, "Member of another kind", fmt.Sprintf(
			"%q is %s of %s, and %s is needed here: %s.", t.member, what, t.addr, need, list))
	}
	near := nearest(t.member, have)
	if near != "" {
		near = fmt.Sprintf(" Did you mean %q?", t.addr.String()+"."+near)
	}
	return mistake(CodeMember, t.memberAt, "Unknown member",
		fmt.Sprintf("%s has no %q; %s is needed here: %s.%s", t.addr, t.member, need, list, near))
}

// blocks resolves a list of bare addresses of the given kinds: nil where it
// names none, and empty where all that it names is disabled, which must not
// come to mean what leaving it out means.
func (d *decoder) blocks(attr *hcl.Attribute, need string, kinds ...spec.Kind) []spec.Addr {
	var out []spec.Addr
	for _, t := range d.targets(attr) {
		if out == nil {
			out = []spec.Addr{}
		}
		if d.isBlock(t, need, kinds) {
			for _, in := range t.instances {
				out = append(out, in.addr)
			}
		}
	}
	return out
}

// oneBlock resolves a single bare address; zero where it is left out, wrong or
// disabled.
func (d *decoder) oneBlock(attr *hcl.Attribute, need string, kinds ...spec.Kind) (spec.Addr, *target) {
	t := d.one(attr)
	if t == nil || !d.isBlock(t, need, kinds) || t.gone {
		return spec.Addr{}, nil
	}
	if t.all {
		d.report(mistake(CodeInstance, t.at, "Which instance",
			fmt.Sprintf("%s has for_each: name one instance, such as %s.", t.addr, t.instances[0].addr)))
		return spec.Addr{}, nil
	}
	return t.addr, t
}

func (d *decoder) isBlock(t *target, need string, kinds []spec.Kind) bool {
	switch {
	case !slices.Contains(kinds, t.kind):
		d.report(d.wrong(t, need, kinds))
		return false
	case t.member != "":
		d.report(mistake(CodeKind, t.memberAt, "Member of another kind",
			fmt.Sprintf("%s is needed here, without a member: write %s.", capital(need), t.addr)))
		return false
	}
	return true
}

// condition is an element of depends_on or after.
type condition struct {
	*target
	name     string
	explicit bool
}

// conditions resolves depends_on and after.
func (d *decoder) conditions(attr *hcl.Attribute) []condition {
	var out []condition
	for _, t := range d.targets(attr) {
		m := d.l.members(t.kind)
		switch {
		case len(m.conditions) == 0:
			d.report(d.wrong(t, "a block that can be waited for", nil))
			continue
		case t.member != "" && !slices.Contains(m.conditions, t.member):
			d.report(t.noMember("a condition", m.conditions))
			continue
		case len(t.instances) == 1 && t.instances[0] == d.in:
			d.report(mistake(CodeSelf, t.at, "Block refers to itself", fmt.Sprintf("%s cannot wait for itself.", d.in.addr)))
			continue
		}
		if t.member == "migrated" && !hasMigrations(t) {
			d.report(mistake(CodeMember, t.memberAt, "No migrations", fmt.Sprintf(
				"%s has no migrations block, so it is never migrated: wait for %s.ready.", t.addr, t.addr)))
			continue
		}
		out = append(out, condition{target: t, name: t.member, explicit: t.member != ""})
	}
	return out
}

func hasMigrations(t *target) bool {
	for _, in := range t.instances {
		if doc, ok := in.doc.(*databaseDoc); ok && doc.Migrations == nil {
			return false
		}
	}
	return true
}

// defaultCondition is what a block waits for that takes a value of in.
func defaultCondition(in *instance) string {
	if doc, ok := in.doc.(*databaseDoc); ok && doc.Migrations == nil {
		return "ready"
	}
	switch in.addr.Kind {
	case spec.KindService, spec.KindBreaker, spec.KindQueue:
		return "ready"
	case spec.KindDatabase:
		return "migrated"
	case spec.KindTask:
		return "completed"
	}
	return ""
}

// sentence makes a sentence of an error.
func sentence(err error) string {
	s := err.Error()
	return endOnce(capital(s) + ".")
}

// capital makes the first letter large.
func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
