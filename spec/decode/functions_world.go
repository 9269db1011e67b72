package decode

import (
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
)

// unknownArgument is the error of a function whose argument must be known.
// Where variables have no value yet, the result is unknown instead.
func (f *functions) unknownArgument(t cty.Type) (cty.Value, error) {
	if f.l.vague {
		return cty.UnknownVal(t), nil
	}
	return cty.NilVal, &codedError{CodeUnknown, "this must be known at plan time, and is known only after the start"}
}

// keepSecret remembers a sensitive value, so that no message quotes it.
func (l *loader) keepSecret(s string) {
	l.secretsMu.Lock()
	defer l.secretsMu.Unlock()
	l.secrets[s] = true
}

// holdsSecret reports whether a text is a sensitive value that has come by, or
// has one inside that is too long to be there by chance.
func (l *loader) holdsSecret(text string) bool {
	const long = 6
	l.secretsMu.Lock()
	defer l.secretsMu.Unlock()
	if l.secrets[text] {
		return true
	}
	for s := range l.secrets {
		if len(s) >= long && strings.Contains(text, s) {
			return true
		}
	}
	return false
}

// pathParameter is a first argument that must be known.
func knownParameter(name string) function.Parameter {
	return function.Parameter{Name: name, Type: cty.String, AllowUnknown: true, AllowDynamicType: true}
}

// env reads an environment variable of the caller.
func (f *functions) env() function.Function {
	return function.New(&function.Spec{
		Description: "The value of an environment variable; an error where it is not set and no default is given.",
		Params:      []function.Parameter{knownParameter("name")},
		VarParam: &function.Parameter{
			Name: "default", Type: cty.DynamicPseudoType,
			AllowNull: true, AllowUnknown: true, AllowDynamicType: true,
		},
		Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if len(args) > 2 {
				return cty.NilVal, function.NewArgErrorf(2, "env takes a name and at most one default")
			}
			if !args[0].IsKnown() {
				return f.unknownArgument(cty.String)
			}
			name := args[0].AsString()
			if !isName(name) {
				return cty.NilVal, function.NewArgErrorf(0, "%q cannot name an environment variable", name)
			}
			value, err := f.remember("env "+name, func() (cty.Value, error) {
				s, ok := f.l.lookupEnv(name)
				if !ok {
					return cty.NilVal, nil
				}
				return cty.StringVal(s), nil
			})
			if err != nil {
				return cty.NilVal, err
			}
			if value == cty.NilVal {
				if len(args) == 1 {
					return cty.NilVal, &codedError{CodeEnvironment, fmt.Sprintf(
						"the environment variable %s is not set: set it, or give a default as in env(%q, \"…\")", name, name)}
				}
				value, err = convert.Convert(args[1], cty.String)
				if err != nil {
					return cty.NilVal, function.NewArgErrorf(1, "the default must be a string, a number, a bool or null")
				}
			}
			return f.hideSecret(name, value), nil
		},
	})
}

// hideSecret marks the value of an environment variable with a secret's name.
func (f *functions) hideSecret(name string, value cty.Value) cty.Value {
	if !secretName(name) {
		return value
	}
	if s, ok := literalString(value); ok && s != "" {
		f.l.keepSecret(s)
	}
	return value.Mark(sensitiveMark{})
}

// path resolves a path of the configuration.
func (l *loader) path(p string) string {
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(l.system.Dir, p)
}

// text reads a file whose text a function gives.
func (f *functions) text(p string) (string, error) {
	v, err := f.remember("file "+p, func() (cty.Value, error) {
		path := f.l.path(p)
		src, err := f.l.content(path)
		if err != nil {
			return cty.NilVal, &codedError{CodePath, unreadable(f.l.display(path), err).Error()}
		}
		if !utf8.Valid(src) {
			return cty.NilVal, &codedError{CodePath, fmt.Sprintf("%s is not UTF-8 text", p)}
		}
		return cty.StringVal(string(src)), nil
	})
	if err != nil {
		return "", err
	}
	return v.AsString(), nil
}

func (f *functions) file() function.Function {
	return function.New(&function.Spec{
		Description: "The text of a file.",
		Params:      []function.Parameter{knownParameter("path")},
		Type:        function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if !args[0].IsKnown() {
				return f.unknownArgument(cty.String)
			}
			s, err := f.text(args[0].AsString())
			return cty.StringVal(s), err
		},
	})
}

func (f *functions) fileExists() function.Function {
	return function.New(&function.Spec{
		Description: "Whether a file exists.",
		Params:      []function.Parameter{knownParameter("path")},
		Type:        function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if !args[0].IsKnown() {
				return f.unknownArgument(cty.Bool)
			}
			p := args[0].AsString()
			return f.remember("fileexists "+p, func() (cty.Value, error) {
				info, err := f.l.fs.Stat(f.l.path(p))
				return cty.BoolVal(err == nil && !info.IsDir()), nil
			})
		},
	})
}

