package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Pos is a place in a file. Line and Column count from 1, columns in
// grapheme clusters as editors do; Byte counts from 0.
type Pos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

// Range is a part of a file. The zero Range is nowhere.
type Range struct {
	Filename string `json:"filename"`
	Start    Pos    `json:"start"`
	End      Pos    `json:"end"`
}

// String returns file:line, as edges and messages cite it.
func (r Range) String() string {
	if r.Filename == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", r.Filename, r.Start.Line)
}

// IsZero reports whether r is nowhere.
func (r Range) IsZero() bool { return r == Range{} }

// Severity says whether a diagnostic keeps the system from running.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Diagnostic is one mistake, or one warning, at one place.
type Diagnostic struct {
	Severity Severity
	Code     string // S001 and so on: see the catalogue in spec/decode
	Summary  string // three to six words, no full stop
	Detail   string // what, why, and what would be right
	Subject  Range  // the exact token
	Context  string // the block it stands in: service "web"
	Related  []Related
}

// Related is another place that a diagnostic speaks of, such as the first of
// two blocks with one address, or one edge of a cycle.
type Related struct {
	Range   Range
	Message string
}

// Diagnostics is a list of diagnostics.
type Diagnostics []Diagnostic

// HasErrors reports whether any of them is an error.
func (ds Diagnostics) HasErrors() bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return d.Severity == Error })
}

// Sort orders by file, place, severity and text, and drops exact repeats.
func (ds *Diagnostics) Sort() {
	slices.SortStableFunc(*ds, func(a, b Diagnostic) int {
		return cmp.Or(
			strings.Compare(a.Subject.Filename, b.Subject.Filename),
			cmp.Compare(a.Subject.Start.Byte, b.Subject.Start.Byte),
			strings.Compare(string(a.Severity), string(b.Severity)),
			strings.Compare(a.Code, b.Code),
			strings.Compare(a.Summary, b.Summary),
			strings.Compare(a.Detail, b.Detail))
	})
	*ds = slices.CompactFunc(*ds, func(a, b Diagnostic) bool {
		return a.Severity == b.Severity && a.Code == b.Code && a.Subject == b.Subject &&
			a.Summary == b.Summary && a.Detail == b.Detail
	})
}

// Error makes a single line of a diagnostic, for places that show no source.
func (d Diagnostic) Error() string {
	if at := d.Subject.String(); at != "" {
		return fmt.Sprintf("%s: %s: %s", at, d.Summary, d.Detail)
	}
	return d.Summary + ": " + d.Detail
}
