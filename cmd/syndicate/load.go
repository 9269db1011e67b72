package main

import (
	"strings"

	"github.com/alecthomas/kong"

	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/spec/decode"
	"github.com/syndicate/syndicate/view"
)

// inputs are the flags that say what a configuration means: values of
// variables, and active profiles. Between --var and --var-file the order on
// the command line counts: what comes later wins.
type inputs struct {
	Var     assignments `name:"var" placeholder:"NAME=VALUE" help:"A value for a variable; may be repeated."`
	VarFile files       `name:"var-file" placeholder:"FILE" help:"A file of values for variables; may be repeated." completion-predictor:"path"`
	Profile []string    `name:"profile" placeholder:"NAME" env:"SYNDICATE_PROFILE" help:"Also what belongs to this profile; may be repeated, or hold several with commas between." completion-predictor:"profile"`
}

// assignments are --var flags, in order. behind is how many arguments came
// behind each, which orders them among the --var-file flags.
type assignments []assignment

type assignment struct {
	decode.Assignment
	behind int
}

// Decode reads NAME=VALUE as it stands: commas are part of the value.
func (a *assignments) Decode(ctx *kong.DecodeContext) error {
	var text string
	if err := ctx.Scan.PopValueInto("NAME=VALUE", &text); err != nil {
		return err
	}
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return usage("--var %q: write NAME=VALUE", text)
	}
	*a = append(*a, assignment{decode.Assignment{Name: name, Value: value}, ctx.Scan.Len()})
	return nil
}

// files are --var-file flags, in order.
type files []assignment

// Decode reads one path.
func (f *files) Decode(ctx *kong.DecodeContext) error {
	var path string
	if err := ctx.Scan.PopValueInto("FILE", &path); err != nil {
		return err
	}
	*f = append(*f, assignment{decode.Assignment{File: path}, ctx.Scan.Len()})
	return nil
}

// assignments returns both in the order given.
func (in inputs) assignments() []decode.Assignment {
	out := []decode.Assignment{}
	a, f := in.Var, in.VarFile
	for len(a) > 0 || len(f) > 0 {
		if len(f) == 0 || len(a) > 0 && a[0].behind > f[0].behind {
			out, a = append(out, a[0].Assignment), a[1:]
		} else {
			out, f = append(out, f[0].Assignment), f[1:]
		}
	}
	return out
}

// profiles returns the active profiles; around commas may be white space.
func (in inputs) profiles() []string {
	var out []string
	for _, name := range in.Profile {
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, name)
		}
	}
	return out
}

// words are the flags as they can be shown and given again, in their order.
// The value of a variable that is sensitive, or that no one declares, is left
// for the reader to fill in.
func (in inputs) words(declared []*spec.Variable) []string {
	shown := map[string]bool{}
	for _, v := range declared {
		shown[v.Name] = !v.Sensitive
	}
	var out []string
	for _, a := range in.assignments() {
		switch {
		case a.File != "":
			out = append(out, "--var-file", a.File)
		case shown[a.Name]:
			out = append(out, "--var", a.Name+"="+a.Value)
		default:
			out = append(out, "--var", a.Name+"=…")
		}
	}
	for _, name := range in.profiles() {
		out = append(out, "--profile", name)
	}
	return out
}

// demand says what a command needs of a configuration.
type demand struct {
	operand string // the configuration, as operand
	inputs  inputs
	// values makes a variable without a value an error.
	values bool
	// ports are the numbers chosen earlier for ports that are "auto".
	ports map[string]int
	// migrates makes a migration file that cannot be used an error.
	migrates bool
}

// decode decodes the configuration that a command works on.
func (s *session) decode(d demand) (*decode.Result, spec.Diagnostics, error) {
	o, err := s.decodeOptions(d)
	if err != nil {
		return nil, nil, err
	}
	result, ds := decode.Load(o)
	s.meant = d.inputs.words(result.System.Variables)
	return result, d.complete(result, ds), nil
}

// complete adds what decoding does not find.
func (d demand) complete(result *decode.Result, ds spec.Diagnostics) spec.Diagnostics {
	ds = append(ds, plan.Cycles(result.System)...)
	if d.migrates {
		ds = append(ds, unusableMigrations(result.System, migratesOnUp)...)
	}
	ds.Sort()
	return ds
}

func (s *session) decodeOptions(d demand) (decode.Options, error) {
	path, err := s.path(d.operand)
	return decode.Options{
		Path: path, Vars: d.inputs.assignments(), StateDir: s.stateDir,
		RequireVariables: d.values, Profiles: d.inputs.profiles(), Ports: d.ports,
	}, err
}

// load is decode for commands that run something: diagnostics are shown on
// stderr, and errors among them end the command.
func (s *session) load(d demand) (*decode.Result, error) {
	result, ds, err := s.decode(d)
	if err != nil {
		return nil, err
	}
	return result, s.accept(result, ds)
}

// record is load, and keeps all that the configuration is made of.
func (s *session) record(d demand) (*decode.Result, *decode.Bundle, error) {
	o, err := s.decodeOptions(d)
	if err != nil {
		return nil, nil, err
	}
	result, ds, bundle := decode.Record(o)
	s.meant = d.inputs.words(result.System.Variables)
	s.declared = func() *spec.System { return result.System }
	return result, bundle, s.accept(result, d.complete(result, ds))
}

// accept shows diagnostics; with errors among them it ends the command.
func (s *session) accept(result *decode.Result, ds spec.Diagnostics) error {
	if s.quiet {
		ds = onlyErrors(ds)
	}
	report := view.NewReport(ds, result.Sources)
	if !report.Valid {
		return s.reject(report)
	}
	return report.Text(s.stderr, s.textOptions(s.stderr))
}

// textOptions fit diagnostics to a stream.
func (s *session) textOptions(o stream) view.TextOptions {
	most := 50
	if s.verbose {
		most = 0
	}
	return view.TextOptions{Width: o.Width(), Colour: o.colour, Most: most}
}

func onlyErrors(ds spec.Diagnostics) spec.Diagnostics {
	var out spec.Diagnostics
	for _, d := range ds {
		if d.Severity == spec.Error {
			out = append(out, d)
		}
	}
	return out
}
