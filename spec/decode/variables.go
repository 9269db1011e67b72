package decode

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/syndicate/syndicate/spec"
)

// variablePrefix begins the names of environment variables that give values.
const variablePrefix = "SYNDICATE_VAR_"

// variable is one input.
type variable struct {
	name     string
	doc      *variableDoc
	typ      cty.Type
	defaults *typeexpr.Defaults
	typeText string
	secret   bool
	nullable bool
	given    *candidate // what is in force beside the default
	result   result
	origin   string
}

// candidate is a value that some source gives.
type candidate struct {
	origin string
	at     hcl.Range
	text   *string        // of flags and the environment
	attr   *hcl.Attribute // of files
}

// readVariables declares the variables, gathers their values from all
// sources in order of precedence, and settles each.
func (l *loader) readVariables() {
	for _, f := range l.files {
		for _, doc := range f.doc.Variables {
			l.declare(doc)
		}
	}
	l.gatherValues()
	for _, name := range slices.Sorted(maps.Keys(l.variables)) {
		l.settle(l.variables[name])
	}
}

func (l *loader) declare(doc *variableDoc) {
	l.mark("variable", &doc.header)
	if !l.goodName(&doc.header, "variable") {
		return
	}
	if first, ok := l.variables[doc.Label]; ok {
		l.duplicate("var."+doc.Label, &doc.header, &first.doc.header)
		return
	}
	v := &variable{name: doc.Label, doc: doc, typ: cty.DynamicPseudoType, typeText: "any", nullable: true, result: failure}
	l.variables[doc.Label] = v
	if doc.Type != nil {
		typ, defaults, diags := typeexpr.TypeConstraintWithDefaults(doc.Type.Expr)
		l.report(withoutValues(diags)...)
		if !diags.HasErrors() {
			v.typ, v.defaults, v.typeText = typ, defaults, typeexpr.TypeString(typ)
		}
	}
	lit := &literals{l: l}
	v.secret = lit.truth(doc.Sensitive, false)
	v.nullable = lit.truth(doc.Nullable, true)
	lit.text(doc.Description)
}

// gatherValues reads every source beside the defaults, the weakest first.
func (l *loader) gatherValues() {
	names, err := l.list(l.system.Dir, isAutoVariables)
	if err == nil && len(l.files) > 0 {
		for _, name := range names {
			l.valuesFile(filepath.Join(l.system.Dir, name))
		}
	}
	for _, pair := range l.environ {
		name, value, ok := strings.Cut(pair, "=")
		short, isOurs := strings.CutPrefix(name, variablePrefix)
		if v := l.variables[short]; ok && isOurs && v != nil {
			v.given = &candidate{origin: name, text: &value}
		}
	}
	for _, as := range l.o.Vars {
		if as.File != "" {
			l.valuesFile(l.absolute(as.File))
			continue
		}
		v := l.variables[as.Name]
		if v == nil {
			at := hcl.Range{Filename: fmt.Sprintf("<value for --var %s>", as.Name)}
			l.report(mistake(CodeVariable, at, "Unknown variable", fmt.Sprintf(
				"--var names %q, which the configuration does not declare.%s", as.Name,
				offer(as.Name, "It declares", "", sortedKeys(l.variables)))))
			continue
		}
		v.given = &candidate{origin: "--var " + as.Name, text: &as.Value}
	}
}

// valuesFile reads a file of values for variables.
func (l *loader) valuesFile(path string) {
	name := l.display(path)
	bodies, ok := l.parse(path, name)
	if !ok {
		return
	}
	for _, body := range bodies {
		attrs, diags := body.JustAttributes()
		l.report(diags...)
		l.takeValues(name, attrs)
	}
}

// takeValues takes over the values that a file gives.
func (l *loader) takeValues(name string, attrs hcl.Attributes) {
	for _, n := range slices.Sorted(maps.Keys(attrs)) {
		attr := attrs[n]
		v := l.variables[n]
		if v == nil {
			l.report(warning(CodeUndeclared, attr.NameRange, "Value for an undeclared variable", fmt.Sprintf(
				"%s gives a value to %q, which the configuration does not declare.%s", name, n,
				offer(n, "It declares", "", sortedKeys(l.variables)))))
			continue
		}
		v.given = &candidate{origin: place(attr.Range), at: attr.Expr.Range(), attr: attr}
	}
}

