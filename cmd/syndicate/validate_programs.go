package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/syndicate/syndicate/engine/process"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/spec/decode"
)

// missingPrograms warns of commands whose program is not on this machine, as
// far as their names are known. It is no error, since what runs the system may
// be another machine, and a step of start-up may make the program.
func missingPrograms(sys *spec.System) (ds spec.Diagnostics) {
	check := func(what string, addr spec.Addr, c *spec.Command, argv []spec.Expr[string], at spec.Range) {
		path, known := searchPath(sys, c)
		if len(argv) == 0 || !known {
			return
		}
		name, known := argv[0].Value()
		if !known || name == "" {
			return
		}
		if r := argv[0].Range(); !r.IsZero() {
			at = r
		}
		program := process.Command{Argv: []string{name}, Dir: c.Dir, Env: path}
		var missing *process.StartError
		if !errors.As(program.Program(), &missing) {
			return
		}
		reason := missing.Reason
		if missing.Hint != "" {
			reason += ": " + missing.Hint
		}
		if !strings.HasSuffix(reason, "?") {
			reason += "."
		}
		ds = append(ds, spec.Diagnostic{
			Severity: spec.Warning, Code: decode.CodeProgram, Summary: "Program is not there", Subject: at,
			Context: fmt.Sprintf("%s %q", addr.Kind, addr.Name),
			Detail:  fmt.Sprintf("Now %s of %s could not be executed on this machine: %s", what, addr.Block(), reason),
		})
	}
	command := func(addr spec.Addr, c *spec.Command) {
		if !c.Shell {
			check("the command", addr, c, c.Argv, c.Range)
		}
	}
	for _, s := range sys.Services {
		command(s.Addr, &s.Command)
		if p := s.Ready; p != nil {
			check("the probe ready", s.Addr, &s.Command, p.Argv, p.Range)
		}
		if p := s.Live; p != nil {
			check("the probe live", s.Addr, &s.Command, p.Argv, p.Range)
		}
	}
	for _, t := range sys.Tasks {
		command(t.Addr, &t.Command)
	}
	return ds
}

// searchPath is the PATH that a command will get as the only entry of an
// environment, none where it gets none. It is unknown where its value is made
// of what exists only after the start.
func searchPath(sys *spec.System, c *spec.Command) (env []string, known bool) {
	take := func(pairs []string) {
		for _, pair := range pairs {
			if strings.HasPrefix(pair, "PATH=") {
				env = []string{pair}
			}
		}
	}
	take(sys.Environ)
	take(c.Inherited)
	vars := c.Env
	for i := len(c.EnvFiles) - 1; i >= 0; i-- {
		vars = append(c.EnvFiles[i].Vars[:len(c.EnvFiles[i].Vars):len(c.EnvFiles[i].Vars)], vars...)
	}
	for _, v := range vars {
		switch value, known := v.Value.Value(); {
		case v.Name != "PATH":
		case v.Null:
			env = nil
		case !known:
			return nil, false
		default:
			env = []string{"PATH=" + value.Reveal()}
		}
	}
	return env, true
}
