package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/syndicate/syndicate/spec"
)

// Finding is something about a schema that is wrong, or will be.
type Finding struct {
	Code     string        `json:"code"` // for `syndicate explain`
	Severity spec.Severity `json:"severity"`
	Object   string        `json:"object"` // "column users.age"
	Text     string        `json:"text"`   // what is wrong, in one sentence
	Expected string        `json:"expected,omitempty"`
	Found    string        `json:"found,omitempty"`
	Advice   string        `json:"advice,omitempty"` // what to think of before mending it
	Mend     string        `json:"mend,omitempty"`   // the SQL that does it
}

// String says what is wrong, and its code.
func (f Finding) String() string { return f.Text + " (" + f.Code + ")" }

// The codes of findings. A code keeps its meaning for ever.
const (
	// Against what is declared.
	CodeTableMissing  = "C101"
	CodeColumnMissing = "C102"
	CodeColumnType    = "C103"
	CodeNullable      = "C104"
	CodeIndexMissing  = "C105"
	CodeIndexInvalid  = "C106"

	// Against what the migrations left behind.
	CodeDrift = "C111"
	CodeDirty = "C112"

	// Of the schema in itself.
	CodeInvalidIndex   = "C201"
	CodeDuplicateIndex = "C202"
	CodeRedundantIndex = "C203"
	CodeForeignKey     = "C204"
	CodePrimaryKey     = "C205"
	CodeSequence       = "C206"
	CodeNotValid       = "C207"
)

// OfDeclaration reports whether a code is one of a breach of what is declared.
func OfDeclaration(code string) bool { return code >= CodeTableMissing && code <= CodeIndexInvalid }

// Breach is a schema that is not as it is declared.
type Breach struct{ Findings []Finding }

// Error names each table, column or index, what is declared and what is
// there.
func (b *Breach) Error() string {
	lines := make([]string, len(b.Findings))
	for i, f := range b.Findings {
		lines[i] = f.String()
		if f.Advice != "" {
			lines[i] += "\n    " + f.Advice
		}
	}
	if len(lines) == 1 {
		return "check the schema: " + lines[0]
	}
	return fmt.Sprintf("check the schema: %d things are not as declared\n  %s", len(lines), strings.Join(lines, "\n  "))
}

// similar suggests a name that was probably meant.
func similar(name string, known []string) string {
	slices.Sort(known)
	best, distance := "", 4
	for _, k := range known {
		if d := levenshtein.Distance(name, k, nil); d < distance && d*2 <= max(len(name), len(k)) {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; there is %s: is that meant?", best)
}
