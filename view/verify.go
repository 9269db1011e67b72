package view

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"
)

// VerificationFormat is the version of the JSON form of Verification.
const VerificationFormat = "1.0"

// Verification is what `migrate verify` found.
type Verification struct {
	FormatVersion string             `json:"format_version"`
	Databases     []VerifiedDatabase `json:"databases"`
}

// VerifiedDatabase are the migrations of one database, tried on a server that
// was thrown away.
type VerifiedDatabase struct {
	Address    string          `json:"address"`
	Path       string          `json:"path"`
	PostgreSQL int             `json:"postgresql"` // major version
	Files      int             `json:"files"`
	Verified   int             `json:"verified"` // of them
	Unreached  []string        `json:"unreached,omitempty"`
	Roles      []string        `json:"roles,omitempty"` // made since files name them
	Seconds    float64         `json:"seconds"`
	Findings   []VerifyFinding `json:"findings"`
	Where      string          `json:"where,omitempty"` // of a dry run
	Plan       []VerifyStep    `json:"plan,omitempty"`  // of a dry run, in order
	Error      string          `json:"error,omitempty"` // why they could not be tried
}

// VerifyStep is a file that would run.
type VerifyStep struct {
	Version   uint64 `json:"version"`
	Name      string `json:"name"`
	Direction string `json:"direction"`
	Path      string `json:"path"`
}

// VerifyFinding is something that does not work about one file.
type VerifyFinding struct {
	Code        string   `json:"code"`
	Severity    string   `json:"severity"` // error or warning
	Version     uint64   `json:"version"`
	Path        string   `json:"path"`
	Line        int      `json:"line,omitempty"`
	Column      int      `json:"column,omitempty"`
	Text        string   `json:"text"`
	Differences []string `json:"differences,omitempty"`
	Advice      string   `json:"advice,omitempty"`
}

// JSON writes the versioned form.
func (v *Verification) JSON(w io.Writer) error {
	v.FormatVersion = VerificationFormat
	if v.Databases == nil {
		v.Databases = []VerifiedDatabase{}
	}
	return writeJSON(w, v)
}

// Text writes the findings of each database, and one line that sums it up.
func (v *Verification) Text(w io.Writer) error {
	return apart(w, v.Databases, func(b *strings.Builder, d VerifiedDatabase) {
		switch {
		case d.Error != "":
			fmt.Fprintf(b, "%s: not verified\n", d.Address)
			return
		case d.Where != "":
			fmt.Fprintf(b, "%s: in %s:\n", d.Address, d.Where)
			for _, step := range d.Plan {
				fmt.Fprintf(b, "  %s\n", filepath.Base(step.Path))
			}
			return
		}
		for _, f := range d.Findings {
			f.write(b, d.Path)
		}
		fmt.Fprintf(b, "%s: %s\n", d.Address, d.summary())
	})
}

// write tells of one finding, with its place before it as editors read it.
func (f VerifyFinding) write(b *strings.Builder, dir string) {
	at := f.Path
	if rel, err := filepath.Rel(dir, f.Path); err == nil {
		at = rel
	}
	if f.Line > 0 {
		at += fmt.Sprintf(":%d:%d", f.Line, f.Column)
	}
	fmt.Fprintf(b, "%s: %s: %s (%s)\n", at, f.Severity, indentRest(f.Text), f.Code)
	for _, d := range f.Differences {
		fmt.Fprintf(b, "    %s\n", d)
	}
	advise(b, f.Advice)
}

// indentRest puts a margin before all lines but the first.
func indentRest(text string) string {
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n      ")
}

func (d VerifiedDatabase) summary() string {
	took := time.Duration(d.Seconds * float64(time.Second)).Round(10 * time.Millisecond)
	if d.Files == 0 {
		return "there are no migrations"
	}
	text := fmt.Sprintf("%s on PostgreSQL %d in %s", count(d.Files, "file"), d.PostgreSQL, took)
	errors, warnings := 0, 0
	for _, f := range d.Findings {
		if f.Severity == "error" {
			errors++
		} else {
			warnings++
		}
	}
	switch {
	case errors > 0:
		text += ": " + count(errors, "error")
	case d.Files == 1:
		text += ": it goes up, down and up again, and leaves nothing behind"
	default:
		text += ": each goes up, down and up again, and all of them down"
	}
	if warnings > 0 {
		text += ", " + count(warnings, "warning")
	}
	if n := len(d.Unreached); n > 0 {
		text += fmt.Sprintf(", %s not looked at", count(n, "file"))
	}
	if len(d.Roles) > 0 {
		text += "; roles made for it: " + strings.Join(d.Roles, ", ")
	}
	return text
}
