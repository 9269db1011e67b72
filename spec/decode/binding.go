package decode

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/syndicate/syndicate/spec"
)

// binding gathers the values that one expression names.
type binding struct {
	e    *evaluator
	sc   scope
	expr hclsyntax.Expression
	vars tree
	res  result
	// weight is that of all values of locals and variables, as often as they
	// are named.
	weight int
}

func (b *binding) fail(d *hcl.Diagnostic) {
	b.e.report(d)
	b.res.failed = true
}

// add takes over what a part of the value is made of. The part was named at
// the range at, which stands for the places inside of it.
func (b *binding) add(r result, at hcl.Range) {
	for _, u := range r.uses {
		u.at = at
		b.res.uses = append(b.res.uses, u)
	}
	b.res.failed = b.res.failed || r.failed
	b.res.vague = b.res.vague || r.vague
	b.res.later = b.res.later || r.later
}

// bind puts the value that one traversal names where HCL will look for it.
func (b *binding) bind(t hcl.Traversal) {
	root := t.RootName()
	switch kind := spec.Kind(root); kind {
	case kindVariable, kindLocal:
		b.bindNamed(kind, t)
	case "each":
		b.bindEach(t)
	case "self":
		b.bindSelf(t)
	case spec.KindHost, spec.KindSystem:
		b.bindBuiltIn(kind, t)
	default:
		if !slices.Contains(spec.Kinds, kind) {
			b.fail(b.e.l.unknownRoot(root, t.SourceRange()))
			return
		}
		b.bindBlock(kind, t)
	}
}

// unknownRoot says that a name begins no address.
func (l *loader) unknownRoot(root string, at hcl.Range) *hcl.Diagnostic {
	detail := fmt.Sprintf("There is no %q here.", root)
	if whole := l.named(root); whole != "" {
		return mistake(CodeReference, at, "Incomplete address", fmt.Sprintf("%s Did you mean %q?", detail, whole))
	}
	roots := []string{"var", "local", "each", "self", "host", "system"}
	for _, k := range spec.Kinds {
		roots = append(roots, string(k))
	}
	near := suggest(root, roots)
	if near == "" {
		near = fmt.Sprintf(" A text stands in quotes: %q. An address begins with var, local, or a kind of block such as service; "+
			"a variable of a shell is written $${%s} within a text.", root, root)
		if root == "env" {
			near = ` A variable of the environment is env("NAME").`
		}
	}
	return mistake(CodeReference, at, "Unknown name", detail+near)
}

// named returns the address of what has a name, whatever its kind: a block, a
// variable or a local; empty for nothing. Exact names go before those that
// differ in the case of their letters.
func (l *loader) named(name string) string {
	for _, same := range []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
		for _, b := range l.ordered {
			if same(b.addr.Name, name) {
				return b.addr.String()
			}
		}
		for _, v := range sortedKeys(l.variables) {
			if same(v, name) {
				return "var." + v
			}
		}
		for _, lo := range sortedKeys(l.locals) {
			if same(lo, name) {
				return "local." + lo
			}
		}
	}
	return ""
}

// member returns the name at position i of a traversal.
func member(t hcl.Traversal, i int) (string, hcl.Range, bool) {
	if i >= len(t) {
		return "", hcl.Range{}, false
	}
	switch s := t[i].(type) {
	case hcl.TraverseAttr:
		return s.Name, s.SrcRange, true
	case hcl.TraverseIndex:
		name, ok := literalString(s.Key)
		return name, s.SrcRange, ok
	}
	return "", hcl.Range{}, false
}

func (b *binding) bindNamed(kind spec.Kind, t hcl.Traversal) {
	name, _, ok := member(t, 1)
	at := t.SourceRange()
	if !ok {
		b.fail(mistake(CodeReference, at, "Incomplete address",
			fmt.Sprintf("Write %s.NAME.", kind)))
		return
	}
	var r result
	switch kind {
	case kindVariable:
		v := b.e.l.variables[name]
		if v == nil {
			b.fail(b.e.l.noVariable(name, at))
			return
		}
		r = v.result
		r.value = b.e.seen(r.value)
	case kindLocal:
		lo := b.e.l.locals[name]
		if lo == nil {
			b.fail(mistake(CodeReference, at, "Unknown local value", fmt.Sprintf("No locals block has %q.%s", name,
				offer(name, "They have", "local.", sortedKeys(b.e.l.locals)))))
			return
		}
		r = b.e.local(lo, at)
	}
	b.add(r, at)
	b.weigh(r.weight, r.value, t)
	b.vars.put(r.value, string(kind), name)
}