// settle chooses the value in force of a variable and checks it.
func (l *loader) settle(v *variable) {
	out := &spec.Variable{
		Name: v.name, Range: rangeOf(v.doc.DefRange), Type: v.typeText,
		Sensitive: v.secret, Nullable: v.nullable,
		Description: (&literals{l: l, quiet: true}).text(v.doc.Description),
	}
	l.system.Variables = append(l.system.Variables, out)
	value, ok := l.inForce(v)
	out.Origin = v.origin
	switch {
	case !ok:
		return
	case value == cty.NilVal:
		l.noValue(v)
		return
	}
	if v.secret {
		l.keepSecrets(value)
		value = value.Mark(sensitiveMark{})
	}
	v.result = result{value: value, weight: weightOf(value, l.bounds.value)}
	if v.result.weight > l.bounds.value {
		l.report(mistake(CodeLimit, v.doc.DefRange, "Value too large", fmt.Sprintf(
			"The value of var.%s has more than %d MiB.", v.name, l.bounds.value>>20)))
		v.result = failure
		return
	}
	out.Value = rendered(value)
	l.validate(v)
}

// noValue handles a variable without a value.
func (l *loader) noValue(v *variable) {
	if !l.o.RequireVariables {
		l.vague = true
		value := cty.UnknownVal(v.typ)
		if v.secret {
			value = value.Mark(sensitiveMark{})
		}
		v.result = result{value: value, vague: true}
		return
	}
	l.report(mistake(CodeNoValue, v.doc.DefRange, "Variable without a value", fmt.Sprintf(
		"var.%s has no default and no value. Give it one: --var %s=…, %s%s=…, or a line in a *.auto.vars.hcl file.",
		v.name, v.name, variablePrefix, v.name)))
}

// inForce returns the value in force, NilVal without one, and false after a
// mistake.
func (l *loader) inForce(v *variable) (cty.Value, bool) {
	if v.given != nil {
		value, at, ok := l.read1(v, v.given)
		if !ok {
			return cty.NilVal, false
		}
		v.origin = v.given.origin
		value, ok = l.fit(v, value, at)
		if !ok || v.nullable || !isNull(value) {
			return value, ok
		}
		if v.doc.Default == nil {
			l.report(mistake(CodeNull, at, "Null for a variable", fmt.Sprintf(
				"var.%s is not nullable and has no default, so null from %s is no value for it.", v.name, v.origin)))
			return cty.NilVal, false
		}
	}
	if v.doc.Default == nil {
		return cty.NilVal, true
	}
	v.origin = "default"
	value, ok := l.constant(v.doc.Default)
	if !ok {
		return cty.NilVal, false
	}
	value, ok = l.fit(v, value, v.doc.Default.Expr.Range())
	if ok && !v.nullable && isNull(value) {
		l.report(mistake(CodeNull, v.doc.Default.Expr.Range(), "Null default",
			fmt.Sprintf("var.%s is not nullable, so its default cannot be null.", v.name)))
		return cty.NilVal, false
	}
	return value, ok
}

// read1 reads one given value before its type is looked at.
func (l *loader) read1(v *variable, c *candidate) (cty.Value, hcl.Range, bool) {
	if c.attr != nil {
		value, ok := l.constant(c.attr)
		return value, c.at, ok
	}
	name := fmt.Sprintf("<value for %s>", c.origin)
	src := []byte(*c.text)
	if !v.secret {
		l.sources[name] = src
	}
	at := hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.Pos{Line: 1, Column: len(src) + 1, Byte: len(src)}}
	if v.typ.IsPrimitiveType() || v.typ == cty.DynamicPseudoType {
		return cty.StringVal(*c.text), at, true
	}
	diags := guardExpression(name, src, hcl.InitialPos)
	if !diags.HasErrors() {
		var expr hclsyntax.Expression
		expr, diags = hclsyntax.ParseExpression(src, name, hcl.InitialPos)
		if !diags.HasErrors() {
			var value cty.Value
			value, diags = l.evaluate(expr, nil)
			if !diags.HasErrors() {
				return value, at, true
			}
		}
	}
	if v.secret {
		diags = hcl.Diagnostics{mistake(CodeValue, at, "Wrong value for a variable",
			fmt.Sprintf("The value of var.%s is no %s in HCL's syntax.", v.name, v.typeText))}
	}
	l.report(withoutValues(diags)...)
	return cty.NilVal, at, false
}

