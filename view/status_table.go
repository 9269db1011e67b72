package view

import (
	"slices"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/syndicate/syndicate/api"
)

// The columns of the table of units; behind them stands the note.
const (
	unitColumn = iota
	stateColumn
	forColumn
	readyColumn
	restartsColumn
	memoryColumn
	portColumn
	pidColumn
)

// spareColumns are those that a narrow terminal goes without, the first first.
var spareColumns = []int{pidColumn, readyColumn, portColumn, memoryColumn, restartsColumn, forColumn}

// leastUnit is how much of a unit's name is shown in any case, in columns.
const leastUnit = 12

// noteMargin is what a note below its unit begins with.
const noteMargin = "    "

// statusTable is the table of units, its headings first.
type statusTable struct {
	ink    ink
	width  int // to keep within, 0 for no limit
	rows   [][]string
	notes  []string
	shown  []int // columns, in order
	widths []int
	used   int // of the terminal, by a row up to its note
}

// newStatusTable lays the table out. What does not fit is shortened: first
// by whole columns, then in the names of units.
func newStatusTable(st api.Status, i ink, width int) *statusTable {
	t := &statusTable{
		ink: i, width: width,
		rows:  [][]string{{"UNIT", "STATE", "FOR", "READY IN", "RESTARTS", "MEMORY", "PORT", "PID"}},
		notes: []string{""},
		shown: []int{unitColumn, stateColumn, forColumn, readyColumn, restartsColumn, memoryColumn, portColumn, pidColumn},
	}
	now := st.AsOf()
	for _, u := range st.Units {
		t.rows = append(t.rows, []string{
			printable(u.ID), u.State, age(now.Sub(u.Since)), readyIn(u), strconv.Itoa(u.Restarts),
			memory(u), number(u.Port), number(u.PID),
		})
		t.notes = append(t.notes, printable(unitNote(u, now)))
	}
	t.measure()
	for _, spare := range spareColumns {
		if width == 0 || t.used <= width {
			break
		}
		t.shown = slices.DeleteFunc(t.shown, func(c int) bool { return c == spare })
		t.measure()
	}
	if over := t.used - width; width > 0 && over > 0 {
		keep := max(leastUnit, t.widths[unitColumn]-over)
		for _, row := range t.rows {
			row[unitColumn] = ansi.Truncate(row[unitColumn], keep, "…")
		}
		t.measure()
	}
	return t
}

func (t *statusTable) measure() {
	t.widths = make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for c, cell := range row {
			t.widths[c] = max(t.widths[c], ansi.StringWidth(cell))
		}
	}
	t.used = 2 * (len(t.shown) - 1)
	for _, c := range t.shown {
		t.used += t.widths[c]
	}
}

// line returns a row with its note behind it, however wide.
func (t *statusTable) line(n int) string {
	row, note := t.rows[n], t.notes[n]
	var b strings.Builder
	for at, c := range t.shown {
		if at > 0 {
			b.WriteString("  ")
		}
		cell := row[c]
		ink := func(s string) string { return s }
		switch {
		case n == 0:
			ink = t.ink.dim
		case c == stateColumn:
			ink = stateInk(t.ink, cell)
		}
		b.WriteString(ink(cell))
		if at < len(t.shown)-1 || note != "" {
			b.WriteString(strings.Repeat(" ", t.widths[c]-ansi.StringWidth(cell)))
		}
	}
	if note != "" {
		b.WriteString("  " + note)
	}
	return b.String()
}

// lines returns a row with its note, which stands below it where the terminal
// is too narrow for both.
func (t *statusTable) lines(n int) string {
	note := t.notes[n]
	if t.width == 0 || note == "" || t.used+2+ansi.StringWidth(note) <= t.width {
		return t.line(n)
	}
	t.notes[n] = ""
	text := t.line(n)
	t.notes[n] = note
	for _, line := range wrap(note, max(leastUnit, t.width-len(noteMargin))) {
		text += "\n" + noteMargin + line
	}
	return text
}
