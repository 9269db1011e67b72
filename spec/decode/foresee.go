package decode

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// The functions that ask the world outside.
const (
	callEnv          = "env"
	callFile         = "file"
	callFileExists   = "fileexists"
	callTemplateFile = "templatefile"
)

// seal ends the asking: what was not asked while decoding is never asked, so
// that a value that is evaluated only later reads no file and no environment.
func (f *functions) seal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sealed = true
}

// foresee asks now what an expression whose value is known only later may ask
// then. Most of it was asked when the expression was evaluated; what stands
// behind a value that is missing, as a later argument of try or the body of a
// for, was not.
func (f *functions) foresee(expr hclsyntax.Expression, ctx *hcl.EvalContext, report func(...*hcl.Diagnostic)) {
	_ = hclsyntax.Walk(expr, &foresight{f: f, ctx: ctx, report: report})
}

// foresight walks an expression in search of calls that ask the world.
type foresight struct {
	f      *functions
	ctx    *hcl.EvalContext
	report func(...*hcl.Diagnostic)
	loops  []*hclsyntax.ForExpr // around the node
	// template is the call whose template is walked, nil outside of one.
	template *hclsyntax.FunctionCallExpr
}

// Enter looks at a node before its children.
func (s *foresight) Enter(n hclsyntax.Node) hcl.Diagnostics {
	switch x := n.(type) {
	case *hclsyntax.ForExpr:
		s.loops = append(s.loops, x)
	case *hclsyntax.FunctionCallExpr:
		s.call(x)
	}
	return nil
}

// Exit leaves a node.
func (s *foresight) Exit(n hclsyntax.Node) hcl.Diagnostics {
	if _, ok := n.(*hclsyntax.ForExpr); ok {
		s.loops = s.loops[:len(s.loops)-1]
	}
	return nil
}

func (s *foresight) call(x *hclsyntax.FunctionCallExpr) {
	switch x.Name {
	case callEnv, callFile, callFileExists, callTemplateFile:
	default:
		return
	}
	if len(x.Args) == 0 || s.template != nil && x.Name == callTemplateFile {
		return // a mistake, which evaluation reports
	}
	arg, diags := x.Args[0].Value(s.ctx)
	if diags.HasErrors() {
		if s.blind() {
			s.tooLate(x)
		}
		return
	}
	arg, _ = arg.UnmarkDeep()
	arg, err := convert.Convert(arg, cty.String)
	switch {
	case err != nil || arg.IsKnown() && arg.IsNull():
	case !arg.IsKnown():
		s.tooLate(x)
	case x.Name == callTemplateFile:
		s.render(x, arg.AsString())
	default:
		_, _ = s.f.context.Functions[x.Name].Call([]cty.Value{arg})
	}
}

// blind reports whether a loop around the node runs over something that does
// not exist yet, so that its body was not evaluated.
func (s *foresight) blind() bool {
	for _, loop := range s.loops {
		v, diags := loop.CollExpr.Value(s.ctx)
		if v, _ = v.Unmark(); !diags.HasErrors() && !v.IsKnown() {
			return true
		}
	}
	return false
}

// tooLate reports a question that can be asked only once something runs.
func (s *foresight) tooLate(x *hclsyntax.FunctionCallExpr) {
	if s.f.l.vague {
		return
	}
	at, where := x.Args[0].Range(), ""
	if s.template != nil {
		at, where = s.template.Range(), place(x.Range())+": "
	}
	s.report(mistake(CodeUnknown, at, "Value not known at plan time", fmt.Sprintf(
		"%sthe argument of %s must be known at plan time: files and the environment are read then, and no more once something runs.",
		where, x.Name)))
}

// render walks the template that a call renders.
func (s *foresight) render(x *hclsyntax.FunctionCallExpr, path string) {
	src, err := s.f.text(path)
	if err != nil || guardTemplate(path, []byte(src), hcl.InitialPos).HasErrors() {
		return
	}
	expr, diags := hclsyntax.ParseTemplate([]byte(src), path, hcl.InitialPos)
	if diags.HasErrors() {
		return
	}
	ctx := &hcl.EvalContext{Functions: s.ctx.Functions, Variables: map[string]cty.Value{}}
	if ctx.Functions == nil {
		ctx.Functions = s.f.context.Functions
	}
	if len(x.Args) > 1 {
		values, _ := x.Args[1].Value(s.ctx)
		entries, _ := entriesOf(values)
		for _, en := range entries {
			ctx.Variables[en.key] = en.value
		}
	}
	_ = hclsyntax.Walk(expr, &foresight{f: s.f, ctx: ctx, report: s.report, template: x})
}
