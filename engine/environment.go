package engine

import (
	"fmt"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"github.com/syndicate/syndicate/spec"
)

// baseEnvironment is what the environments of all children begin with.
type baseEnvironment struct {
	list  []string
	index map[string]int // of a name in list
}

// newBaseEnvironment takes NAME=value; of two with one name the last counts.
func newBaseEnvironment(list []string) *baseEnvironment {
	b := &baseEnvironment{index: make(map[string]int, len(list))}
	for _, kv := range list {
		name, _, ok := strings.Cut(kv, "=")
		if !ok {
			continue
		}
		if i, ok := b.index[name]; ok {
			b.list[i] = kv
			continue
		}
		b.index[name] = len(b.list)
		b.list = append(b.list, kv)
	}
	return b
}

// environment is the environment of one child: later entries win.
type environment struct {
	base *baseEnvironment
	list []string // first those of base; what was removed is empty
}

// child returns an environment with room for more entries.
func (b *baseEnvironment) child(more int) *environment {
	list := make([]string, len(b.list), len(b.list)+more)
	copy(list, b.list)
	return &environment{base: b, list: list}
}

// at returns where a name stands, -1 for nowhere.
func (e *environment) at(name string) int {
	if i, ok := e.base.index[name]; ok {
		return i
	}
	for i := len(e.base.list); i < len(e.list); i++ {
		if kv := e.list[i]; len(kv) > len(name) && kv[len(name)] == '=' && kv[:len(name)] == name {
			return i
		}
	}
	return -1
}

func (e *environment) set(name, value string) { e.put(name, name+"="+value) }

func (e *environment) put(name, entry string) {
	if i := e.at(name); i >= 0 {
		e.list[i] = entry
		return
	}
	e.list = append(e.list, entry)
}

func (e *environment) remove(name string) {
	if i := e.at(name); i >= 0 {
		e.list[i] = ""
	}
}

func (e *environment) setAll(list []string) {
	for _, kv := range list {
		if name, _, ok := strings.Cut(kv, "="); ok {
			e.put(name, kv)
		}
	}
}

// entries returns what is set, NAME=value.
func (e *environment) entries() []string {
	return slices.DeleteFunc(e.list, func(kv string) bool { return kv == "" })
}

// setAccount sets what login(1) and systemd.exec(5) set for a user: what the
// caller's home is to a caller, and often closed to everybody else. A number
// without an entry in the user database has none.
func (e *environment) setAccount(name string) {
	account, err := user.Lookup(name)
	if err != nil {
		account, err = user.LookupId(name)
	}
	if err != nil {
		return
	}
	e.set("HOME", account.HomeDir)
	e.set("USER", account.Username)
	e.set("LOGNAME", account.Username)
}

// childEnv builds the environment of a command: the base of this life, those of
// its user, what inherit_env matched, env_file, PORT, env: so a PORT in the
// block itself wins.
// The process layer adds the marks of unit and life. What is sensitive is
// made known to the redactor.
func (s *site) childEnv(cmd *spec.Command, port int) ([]string, error) {
	env := s.environ.child(len(cmd.Inherited) + len(cmd.Env) + 8)
	if cmd.User != "" {
		env.setAccount(cmd.User)
	}
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
	return env.entries(), nil
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
