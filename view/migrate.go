package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// MigrationsFormat is the version of the JSON form of Migrations.
const MigrationsFormat = "1.2"

// Migrations is what a `migrate` command did, or found.
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
	Drifted bool               `json:"drifted"` // it does not fit the files: see findings
	Applied []AppliedMigration `json:"applied,omitempty"`
	Undone  []AppliedMigration `json:"undone,omitempty"`
	Files   []MigrationFile    `json:"migrations,omitempty"`
	Pending int                `json:"pending"`
	// Findings keep up from applying anything.
	Findings []MigrationFinding `json:"findings,omitempty"`
	// Warnings do not: down refuses what one tells of, or up goes on with it.
	Warnings []MigrationFinding `json:"warnings,omitempty"`
	// Changes are what force or repair recorded.
	Changes []MigrationChange `json:"changes,omitempty"`
	// Plan is what a dry run would run, SQL what it would record.
	Plan  []PlannedMigration `json:"plan,omitempty"`
	SQL   string             `json:"sql,omitempty"`
	Error string             `json:"error,omitempty"` // why it failed, or could not be asked
}

// MigrationFile is one version, of a file or of the ledger. State is applied,
// pending, out of order, edited, missing, retired, half done or dirty. What
// the ledger does not know is left out.
type MigrationFile struct {
	Version   uint64     `json:"version"`
	Name      string     `json:"name"`
	State     string     `json:"state"`
	Permitted bool       `json:"permitted,omitempty"` // out of order, and applied all the same
	Action    string     `json:"action,omitempty"`    // up, adopted, …
	At        *time.Time `json:"at,omitempty"`
	Seconds   *float64   `json:"seconds,omitempty"`
	By        string     `json:"by,omitempty"`
	Host      string     `json:"host,omitempty"`
	Role      string     `json:"role,omitempty"`
	Tool      string     `json:"syndicate,omitempty"`
	Note      string     `json:"note,omitempty"`
}

// MigrationFinding is one way in which a database and its files do not fit.
type MigrationFinding struct {
	Code    string `json:"code"`
	Version uint64 `json:"version"`
	State   string `json:"state"`
	Text    string `json:"text"`
	Remedy  string `json:"remedy"`
}

// MigrationChange is one thing that force or repair recorded.
type MigrationChange struct {
	Version uint64 `json:"version"`
	Name    string `json:"name"`
	Text    string `json:"text"`
}

