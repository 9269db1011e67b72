package decode

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/syndicate/syndicate/spec"
)

// withoutConsequences takes away what is only said because a file could be
// read in part: that something is not declared or not used, which may stand
// in the part that is missing, and all that concerns a block whose text is
// broken. What has a name that such a file holds nowhere but in references is
// not declared, whatever the parts that cannot be read say. Then the first mistake in each such file says that more may follow.
// Whether a breaker is used is not said beside any error: what is wrong may be
// meant to use it. The diagnostics have their contexts already.
func (l *loader) withoutConsequences(ds spec.Diagnostics) spec.Diagnostics {
	if ds.HasErrors() {
		ds = slices.DeleteFunc(ds, func(d spec.Diagnostic) bool { return d.Code == CodeUnusedBreaker })
	}
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
	maybe := l.possiblyDeclared()
	ds = slices.DeleteFunc(ds, func(d spec.Diagnostic) bool {
		if l.breaks(d) {
			return false
		}
		return ofAbsence(d) && !maybe.lacks(d, l.sources[d.Subject.Filename]) || broken[place{d.Subject.Filename, d.Context}]
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
		return missed(d.Summary)
	case CodeVariable, CodeUndeclared:
		return true
	}
	return false
}

// missed reports whether a diagnostic of this summary names what it misses.
func missed(summary string) bool {
	switch summary {
	case "Unknown address", "Unknown variable", "Unknown local value":
		return true
	}
	return false
}

// word is a name, with the dot before it.
var word = regexp.MustCompile(`\.?[A-Za-z_][A-Za-z0-9_-]*`)

// possibly are the words that may be names of what is declared where a file
// could be read in part only: those that stand behind no dot. All says that
// any word may be.
type possibly struct {
	words map[string]bool
	all   bool
}

// possiblyDeclared gathers the words of files that could be read in part.
func (l *loader) possiblyDeclared() possibly {
	p := possibly{words: map[string]bool{}}
	for name := range l.unread {
		src, ok := l.sources[name]
		if !ok || bytes.Contains(src, []byte(`\u`)) { // letters may be written as numbers
			p.all = true
		}
		for _, w := range word.FindAll(src, -1) {
			p.words[string(w)] = true
		}
	}
	return p
}

// lacks reports whether what a reference names is surely not declared. The
// name is the second word of an address, or the one that is marked alone.
func (p possibly) lacks(d spec.Diagnostic, src []byte) bool {
	from, to := d.Subject.Start.Byte, d.Subject.End.Byte
	if p.all || !missed(d.Summary) || from > to || to > len(src) {
		return false
	}
	words := word.FindAllString(string(src[from:to]), 2)
	return len(words) > 0 && !p.words[strings.TrimPrefix(words[len(words)-1], ".")]
}