// noVariable says that no variable has a name.
func (l *loader) noVariable(name string, at hcl.Range) *hcl.Diagnostic {
	detail := fmt.Sprintf("No variable %q is declared.", name)
	if near := nearest(name, sortedKeys(l.variables)); near != "" {
		detail += fmt.Sprintf(" Did you mean %q?", "var."+near)
	} else {
		if len(l.variables) > 0 {
			detail += " Declared are " + some("var.", sortedKeys(l.variables)) + "."
		}
		declare := fmt.Sprintf("variable %q {}", name)
		if inJSON(at) {
			declare = fmt.Sprintf(`"variable": { %q: {} }`, name)
		}
		detail += " To declare it, write " + declare + "."
	}
	return mistake(CodeReference, at, "Unknown variable", detail)
}

// weigh adds the weight of what a traversal takes of a value.
func (b *binding) weigh(weight int, v cty.Value, t hcl.Traversal) {
	if weight > lightWeight && len(t) > 2 {
		if part, diags := t[2:].TraverseRel(v); !diags.HasErrors() {
			weight = weightOf(part, weight)
			b.e.l.spend(weight / 4)
		}
	}
	b.weight += weight
}

func (b *binding) bindEach(t hcl.Traversal) {
	name, _, ok := member(t, 1)
	at := t.SourceRange()
	if b.sc.in == nil || !b.sc.in.repeated {
		b.fail(mistake(CodeReference, at, "No for_each here",
			"each.key and each.value exist only inside a block that has for_each."))
		return
	}
	switch {
	case ok && name == "key":
		b.vars.put(b.sc.in.key, "each", "key")
	case ok && name == "value":
		b.weigh(b.sc.in.weight, b.sc.in.value, t)
		b.vars.put(b.e.seen(b.sc.in.value), "each", "value")
	default:
		b.fail(mistake(CodeMember, at, "Unknown member", "each has key and value only."))
	}
}

func (b *binding) bindSelf(t hcl.Traversal) {
	at := t.SourceRange()
	if b.sc.in == nil {
		b.fail(mistake(CodeReference, at, "No self here", "self exists only inside a block that has an address."))
		return
	}
	b.bindAttributes(b.sc.in, t, 1, []string{"self"}, true)
}

func (b *binding) bindBuiltIn(kind spec.Kind, t hcl.Traversal) {
	m := membersOf(kind)
	name, at, ok := member(t, 1)
	if !ok || !slices.Contains(m.attributes, name) {
		b.fail(wrongMember(string(kind), kind, name, cmpRange(at, t.SourceRange())))
		return
	}
	v, err := b.e.builtIn(kind, name)
	if err != nil {
		b.fail(mistake(CodeEvaluate, t.SourceRange(), "Value is not available", err.Error()+"."))
		return
	}
	b.vars.put(v, string(kind), name)
}

// cmpRange returns the first of two ranges that is set.
func cmpRange(a, b hcl.Range) hcl.Range {
	if a.Start.Line == 0 {
		return b
	}
	return a
}

// wrongMember says that something stands where an attribute belongs.
func wrongMember(subject string, kind spec.Kind, name string, at hcl.Range) *hcl.Diagnostic {
	m := membersOf(kind)
	has := "has no attributes"
	if len(m.attributes) > 0 {
		has = "has " + strings.Join(m.attributes, ", ")
	}
	switch what := m.what(name); {
	case name == "":
		return mistake(CodeMember, at, "Incomplete address", fmt.Sprintf("Name an attribute of %s: it %s.", subject, has))
	case what == "a condition":
		return mistake(CodeKind, at, "Condition instead of a value", fmt.Sprintf(
			"%q is a condition of %s and has no value: name it in depends_on. As values, it %s.", name, subject, has))
	case what == "a metric":
		return mistake(CodeKind, at, "Metric instead of a value", fmt.Sprintf(
			"%q is a metric of %s, which moves: name it in watch of a threshold. As values, it %s.", name, subject, has))
	case what == "an action":
		return mistake(CodeKind, at, "Action instead of a value", fmt.Sprintf(
			"%q is an action of %s and has no value: name it in a list of actions such as do. As values, it %s.", name, subject, has))
	}
	return mistake(CodeMember, at, "Unknown member", fmt.Sprintf(
		"%s has no attribute %q: it %s.%s", subject, name, has, suggest(name, m.attributes)))
}