// AppliedMigration is one file that ran.
type AppliedMigration struct {
	Version uint64  `json:"version"`
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// PlannedMigration is one file that a dry run would run.
type PlannedMigration struct {
	Version   uint64 `json:"version"`
	Name      string `json:"name"`
	Direction string `json:"direction"`
	Path      string `json:"path"`
	SQL       string `json:"sql"`
}

// JSON writes the versioned form.
func (m *Migrations) JSON(w io.Writer) error {
	m.FormatVersion = MigrationsFormat
	if m.Databases == nil {
		m.Databases = []DatabaseMigrations{}
	}
	return writeJSON(w, m)
}

// StatusText writes a table for each database, and one line that sums it up.
func (m *Migrations) StatusText(w io.Writer) error {
	var b strings.Builder
	for i, d := range m.Databases {
		if i > 0 {
			b.WriteString("\n")
		}
		if d.Error != "" {
			fmt.Fprintf(&b, "%s: not known\n", d.Address)
			continue
		}
		fmt.Fprintf(&b, "%s: %s\n", d.Address, d.summary())
		name, state := 0, 0
		for _, f := range d.Files {
			name, state = max(name, len(MigrationName(f.Version, f.Name))), max(state, len(f.State))
		}
		for _, f := range d.Files {
			line := fmt.Sprintf("  %-*s  %-*s  %s", name, MigrationName(f.Version, f.Name), state, f.State, f.told())
			b.WriteString(strings.TrimRight(line, " ") + "\n")
		}
		for _, f := range slices.Concat(d.Findings, d.Warnings) {
			b.WriteString(indent(fmt.Sprintf("%s (%s):\n  %s", f.Text, f.Code, f.Remedy), "  ") + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// told is what the ledger knows of a version: when, by whom, how long.
func (f MigrationFile) told() string {
	switch {
	case f.Permitted:
		return "will be applied, as its file permits"
	case f.At == nil:
		return ""
	}
	parts := []string{f.At.Local().Format(time.DateTime), f.By + "@" + f.Host}
	if f.Seconds != nil {
		parts = append(parts, duration(*f.Seconds))
	}
	if f.Note != "" {
		parts = append(parts, f.Note)
	}
	return strings.Join(parts, "  ")
}

// duration writes seconds as a person reads them.
func duration(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(time.Millisecond).String()
}

// RunText writes one line for each database: where it stands now. What ran
// was told while it happened. Of a dry run it writes the SQL.
func (m *Migrations) RunText(w io.Writer) error {
	var b strings.Builder
	for _, d := range m.Databases {
		if d.Error != "" {
			continue
		}
		for _, p := range d.Plan {
			fmt.Fprintf(&b, "-- %s: %s, %s\n%s\n", d.Address, p.Path, p.Direction, p.SQL)
		}
		if len(d.Plan) > 0 {
			continue
		}
		var done []string
		if n := len(d.Applied); n > 0 {
			done = append(done, fmt.Sprintf("%d applied", n))
		}
		if n := len(d.Undone); n > 0 {
			done = append(done, fmt.Sprintf("%d undone", n))
		}
		if len(done) == 0 {
			done = append(done, "nothing to do")
		}
		fmt.Fprintf(&b, "%s: %s; %s\n", d.Address, strings.Join(done, ", "), d.summary())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// ChangeText writes what force or repair recorded. Of a dry run it writes the
// SQL.
func (m *Migrations) ChangeText(w io.Writer) error {
	var b strings.Builder
	for _, d := range m.Databases {
		switch {
		case d.Error != "":
		case d.SQL != "":
			fmt.Fprintf(&b, "-- %s\n%s", d.Address, d.SQL)
		case len(d.Changes) == 0:
			fmt.Fprintf(&b, "%s: no file counts otherwise than before; %s\n", d.Address, d.summary())
		default:
			fmt.Fprintf(&b, "%s: %d recorded; %s\n", d.Address, len(d.Changes), d.summary())
		}
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
		parts[0] += ", which does not fit the files"
	}
	if d.Pending > 0 {
		parts = append(parts, fmt.Sprintf("%d pending", d.Pending))
	} else if !d.Dirty && !d.Drifted {
		parts = append(parts, "nothing pending")
	}
	return strings.Join(parts, ", ")
}

// NewMigration is the pair of files that `migrate new` created.
type NewMigration struct {
	FormatVersion string `json:"format_version"`
	Version       uint64 `json:"version"`
	Name          string `json:"name"`
	Up            string `json:"up"`
	Down          string `json:"down"`
	DryRun        bool   `json:"dry_run,omitempty"` // they were not made
}

// JSON writes the versioned form.
func (n NewMigration) JSON(w io.Writer) error {
	n.FormatVersion = MigrationsFormat
	return writeJSON(w, n)
}

// Text writes the two paths.
func (n NewMigration) Text(w io.Writer) error {
	note := ""
	if n.DryRun {
		note = ", empty, would be created"
	}
	_, err := fmt.Fprintf(w, "%s%s\n%s%s\n", n.Up, note, n.Down, note)
	return err
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
		text += MigrationName(l.Version, l.Name) + " "
	}
	text += l.Text
	if l.Took > 0 {
		text += " in " + l.Took.Round(time.Millisecond).String()
	}
	_, _ = io.WriteString(w, oneLine(text)+"\n")
}

// MigrationName is a file's name without its endings.
func MigrationName(version uint64, name string) string {
	if name == "" {
		return fmt.Sprintf("version %d", version)
	}
	return fmt.Sprintf("%06d_%s", version, name)
}

// indent puts a margin before each line.
func indent(text, margin string) string {
	return margin + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+margin)
}
