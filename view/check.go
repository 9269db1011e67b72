package view

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// SchemaChecksFormat is the version of the JSON form of SchemaChecks.
const SchemaChecksFormat = "1.0"

// SchemaChecks is what `migrate check` found.
type SchemaChecks struct {
	FormatVersion string        `json:"format_version"`
	Databases     []SchemaCheck `json:"databases"`
}

// SchemaCheck is the live schema of one database beside what it should be.
type SchemaCheck struct {
	Address string `json:"address"`
	// Recorded is when the schema was recorded that drift is told from; null
	// where there is none for the version that the database is at.
	Recorded *time.Time      `json:"recorded"`
	Accepted bool            `json:"accepted,omitempty"` // the schema was recorded now
	SQL      string          `json:"sql,omitempty"`      // which would record it, of a dry run
	Error    string          `json:"error,omitempty"`    // why it could not be asked
	Findings []SchemaFinding `json:"findings"`
}

// SchemaFinding is something about a schema that is wrong, or will be.
type SchemaFinding struct {
	Code     string `json:"code"`
	Severity string `json:"severity"` // error or warning
	Object   string `json:"object"`
	Text     string `json:"text"`
	Expected string `json:"expected,omitempty"`
	Found    string `json:"found,omitempty"`
	Advice   string `json:"advice,omitempty"`
	Mend     string `json:"mend,omitempty"` // SQL
}

// JSON writes the versioned form.
func (c *SchemaChecks) JSON(w io.Writer) error {
	c.FormatVersion = SchemaChecksFormat
	if c.Databases == nil {
		c.Databases = []SchemaCheck{}
	}
	return writeJSON(w, c)
}

// Text writes the findings of each database with the SQL that mends them, and
// one line that sums it up.
func (c *SchemaChecks) Text(w io.Writer) error {
	return apart(w, c.Databases, func(b *strings.Builder, d SchemaCheck) {
		if d.Error != "" {
			fmt.Fprintf(b, "%s: not known\n", d.Address)
			return
		}
		for _, f := range d.Findings {
			fmt.Fprintf(b, "%s: %s (%s)\n", f.Severity, indentRest(f.Text), f.Code)
			advise(b, f.Advice)
			if f.Mend != "" {
				b.WriteString(indent(f.Mend, "    ") + "\n")
			}
		}
		fmt.Fprintf(b, "%s: %s\n", d.Address, d.summary())
		if d.SQL != "" {
			fmt.Fprintf(b, "-- %s: as it is now the schema would be recorded by\n%s", d.Address, d.SQL)
		}
	})
}

// apart writes several things, with an empty line between them.
func apart[T any](w io.Writer, all []T, write func(*strings.Builder, T)) error {
	var b strings.Builder
	for i, one := range all {
		if i > 0 {
			b.WriteString("\n")
		}
		write(&b, one)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// advise writes what to do about a finding, if anything.
func advise(b *strings.Builder, text string) {
	if text != "" {
		fmt.Fprintf(b, "    → %s\n", indentRest(text))
	}
}

func (d SchemaCheck) summary() string {
	errors, warnings := 0, 0
	for _, f := range d.Findings {
		if f.Severity == "error" {
			errors++
		} else {
			warnings++
		}
	}
	text := "the schema is as it should be"
	switch {
	case errors > 0:
		text = "the schema is not as it should be: " + count(errors, "error")
	case warnings > 0:
		text = "the schema is as it should be, with " + count(warnings, "warning")
		warnings = 0
	}
	if warnings > 0 {
		text += ", " + count(warnings, "warning")
	}
	switch {
	case d.Accepted:
		text += "; recorded as it is now"
	case d.Recorded == nil:
		text += "; nothing is recorded to tell drift from: migrate up does that, or migrate check --accept"
	}
	return text
}
