package decode

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/syndicate/syndicate/spec"
)

// actions resolves a list of actions.
func (d *decoder) actions(attr *hcl.Attribute) []spec.Action {
	var out []spec.Action
	for _, expr := range d.elements(attr) {
		out = append(out, d.action(attr.Name, expr)...)
	}
	return out
}

// neededActions resolves a list of actions that must name one.
func (d *decoder) neededActions(attr *hcl.Attribute) []spec.Action {
	if attr == nil {
		return nil // said by its block
	}
	expr, _ := native(attr.Expr)
	if isEmptyList(attr) || expr != nil && isNullLiteral(expr) {
		d.report(mistake(CodeEmpty, attr.Expr.Range(), "No action", fmt.Sprintf(
			"%s names no action: write %s.", attr.Name, assign(attr.Range, attr.Name, "["+address(attr.Range, "service.api.restart")+"]"))))
		return nil
	}
	return d.actions(attr)
}

// isEmptyList reports whether an attribute is written as a list of nothing.
func isEmptyList(attr *hcl.Attribute) bool {
	if attr == nil {
		return false
	}
	items, diags := hcl.ExprList(attr.Expr)
	return !diags.HasErrors() && len(items) == 0
}

// action resolves one action: service.api.gc, a bare address with a default
// action, or a call such as signal(service.api, "SIGHUP").
func (d *decoder) action(attrName string, expr hclsyntax.Expression) []spec.Action {
	call, isCall := expr.(*hclsyntax.FunctionCallExpr)
	if !isCall {
		t := d.target(attrName, expr)
		if t == nil {
			return nil
		}
		return d.actionOf(t)
	}
	if len(call.Args) == 0 {
		d.report(mistake(CodeReference, expr.Range(), "Action without an address",
			fmt.Sprintf("Write %s(service.api, …): the address comes first.", call.Name)))
		return nil
	}
	t := d.target(attrName, call.Args[0])
	if t == nil {
		return nil
	}
	if t.member != "" {
		d.report(mistake(CodeKind, t.memberAt, "Member of another kind", "In a call the address stands without a member."))
		return nil
	}
	t.member, t.memberAt, t.at = call.Name, call.NameRange, expr.Range()
	for _, arg := range call.Args[1:] {
		args, ok := d.arguments(arg)
		if !ok {
			return nil
		}
		t.args = append(t.args, args...)
	}
	return d.actionOf(t)
}

// arguments evaluates an argument of an action: a string or a list of them.
func (d *decoder) arguments(expr hclsyntax.Expression) ([]string, bool) {
	r := d.e.value(scope{d.in}, expr)
	if r.failed || r.vague {
		return nil, false
	}
	v, diag := plain(r, "an action's argument", expr.Range())
	if diag != nil {
		d.report(diag)
		return nil, false
	}
	items, ok := itemsOf(v)
	if !ok {
		items = append(items, v)
	}
	var out []string
	for _, item := range items {
		s, ok := stringOf(item)
		if !ok {
			d.report(mistake(CodeType, expr.Range(), "Wrong type", fmt.Sprintf("An action's argument must be a string, not %s.", typeName(item))))
			return nil, false
		}
		out = append(out, s)
	}
	return out, true
}

// actionOf checks the action that a target names.
func (d *decoder) actionOf(t *target) []spec.Action {
	m := membersOf(t.kind)
	name := t.member
	switch {
	case name == "" && m.bare == "":
		d.report(mistake(CodeKind, t.at, "Action needed", fmt.Sprintf(
			"%s alone is no action: it has %s.", t.addr, orNone(m.actions))))
		return nil
	case name == "":
		name = m.bare
	case !slices.Contains(m.actions, name):
		d.report(t.noMember("an action", m.actions))
		return nil
	}
	if !d.goodArguments(t, name) {
		return nil
	}
	var out []spec.Action
	for _, in := range t.instances {
		out = append(out, spec.Action{Addr: in.addr, Name: name, Args: t.args, Range: rangeOf(t.at)})
	}
	return out
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// goodArguments checks the arguments of an action.
func (d *decoder) goodArguments(t *target, name string) bool {
	bad := func(code, detail string) bool {
		d.report(mistake(code, t.at, "Wrong arguments", detail))
		return false
	}
	switch {
	case name == "signal" && len(t.args) != 1:
		return bad(CodeFunction, fmt.Sprintf(`Name the signal: signal(%s, "SIGHUP").`, t.addr))
	case name == "signal":
		if _, ok := signals()[t.args[0]]; !ok {
			return bad(CodeSignal, unknownSignal(t.args[0]))
		}
	case name == "trip" && len(t.args) == 1:
		if _, err := spec.ParseDuration(t.args[0]); err != nil {
			return bad(CodeUnit, sentence(err))
		}
	case name == "trip" && len(t.args) > 1, name != "run" && name != "trip" && len(t.args) > 0:
		return bad(CodeFunction, fmt.Sprintf("%s.%s does not take these arguments.", t.addr, name))
	}
	return true
}

// metric resolves a metric to watch.
func (d *decoder) metric(attr *hcl.Attribute) (spec.Metric, *target, bool) {
	t := d.one(attr)
	if t == nil {
		if attr == nil {
			return spec.Metric{}, nil, false // said by its block
		}
		if expr, _ := native(attr.Expr); expr != nil && isNullLiteral(expr) {
			d.report(mistake(CodeNull, attr.Expr.Range(), "Null value", attr.Name+" needs a metric, and null is none."))
		}
		return spec.Metric{}, nil, false
	}
	m := membersOf(t.kind)
	have := slices.Sorted(maps.Keys(m.metrics))
	switch {
	case t.member == "":
		d.report(mistake(CodeKind, t.at, "Metric needed", fmt.Sprintf("Name a metric of %s: it has %s.", t.addr, orNone(have))))
		return spec.Metric{}, nil, false
	case !hasKey(m.metrics, t.member):
		d.report(t.noMember("a metric", have))
		return spec.Metric{}, nil, false
	case t.all:
		d.report(mistake(CodeInstance, t.at, "Which instance", fmt.Sprintf(
			"%s has for_each, and a threshold watches one instance: write %s.%s, or give the threshold the same for_each and use %s[each.key].%s.",
			t.addr, example(t.block()), t.member, t.addr, t.member)))
		return spec.Metric{}, nil, false
	}
	return spec.Metric{Addr: t.addr, Name: t.member, Unit: m.metrics[t.member], Range: rangeOf(t.at)}, t, true
}

// block returns the block of a target with instances.
func (t *target) block() *block {
	if len(t.instances) == 0 {
		return &block{addr: t.addr}
	}
	return t.instances[0].block
}
