package decode

import (
	"slices"

	"github.com/syndicate/syndicate/spec"
)

// withoutConsequences takes away what is only said because a file could be
// read in part: that something is not declared or not used, which may stand
// in the part that is missing, and all that concerns a block whose text is
// broken. Then the first mistake in each such file says that more may follow.
// The diagnostics have their contexts already.
func (l *loader) withoutConsequences(ds spec.Diagnostics) spec.Diagnostics {
	if len(l.unread) == 0 {
		return ds
	}
	type place struct{ file, block string }
	broken := map[place]bool{}
	for _, d := range ds {
		if l.breaks(d) && d.Context != "" {
			broken[place{d.Subject.Filename, d.Context}] = true
		}
	}
	ds = slices.DeleteFunc(ds, func(d spec.Diagnostic) bool {
		if l.breaks(d) {
			return false
		}
		return ofAbsence(d) || broken[place{d.Subject.Filename, d.Context}]
	})
	ds.Sort()
	said := map[string]bool{}
	for i := range ds {
		if name := ds[i].Subject.Filename; l.breaks(ds[i]) && !said[name] {
			said[name] = true
			ds[i].Detail += " Once this is mended, the rest is looked at in full."
		}
	}
	return ds
}

// breaks reports whether a diagnostic says why a file could be read in part
// only.
func (l *loader) breaks(d spec.Diagnostic) bool {
	if !l.unread[d.Subject.Filename] || d.Severity != spec.Error {
		return false
	}
	return d.Code == CodeSyntax || d.Code == CodeLimit && d.Context == ""
}

// ofAbsence reports whether a diagnostic says that something is nowhere in
// the configuration.
func ofAbsence(d spec.Diagnostic) bool {
	switch d.Code {
	case CodeReference:
		switch d.Summary {
		case "Unknown address", "Unknown variable", "Unknown local value":
			return true
		}
	case CodeVariable, CodeUndeclared, CodeUnusedBreaker:
		return true
	}
	return false
}