// bindBlock puts the attributes of a block, or of its instances, in place.
func (b *binding) bindBlock(kind spec.Kind, t hcl.Traversal) {
	at := t.SourceRange()
	blk, d := b.e.l.find(kind, t)
	if d != nil {
		b.fail(d)
		return
	}
	name := blk.addr.Name
	b.e.expandAt(blk, at)
	if blk.broken {
		b.res.failed = true
		return
	}
	_, hasIndex := at2(t)
	switch {
	case !blk.repeated && hasIndex:
		b.fail(mistake(CodeInstance, at, "No instances", fmt.Sprintf("%s has no for_each, so it has no instances to choose from.", blk.addr)))
	case !blk.repeated:
		if len(blk.instances) == 1 {
			b.bindAttributes(blk.instances[0], t, 2, []string{string(kind), name}, false)
		}
	case hasIndex:
		key, keyRange, _ := member(t, 2)
		in := blk.byKey[key]
		if in == nil {
			b.fail(noInstance(blk, key, keyRange))
			return
		}
		b.bindAttributes(in, t, 3, []string{string(kind), name, key}, false)
	case len(t) > 2:
		mem, memRange, _ := member(t, 2)
		b.fail(mistake(CodeInstance, memRange, "Which instance", fmt.Sprintf(
			"%s has for_each: name one instance, such as %s.%s, or make a list of all with a for expression.",
			blk.addr, example(blk), mem)))
	default:
		b.bindAll(blk, t)
	}
}

// example is the address of some instance of a block.
func example(blk *block) string {
	if len(blk.instances) == 0 {
		return blk.addr.String() + "[each.key]"
	}
	return blk.instances[0].addr.String()
}

func noInstance(blk *block, key string, at hcl.Range) *hcl.Diagnostic {
	have := "it has none"
	if keys := blk.keys(); len(keys) > 0 {
		have = "it has " + some("", keys)
	}
	return mistake(CodeInstance, at, "Unknown instance",
		fmt.Sprintf("%s has no instance %q: %s.%s", blk.addr, key, have, suggest(key, blk.keys())))
}

// at2 reports whether the traversal has an index after the block's name.
func at2(t hcl.Traversal) (hcl.TraverseIndex, bool) {
	if len(t) < 3 {
		return hcl.TraverseIndex{}, false
	}
	i, ok := t[2].(hcl.TraverseIndex)
	return i, ok
}

// find returns the block that a traversal of a kind's root names.
func (l *loader) find(kind spec.Kind, t hcl.Traversal) (*block, *hcl.Diagnostic) {
	name, nameRange, ok := member(t, 1)
	if !ok {
		return nil, mistake(CodeReference, t.SourceRange(), "Incomplete address",
			fmt.Sprintf("An address has a kind and a name: write %s.NAME.", kind))
	}
	if blk := l.blocks[spec.Addr{Kind: kind, Name: name}]; blk != nil {
		return blk, nil
	}
	detail := fmt.Sprintf("No %s %q is declared.", kind, name)
	if near := nearest(name, l.names(kind)); near != "" {
		return nil, mistake(CodeReference, cmpRange(nameRange, t.SourceRange()), "Unknown address",
			fmt.Sprintf("%s Did you mean %q?", detail, string(kind)+"."+near))
	}
	have := l.names(kind)
	switch whole := l.named(name); {
	case whole != "":
		detail += fmt.Sprintf(" Did you mean %q?", whole)
	case len(have) > 0:
		detail += " Declared are " + some(string(kind)+".", have) + "."
	case len(l.unread) == 0:
		detail += fmt.Sprintf(" The configuration has no block of the kind %s.", kind)
	}
	return nil, mistake(CodeReference, t.SourceRange(), "Unknown address", detail)
}

