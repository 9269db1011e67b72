package decode

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/go-envparse"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/syndicate/syndicate/spec"
)

// command decodes how to start a process.
func (w view) command() spec.Command {
	d := w.d
	out := spec.Command{Range: rangeOf(d.in.head.DefRange)}
	if expr, attr := w.native("command"); expr != nil {
		out.Range = rangeOf(attr.Range)
		out.Argv, out.Shell = w.commandLine(expr)
	}
	out.Dir = w.path("dir")
	if attr, _ := w.get("dir"); attr == nil {
		out.Dir = d.l.system.Dir
	} else if out.Dir != "" {
		w.directory("dir", out.Dir, "working directory")
	}
	out.Env = w.environment("env")
	out.EnvFiles = w.envFiles()
	out.InheritEnv = w.patterns()
	out.Inherited = d.l.inherit(out.InheritEnv)
	out.User = w.account("user", d.l.o.LookupUser, lookupUser)
	out.Group = w.account("group", d.l.o.LookupGroup, lookupGroup)
	return out
}

const processList = "the process list"

// commandLine reads a command: a list, or a literal string for the shell.
func (w view) commandLine(expr hclsyntax.Expression) ([]spec.Expr[string], bool) {
	d := w.d
	if p, ok := expr.(*hclsyntax.ParenthesesExpr); ok {
		return w.commandLine(p.Expression)
	}
	if s, ok := literalText(expr); ok {
		if strings.TrimSpace(s) == "" {
			d.report(mistake(CodeType, expr.Range(), "Empty command", "command names no program."))
			return nil, false
		}
		d.noteAddresses(writtenAddress{name: "command", shell: true}, result{}, cty.StringVal(s), expr)
		return []spec.Expr[string]{spec.KnownAt(s, rangeOf(expr.Range()), nil)}, true
	}
	if isTemplate(expr) {
		d.report(mistake(CodeShell, expr.Range(), "Value in a shell command", w.shellHint(expr)))
		return nil, false
	}
	return w.argv("command", expr), false
}

// shellHint shows how a value reaches a shell command.
func (w view) shellHint(expr hclsyntax.Expression) string {
	written, at := "…", expr.Range()
	if vars := expr.Variables(); len(vars) > 0 {
		written = w.d.l.written(vars[0].SourceRange())
	}
	return fmt.Sprintf("A command that is a string is run by the shell, so ${…} must not stand in it: a value could change what is run. "+
		"Write %s and $VALUE in the command (of the shell: without braces, or $${VALUE}), or a list: [\"program\", %s].",
		assign(at, "env", object(at, "VALUE", value(at, written))), value(at, written))
}

// argv reads a list of a program and its arguments. Its length must be known
// at plan time; its elements need not be.
func (w view) argv(name string, expr hclsyntax.Expression) []spec.Expr[string] {
	d := w.d
	if tuple, ok := expr.(*hclsyntax.TupleConsExpr); ok {
		out := make([]spec.Expr[string], 0, len(tuple.Exprs))
		for _, item := range tuple.Exprs {
			r := d.e.value(scope{d.in}, item)
			d.use(r, w.prefix+name)
			out = append(out, expression(d, r, item, "An element of "+name, wantString(processList)))
			if name == "command" {
				d.noteAddresses(writtenAddress{name: "command"}, r, r.value, item)
			}
		}
		return w.program(name, expr, out)
	}
	r := d.e.value(scope{d.in}, expr)
	d.use(r, w.prefix+name)
	if r.failed || r.vague && !r.value.IsKnown() {
		return nil
	}
	v, marks := r.value.Unmark()
	items, ok := itemsOf(v)
	switch _, secret := marks[sensitiveMark{}]; {
	case secret:
		d.report(mistake(CodeSensitive, expr.Range(), "Sensitive value",
			name+" is made of a sensitive value, which the process list would show. Pass it in env instead."))
		return nil
	case !v.IsKnown():
		d.report(mistake(CodeUnknown, expr.Range(), "Value not known at plan time", fmt.Sprintf(
			"The number of elements of %s must be known at plan time, but %s exists only after the start.", name, laterNames(r))))
		return nil
	case v.IsNull():
		attr, f := w.get(name)
		w.null(attr, f)
		return nil
	case !ok:
		detail := fmt.Sprintf("%s must be a list of a program and its arguments, not %s.", name, typeName(v))
		if v.Type() == cty.String {
			detail = fmt.Sprintf("%s is a list of a program and its arguments, or a string that is written right here: a string made elsewhere is not run by a shell.", name)
		}
		d.report(mistake(CodeType, expr.Range(), "Wrong type", detail))
		return nil
	}
	out := make([]spec.Expr[string], 0, len(items))
	for i := range items {
		x := wantString(processList)
		x.index = i
		out = append(out, expression(d, r, expr, "An element of "+name, x))
		if name == "command" {
			d.noteAddresses(writtenAddress{name: "command"}, r, items[i], expr)
		}
	}
	return w.program(name, expr, out)
}

