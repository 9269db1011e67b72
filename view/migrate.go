package view

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// MigrationsFormat is the version of the JSON form of Migrations.
const MigrationsFormat = "1.0"

// Migrations is what `migrate up` did, or what `migrate status` found.
type Migrations struct {
	FormatVersion string               `json:"format_version"`
	Databases     []DatabaseMigrations `json:"databases"`
}

// DatabaseMigrations are the migrations of one database.
type DatabaseMigrations struct {
	Address string             `json:"address"`
	Path    string             `json:"path"`
	Version *uint64            `json:"version"` // null: nothing is applied
	Dirty   bool               `json:"dirty"`
	Drifted bool               `json:"drifted"` // the version has no file
	Applied []AppliedMigration `json:"applied,omitempty"`
	Files   []MigrationFile    `json:"migrations,omitempty"`
	Pending int                `json:"pending"`
	// Advice is what to do about a dirty or drifted database.
	Advice string `json:"advice,omitempty"`
	// Recorded says when the ledger was read, where it is not of now.
	Recorded *time.Time `json:"recorded,omitempty"`
	Error    string     `json:"error,omitempty"`
}

// MigrationFile is one file and its state: applied, pending or dirty.
type MigrationFile struct {
	Version uint64 `json:"version"`
	Name    string `json:"name"`
	State   string `json:"state"`
}

// AppliedMigration is one file that `migrate up` applied.
type AppliedMigration struct {
	Version uint64  `json:"version"`
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// JSON writes the versioned form.
func (m *Migrations) JSON(w io.Writer) error {
	m.FormatVersion = MigrationsFormat
	if m.Databases == nil {
		m.Databases = []DatabaseMigrations{}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(m)
}

// StatusText writes a table for each database, and one line that sums it up.
func (m *Migrations) StatusText(w io.Writer) error {
	var b strings.Builder
	for i, d := range m.Databases {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s: %s\n", d.Address, d.summary())
		width := 0
		for _, f := range d.Files {
			width = max(width, len(migrationName(f.Version, f.Name)))
		}
		for _, f := range d.Files {
			fmt.Fprintf(&b, "  %-*s  %s\n", width, migrationName(f.Version, f.Name), f.State)
		}
		if d.Advice != "" {
			b.WriteString(indent(d.Advice, "  ") + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// UpText writes one line for each database: where it stands now. What was
// applied was told while it happened.
func (m *Migrations) UpText(w io.Writer) error {
	var b strings.Builder
	for _, d := range m.Databases {
		if d.Error != "" {
			continue
		}
		done := "nothing to apply"
		if n := len(d.Applied); n > 0 {
			done = fmt.Sprintf("%d applied", n)
		}
		fmt.Fprintf(&b, "%s: %s; %s\n", d.Address, done, d.summary())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// summary says where one database stands.
func (d DatabaseMigrations) summary() string {
	parts := []string{"nothing applied"}
	if d.Version != nil {
		parts[0] = fmt.Sprintf("at version %d", *d.Version)
	}
	switch {
	case d.Dirty:
		parts[0] += ", dirty"
	case d.Drifted:
		parts[0] += ", which has no file"
	}
	if d.Pending > 0 {
		parts = append(parts, fmt.Sprintf("%d pending", d.Pending))
	} else if !d.Dirty && !d.Drifted {
		parts = append(parts, "nothing pending")
	}
	if d.Recorded != nil {
		parts = append(parts, "as recorded "+d.Recorded.Format(time.DateTime)+" UTC")
	}
	return strings.Join(parts, ", ")
}

// MigrationLine is one thing that happened while migrating.
type MigrationLine struct {
	Address string
	Version uint64
	Name    string
	Text    string // applied, waiting for …
	Took    time.Duration
}

// Write tells it in one line.
func (l MigrationLine) Write(w io.Writer) {
	text := l.Address + ": "
	if l.Name != "" {
		text += migrationName(l.Version, l.Name) + " "
	}
	text += l.Text
	if l.Took > 0 {
		text += " in " + l.Took.Round(time.Millisecond).String()
	}
	_, _ = io.WriteString(w, oneLine(text)+"\n")
}

// migrationName is a file's name without its endings.
func migrationName(version uint64, name string) string {
	return fmt.Sprintf("%06d_%s", version, cmp.Or(name, "?"))
}

// indent puts a margin before each line.
func indent(text, margin string) string {
	return margin + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+margin)
}