// bindAll puts a map of instances in place, or only the one that an index
// with a computed key chooses.
func (b *binding) bindAll(blk *block, t hcl.Traversal) {
	root := []string{string(blk.addr.Kind), blk.addr.Name}
	picks, narrowed := b.picks(blk, t)
	if !narrowed {
		b.vars.at(root...)
		for _, in := range blk.living() {
			b.bindAttributes(in, t, len(t), append(slices.Clone(root), in.addr.Key), false)
		}
		return
	}
	for _, p := range picks {
		b.bindAttributes(p.in, p.rest, 0, append(slices.Clone(root), p.in.addr.Key), false)
	}
}

// pick is one instance that an index with a computed key chooses, with what
// follows the index.
type pick struct {
	in   *instance
	rest hcl.Traversal
}

// picks looks for service.worker[each.key] around a bare service.worker. It
// gives up, and all instances are taken, where the key cannot be known.
func (b *binding) picks(blk *block, t hcl.Traversal) ([]pick, bool) {
	var out []pick
	at := t.SourceRange()
	found, all := false, false
	rests := map[*hclsyntax.IndexExpr]hcl.Traversal{}
	visit(b.expr, func(n hclsyntax.Node) {
		if rel, ok := n.(*hclsyntax.RelativeTraversalExpr); ok {
			if ix, ok := rel.Source.(*hclsyntax.IndexExpr); ok {
				rests[ix] = rel.Traversal
			}
		}
		ix, ok := n.(*hclsyntax.IndexExpr)
		if !ok {
			return
		}
		if c, ok := ix.Collection.(*hclsyntax.ScopeTraversalExpr); !ok || c.Range() != at {
			return
		}
		found = true
		key, ok := b.key(ix.Key)
		switch in := blk.byKey[key]; {
		case !ok:
			all = true
		case in == nil:
			b.fail(noInstance(blk, key, ix.Key.Range()))
		default:
			out = append(out, pick{in, rests[ix]})
		}
	})
	return out, found && !all
}

// key evaluates an index that must be a known string. Names that a for
// expression binds are not known here.
func (b *binding) key(expr hclsyntax.Expression) (string, bool) {
	for _, t := range expr.Variables() {
		switch t.RootName() {
		case "each", "var", "local":
		default:
			return "", false
		}
	}
	return stringOf(b.e.value(b.sc, expr).value)
}

// visit calls f for every node of an expression, outer ones first.
func visit(expr hclsyntax.Expression, f func(hclsyntax.Node)) {
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		f(n)
		return nil
	})
}

// bindAttributes puts the attribute that stands at position i of the
// traversal in place, or all of them where none does.
func (b *binding) bindAttributes(in *instance, t hcl.Traversal, i int, path []string, self bool) {
	kind := in.addr.Kind
	m := b.e.l.members(kind)
	at := t.SourceRange()
	if len(t) == 0 {
		at = b.expr.Range()
	}
	name, nameRange, named := member(t, i)
	if i < len(t) && (!named || !slices.Contains(m.attributes, name)) || len(m.attributes) == 0 {
		b.fail(wrongMember(in.addr.String(), kind, name, cmpRange(nameRange, at)))
		return
	}
	names := m.attributes
	if named {
		names = []string{name}
	}
	if !in.enabled && kind != spec.KindBreaker {
		b.fail(valueOfNothing(in, at))
		return
	}
	if !self && b.sc.in != nil && b.sc.in.addr == in.addr {
		b.fail(mistake(CodeSelf, at, "Block refers to itself",
			fmt.Sprintf("Inside its own block, %s says self: write %q.", in.addr, "self."+names[0])))
		return
	}
	for _, attr := range names {
		r := b.e.attributeOf(in, attr, at)
		if named && r.value == cty.NilVal {
			b.fail(b.e.noSuchValue(in, attr, cmpRange(nameRange, at)))
			return
		}
		if r.value == cty.NilVal {
			r.value = cty.NullVal(cty.DynamicPseudoType)
		}
		b.res.failed = b.res.failed || r.failed
		b.res.vague = b.res.vague || r.vague
		b.res.later = b.res.later || r.later
		b.res.uses = append(b.res.uses, use{target: in, addr: in.addr, attr: attr, at: at, self: self})
		b.vars.put(b.e.seen(r.value), append(slices.Clone(path), attr)...)
	}
}