// constant evaluates an expression that may name nothing.
func (l *loader) constant(attr *hcl.Attribute) (cty.Value, bool) {
	expr, diags := native(attr.Expr)
	l.report(diags...)
	if diags.HasErrors() {
		return cty.NilVal, false
	}
	if !isConstant(expr) {
		l.report(notLiteral(attr.Name, expr))
		return cty.NilVal, false
	}
	value, diags := l.evaluate(expr, nil)
	l.report(withoutValues(diags)...)
	return value, !diags.HasErrors()
}

// fit converts a value to the type of its variable.
func (l *loader) fit(v *variable, value cty.Value, at hcl.Range) (cty.Value, bool) {
	if v.defaults != nil && !isNull(value) {
		value = v.defaults.Apply(value)
	}
	out, err := convert.Convert(value, v.typ)
	if err != nil {
		l.report(mistake(CodeValue, at, "Wrong value for a variable",
			fmt.Sprintf("var.%s must be %s: %s.", v.name, v.typeText, err)))
		return cty.NilVal, false
	}
	return out, true
}

// validate checks a variable's own conditions.
func (l *loader) validate(v *variable) {
	ctx := l.functions.context.NewChild()
	ctx.Variables = map[string]cty.Value{"var": cty.ObjectVal(map[string]cty.Value{v.name: v.result.value})}
	for _, val := range v.doc.Validation {
		if val.Condition == nil {
			continue
		}
		for _, t := range val.Condition.Expr.Variables() {
			name, _, _ := member(t, 1)
			if t.RootName() != "var" || name != v.name {
				l.report(mistake(CodeReference, t.SourceRange(), "Other value in a validation",
					fmt.Sprintf("The validation of var.%s may speak of var.%s only.", v.name, v.name)))
				return
			}
		}
		good, diags := l.inContext(val.Condition, ctx)
		l.report(withoutValues(diags)...)
		if diags.HasErrors() || !known(good) {
			continue
		}
		ok, err := boolOf(good)
		switch {
		case err != nil:
			l.report(mistake(CodeType, val.Condition.Expr.Range(), "Wrong type", "A condition "+err.Error()+"."))
		case !ok:
			l.refuse(v, val, ctx)
		}
	}
}

// refuse reports that a validation failed, in its own words.
func (l *loader) refuse(v *variable, val *validationDoc, ctx *hcl.EvalContext) {
	detail := "The value does not meet the condition."
	if val.ErrorMessage != nil {
		text, diags := l.inContext(val.ErrorMessage, ctx)
		if s, ok := stringOf(text); ok && s != "" && !diags.HasErrors() && !isSensitive(text) {
			detail = s
		}
	}
	at := v.doc.DefRange
	if v.given != nil && v.given.at.Start.Line > 0 {
		at = v.given.at
	}
	l.report(mistake(CodeValidation, at, "Variable refused", fmt.Sprintf(
		"The value of var.%s, from %s, is refused by the validation at %s: %s", v.name, v.origin, place(val.DefRange), detail),
		related{val.Condition.Range, "the condition"}))
}

func (l *loader) inContext(attr *hcl.Attribute, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	expr, diags := native(attr.Expr)
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	return l.evaluate(expr, ctx)
}

// rendered writes a value as an HCL expression.
func rendered(v cty.Value) spec.Text {
	secret := isSensitive(v)
	v, _ = v.UnmarkDeep()
	if !v.IsWhollyKnown() {
		return spec.Text{}
	}
	s := strings.TrimSpace(string(hclwrite.TokensForValue(v).Bytes()))
	if secret {
		return spec.Sensitive(s)
	}
	return spec.Plain(s)
}

// keepSecrets remembers the strings in a sensitive value, so that no message
// quotes them.
func (l *loader) keepSecrets(v cty.Value) {
	v, _ = v.UnmarkDeep()
	_ = cty.Walk(v, func(_ cty.Path, el cty.Value) (bool, error) {
		if s, ok := stringOf(el); ok && s != "" {
			l.keepSecret(s)
		}
		return true, nil
	})
}
