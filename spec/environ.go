package spec

import (
	"maps"
	"slices"
	"strings"
)

// Given are the names of variables that a service gets or not by its own
// block, its PORT among them.
func (s *Service) Given() map[string]bool {
	given := s.Command.Given()
	if s.Port != nil {
		given["PORT"] = true
	}
	return given
}

// Withheld lists the names of variables, of an environment of NAME=value
// pairs, that a unit does not get whose block decides about the given ones:
// those are neither given nor of the base environment. What is the shell's or
// syndicate's own is not listed: no program misses it.
func (s *System) Withheld(environ []string, given map[string]bool) []string {
	based := map[string]bool{}
	for _, pair := range s.Environ {
		name, _, _ := strings.Cut(pair, "=")
		based[name] = true
	}
	withheld := map[string]bool{}
	for _, pair := range environ {
		if name, _, ok := strings.Cut(pair, "="); ok && !given[name] && !based[name] && ofPrograms(name) {
			withheld[name] = true
		}
	}
	return slices.Sorted(maps.Keys(withheld))
}

// ofPrograms reports whether a variable may be meant for programs.
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
