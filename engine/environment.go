package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/syndicate/syndicate/spec"
)

// environment is the environment of one child: later entries win.
type environment struct {
	names  []string
	values map[string]string
}

func (e *environment) set(name, value string) {
	if _, ok := e.values[name]; !ok {
		e.names = append(e.names, name)
	}
	e.values[name] = value
}

func (e *environment) remove(name string) {
	delete(e.values, name)
	e.names = slices.DeleteFunc(e.names, func(n string) bool { return n == name })
}

func (e *environment) setAll(list []string) {
	for _, kv := range list {
		if name, value, ok := strings.Cut(kv, "="); ok {
			e.set(name, value)
		}
	}
}

func (e *environment) list() []string {
	list := make([]string, 0, len(e.names))
	for _, name := range e.names {
		list = append(list, name+"="+e.values[name])
	}
	return list
}

// childEnv builds the environment of a command: the base of this life, what
// inherit_env matched, env_file, PORT, env: so a PORT in the block itself wins.
// The process layer adds the marks of unit and life. What is sensitive is
// made known to the redactor.
func (s *site) childEnv(cmd *spec.Command, port int) ([]string, error) {
	env := &environment{values: make(map[string]string, len(s.environ)+8)}
	env.setAll(s.environ)
	env.setAll(cmd.Inherited)
	for _, file := range cmd.EnvFiles {
		for _, v := range file.Vars {
			text, err := v.Value.Resolve(s.lookup)
			if err != nil {
				return nil, fmt.Errorf("evaluate %s of %s: %w", v.Name, file.Path, err)
			}
			if secretVariable(v.Name, text.Reveal()) {
				s.redact.add(text.Reveal())
			}
			env.set(v.Name, text.Reveal())
		}
	}
	if port != 0 {
		env.set("PORT", strconv.Itoa(port)) // that of a file may be another machine's
	}
	for _, v := range cmd.Env {
		if v.Null {
			env.remove(v.Name)
			continue
		}
		text, err := v.Value.Resolve(s.lookup)
		if err != nil {
			return nil, fmt.Errorf("evaluate env.%s: %w", v.Name, err)
		}
		s.redact.addText(text)
		env.set(v.Name, text.Reveal())
	}
	return env.list(), nil
}

// argv resolves a command's arguments.
func (s *site) argv(cmd *spec.Command) ([]string, error) {
	list := make([]string, 0, len(cmd.Argv)+2)
	if cmd.Shell {
		list = append(list, "/bin/sh", "-c")
	}
	for i, arg := range cmd.Argv {
		v, err := arg.Resolve(s.lookup)
		if err != nil {
			return nil, fmt.Errorf("evaluate command[%d]: %w", i, err)
		}
		if strings.ContainsRune(v, 0) {
			return nil, fmt.Errorf("command[%d] contains a NUL byte, which no argument may", i)
		}
		list = append(list, v)
	}
	return list, nil
}
