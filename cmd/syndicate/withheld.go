package main

import (
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/syndicate/syndicate/spec"
)

// withheldAtStart lists what was withheld from a unit that failed, for whoever
// starts it. One that failed later has run without.
func (s *session) withheldAtStart(unit string, later bool) []string {
	if s.declared == nil || later {
		return nil
	}
	return withheldFrom(s.declared(), unit)
}

// withheldFrom lists the names of variables of this environment that a unit
// does not get, sorted: a program that was always started by hand may need
// one of them. It lists none for what runs no command of its own.
func withheldFrom(sys *spec.System, unit string) []string {
	given := givenTo(sys, unit)
	if given == nil {
		return nil
	}
	for _, pair := range sys.Environ {
		name, _, _ := strings.Cut(pair, "=")
		given[name] = true
	}
	withheld := map[string]bool{}
	for _, pair := range os.Environ() {
		if name, _, ok := strings.Cut(pair, "="); ok && !given[name] && ofPrograms(name) {
			withheld[name] = true
		}
	}
	return slices.Sorted(maps.Keys(withheld))
}

// ofPrograms reports whether a variable may be meant for programs: it is not
// the shell's or syndicate's own.
func ofPrograms(name string) bool {
	switch name {
	case "", "_", "PWD", "OLDPWD", "SHLVL":
		return false
	}
	odd := func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}
	return !strings.HasPrefix(name, "SYNDICATE_") && !strings.ContainsFunc(name, odd)
}

// givenTo returns what a unit's block itself says of its environment, nil
// where the unit runs no command.
func givenTo(sys *spec.System, unit string) map[string]bool {
	for _, s := range sys.Services {
		if s.Addr.String() == unit {
			given := s.Given()
			given["PORT"] = given["PORT"] || s.Port != nil
			return given
		}
	}
	for _, t := range sys.Tasks {
		if t.Addr.String() == unit && len(t.Argv) > 0 {
			return t.Given()
		}
	}
	return nil
}
