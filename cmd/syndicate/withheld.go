package main

import (
	"os"

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
	return sys.Withheld(os.Environ(), given)
}

// givenTo returns what a unit's block itself says of its environment, nil
// where the unit runs no command.
func givenTo(sys *spec.System, unit string) map[string]bool {
	for _, s := range sys.Services {
		if s.Addr.String() == unit {
			return s.Given()
		}
	}
	for _, t := range sys.Tasks {
		if t.Addr.String() == unit && len(t.Argv) > 0 {
			return t.Given()
		}
	}
	return nil
}