// templateFile renders a file as a template. The functions inside are those
// outside but itself, so that no template renders itself for ever.
func (f *functions) templateFile(table map[string]function.Function) function.Function {
	return function.New(&function.Spec{
		Description: "The text of a file, rendered as a template with the given values.",
		Params: []function.Parameter{
			knownParameter("path"),
			{Name: "values", Type: cty.DynamicPseudoType, AllowUnknown: true, AllowDynamicType: true, AllowMarked: true},
		},
		Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if !args[0].IsKnown() {
				return f.unknownArgument(cty.String)
			}
			p := args[0].AsString()
			src, err := f.text(p)
			if err != nil {
				return cty.NilVal, err
			}
			if !args[1].IsKnown() {
				return cty.UnknownVal(cty.String).WithSameMarks(args[1]), nil
			}
			return f.l.render(p, src, args[1], table)
		},
	})
}

// render evaluates a template.
func (l *loader) render(name, src string, values cty.Value, table map[string]function.Function) (cty.Value, error) {
	entries, ok := entriesOf(values)
	if !ok {
		return cty.NilVal, function.NewArgErrorf(1, "the values must be a map or an object")
	}
	ctx := &hcl.EvalContext{Functions: table, Variables: map[string]cty.Value{}}
	for _, en := range entries {
		if !hclsyntax.ValidIdentifier(en.key) {
			return cty.NilVal, function.NewArgErrorf(1, "%q cannot name a value in a template", en.key)
		}
		ctx.Variables[en.key] = en.value
	}
	diags := guardTemplate(name, []byte(src), hcl.InitialPos)
	if diags.HasErrors() {
		return cty.NilVal, templateError(diags)
	}
	expr, diags := hclsyntax.ParseTemplate([]byte(src), name, hcl.InitialPos)
	if diags.HasErrors() {
		return cty.NilVal, templateError(diags)
	}
	for _, t := range expr.Variables() {
		if _, ok := ctx.Variables[t.RootName()]; !ok {
			return cty.NilVal, &codedError{CodeReference, fmt.Sprintf("%s: the template uses %q, which it was not given.%s",
				place(t.SourceRange()), t.RootName(), suggest(t.RootName(), sortedKeys(ctx.Variables)))}
		}
	}
	v, diags := l.evaluate(expr, ctx)
	if diags.HasErrors() {
		return cty.NilVal, templateError(diags)
	}
	out, err := convert.Convert(v, cty.String)
	if err != nil {
		return cty.NilVal, &codedError{CodeType, fmt.Sprintf("%s: the template's result is not text", name)}
	}
	return out, nil
}

func templateError(diags hcl.Diagnostics) error {
	for _, d := range diags {
		if d.Severity != hcl.DiagError {
			continue
		}
		at := ""
		if d.Subject != nil {
			at = place(*d.Subject) + ": "
		}
		code := CodeFunction
		if x, ok := d.Extra.(extra); ok {
			code = x.code
		}
		return &codedError{code, fmt.Sprintf("%s%s: %s", at, d.Summary, strings.TrimSuffix(d.Detail, "."))}
	}
	return &codedError{CodeFunction, "the template is not usable"}
}

// sensitive marks a value as not to be shown.
func (f *functions) sensitive() function.Function {
	return markFunction("Keeps a value out of everything that is printed.", func(v cty.Value) cty.Value {
		f.l.keepSecrets(v)
		return v.Mark(sensitiveMark{})
	})
}

func nonsensitive() function.Function {
	return markFunction("Allows a sensitive value to be shown.", func(v cty.Value) cty.Value {
		v, _ = v.UnmarkDeep()
		return v
	})
}

func markFunction(doc string, f func(cty.Value) cty.Value) function.Function {
	return function.New(&function.Spec{
		Description: doc,
		Params: []function.Parameter{{
			Name: "value", Type: cty.DynamicPseudoType,
			AllowNull: true, AllowUnknown: true, AllowMarked: true, AllowDynamicType: true,
		}},
		Type: func(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil },
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return f(args[0]), nil },
	})
}

func issensitive() function.Function {
	return function.New(&function.Spec{
		Description: "Whether a value is kept out of everything that is printed.",
		Params: []function.Parameter{{
			Name: "value", Type: cty.DynamicPseudoType,
			AllowNull: true, AllowUnknown: true, AllowMarked: true, AllowDynamicType: true,
		}},
		Type: function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(isSensitive(args[0])), nil
		},
	})
}
