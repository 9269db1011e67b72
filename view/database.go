package view

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/syndicate/syndicate/spec"
)

// DatabaseFormat is the version of the JSON forms of Dump and Restore.
const DatabaseFormat = "1.0"

// Dump is what `db dump` did.
type Dump struct {
	FormatVersion string  `json:"format_version"`
	Address       string  `json:"address"`
	File          string  `json:"file"`
	Format        string  `json:"format"` // custom or plain
	Bytes         int64   `json:"bytes"`
	Seconds       float64 `json:"seconds"`
	ServerVersion string  `json:"server_version"`
	Warnings      string  `json:"warnings,omitempty"`
}

// JSON writes the versioned form.
func (d *Dump) JSON(w io.Writer) error {
	d.FormatVersion = DatabaseFormat
	return writeJSON(w, d)
}

// Text says in a line what was saved.
func (d *Dump) Text(w io.Writer) error {
	where := ""
	if d.File != "" {
		where = " in " + printable(d.File)
	}
	text := fmt.Sprintf("Saved %s%s: %s in %s.\n", d.Address, where, Bytes(d.Bytes), seconds(time.Duration(d.Seconds*float64(time.Second))))
	if d.Warnings != "" {
		text = printableLines(d.Warnings) + text
	}
	_, err := io.WriteString(w, text)
	return err
}

// Restore is what `db restore` did.
type Restore struct {
	FormatVersion string  `json:"format_version"`
	Address       string  `json:"address"`
	File          string  `json:"file"`
	Tables        int     `json:"tables"` // of the database, afterwards
	Seconds       float64 `json:"seconds"`
}

// JSON writes the versioned form.
func (r *Restore) JSON(w io.Writer) error {
	r.FormatVersion = DatabaseFormat
	return writeJSON(w, r)
}

// Text says in a line what was loaded.
func (r *Restore) Text(w io.Writer) error {
	tables := "1 table"
	if r.Tables != 1 {
		tables = fmt.Sprintf("%d tables", r.Tables)
	}
	_, err := fmt.Fprintf(w, "Restored %s from %s: it has %s now; took %s.\n", r.Address, printable(r.File), tables,
		seconds(time.Duration(r.Seconds*float64(time.Second))))
	return err
}

// printableLines keeps the lines of a text, and nothing that moves a
// terminal.
func printableLines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(printable(strings.TrimRight(line, "\n")) + "\n")
	}
	return b.String()
}

// Bytes writes a size in two or three digits, in powers of 1000.
func Bytes(n int64) string {
	size, unit := float64(n), spec.Byte
	name := "B"
	for _, next := range []struct {
		unit spec.Size
		name string
	}{{spec.Kilobyte, "kB"}, {spec.Megabyte, "MB"}, {spec.Gigabyte, "GB"}, {spec.Terabyte, "TB"}} {
		if n >= int64(next.unit) {
			unit, name = next.unit, next.name
		}
	}
	size /= float64(unit)
	if unit == spec.Byte || size >= 100 {
		return strconv.FormatFloat(size, 'f', 0, 64) + name
	}
	return strconv.FormatFloat(size, 'f', 1, 64) + name
}

// Progress shows on a terminal what is under way, in one line that is taken
// away at the end. Elsewhere it shows nothing.
type Progress struct {
	w     io.Writer
	live  bool
	shown bool
}

// NewProgress returns one that writes to w where live.
func NewProgress(w io.Writer, live bool) *Progress { return &Progress{w: w, live: live} }

// Show replaces the line.
func (p *Progress) Show(text string) {
	if p.live {
		p.shown = true
		_, _ = io.WriteString(p.w, "\r\x1b[K"+printable(text))
	}
}

// End takes the line away.
func (p *Progress) End() {
	if p.shown {
		p.shown = false
		_, _ = io.WriteString(p.w, "\r\x1b[K")
	}
}

// Ask puts a question that is answered by y or n.
func Ask(w io.Writer, question string) { _, _ = io.WriteString(w, printable(question)+" [y/N] ") }