// program checks that a command names something to run.
func (w view) program(name string, expr hclsyntax.Expression, argv []spec.Expr[string]) []spec.Expr[string] {
	if len(argv) == 0 {
		w.d.report(mistake(CodeType, expr.Range(), "Empty command", name+" names no program."))
		return nil
	}
	if first, ok := argv[0].Value(); ok && first == "" {
		w.d.report(mistake(CodeType, expr.Range(), "Empty command", "The first element of "+name+" names the program, and is empty."))
	}
	return argv
}

// envFiles reads the files of NAME=value lines.
func (w view) envFiles() []spec.EnvFile {
	attr, _ := w.get("env_file")
	var out []spec.EnvFile
	for _, name := range w.texts("env_file") {
		name, optional := strings.CutPrefix(name, "?")
		f := spec.EnvFile{Path: w.d.l.path(name), Optional: optional, Range: rangeOf(attr.Expr.Range())}
		w.readEnvFile(&f, attr.Expr.Range())
		out = append(out, f)
	}
	return out
}

func (w view) readEnvFile(f *spec.EnvFile, at hcl.Range) {
	shown := w.d.l.display(f.Path)
	src, err := w.d.l.content(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && f.Optional:
		f.Missing = true
		return
	case errors.Is(err, fs.ErrNotExist):
		f.Missing = true
		w.d.report(mistake(CodeEnvFile, at, "No such env_file",
			fmt.Sprintf("%s is not there. Create it, or write \"?%s\" where it may be missing.", shown, shown)))
		return
	case err != nil:
		w.d.report(mistake(CodeEnvFile, at, "File cannot be read", sentence(unreadable(shown, err))))
		return
	}
	vars, err := envparse.Parse(bytes.NewReader(src))
	if err != nil {
		// The parser's own text may quote the line.
		detail := shown + " does not consist of NAME=value lines."
		var pe *envparse.ParseError
		if errors.As(err, &pe) {
			detail = fmt.Sprintf("Line %d of %s is not NAME=value.", pe.Line, shown)
		}
		w.d.report(mistake(CodeEnvFile, at, "Wrong env_file", detail))
		return
	}
	for _, name := range sortedKeys(vars) {
		f.Vars = append(f.Vars, spec.EnvVar{Name: name, Value: spec.Known(spec.Sensitive(vars[name])), Range: f.Range})
	}
}

// patterns reads inherit_env.
func (w view) patterns() []string {
	out := w.texts("inherit_env")
	attr, _ := w.get("inherit_env")
	at := hcl.Range{}
	if attr != nil {
		at = attr.Expr.Range()
	}
	return slices.DeleteFunc(out, func(p string) bool {
		if strings.Contains(strings.TrimSuffix(p, "*"), "*") || !isName(p) {
			w.d.report(mistake(CodePattern, at, "Wrong pattern",
				fmt.Sprintf("%q is neither a name nor a pattern such as NODE_*.", p)))
			return true
		}
		if !strings.HasSuffix(p, "*") && ownVariable(p) {
			w.d.report(mistake(CodePattern, at, "Variable of the engine", fmt.Sprintf(
				"%s belongs to syndicate itself, and inherit_env passes it to nobody. Where a service means something else by that name, write %s.", p,
				assign(at, "env", object(at, p, value(at, fmt.Sprintf("env(%q)", p)))))))
			return true
		}
		return false
	})
}

// account reads a user's or group's name and checks that it exists. A number
// needs no entry.
func (w view) account(name string, lookup, machine func(string) error) string {
	s := w.text(name)
	if s == "" {
		return ""
	}
	if lookup == nil {
		lookup = machine
	}
	if _, err := strconv.ParseUint(s, 10, 31); err == nil {
		return s
	}
	if err := lookup(s); err != nil {
		attr, _ := w.get(name)
		w.d.report(mistake(CodeUser, attr.Expr.Range(), "Unknown "+name,
			fmt.Sprintf("This machine has no %s %q.", name, s)))
	}
	return s
}

func lookupUser(name string) error {
	_, err := user.Lookup(name)
	return err
}

func lookupGroup(name string) error {
	_, err := user.LookupGroup(name)
	return err
}
