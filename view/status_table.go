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
	rows   [][]cell
	notes  []string
	shown  []int // columns, in order
	widths []int
	used   int // of the terminal, by a row up to its note
}

// cell is a text with its width in columns, which is asked for more than once.
type cell struct {
	text  string
	width int
}

func newCell(text string) cell { return cell{text, ansi.StringWidth(text)} }

// newStatusTable lays the table out. What does not fit is shortened: first in
// very long names of units, then by whole columns, then in all names.
func newStatusTable(st api.Status, i ink, width int) *statusTable {
	t := &statusTable{
		ink: i, width: width,
		rows:  make([][]cell, 0, 1+len(st.Units)),
		notes: make([]string, 0, 1+len(st.Units)),
		shown: []int{unitColumn, stateColumn, forColumn, readyColumn, restartsColumn, memoryColumn, portColumn, pidColumn},
	}
	t.add("", "UNIT", "STATE", "FOR", "READY IN", "RESTARTS", "MEMORY", "PORT", "PID")
	now := st.AsOf()
	for i := range st.Units {
		u := &st.Units[i]
		t.add(printable(unitNote(u, now)),
			printable(u.ID), u.State, age(now.Sub(u.Since)), readyIn(u), strconv.Itoa(u.Restarts),
			memory(u), number(u.Port), number(u.PID))
	}
	t.measure()
	over := t.used - width
	cut := width > 0 && over > 0 && t.widths[unitColumn] > maxUnitColumn
	if cut {
		t.cut(st, max(maxUnitColumn, t.widths[unitColumn]-over))
	}
	for _, spare := range spareColumns {
		if width == 0 || t.used <= width {
			break
		}
		t.shown = slices.DeleteFunc(t.shown, func(c int) bool { return c == spare })
		t.measure()
	}
	if width > 0 && (cut || t.used > width) { // to what is left now
		t.cut(st, max(leastUnit, t.widths[unitColumn]+width-t.used))
	}
	return t
}

// cut shortens the names of units to so many columns, in their middle: what
// tells instances from each other stands at the end.
func (t *statusTable) cut(st api.Status, keep int) {
	for i := range st.Units {
		name := newCell(printable(st.Units[i].ID))
		if name.width > keep {
			head := (keep - 1) / 2
			tail := ansi.TruncateLeft(name.text, name.width-(keep-1-head), "")
			name = newCell(ansi.Truncate(name.text, head, "") + "…" + tail)
		}
		t.rows[i+1][unitColumn] = name
	}
	t.measure()
}

func (t *statusTable) add(note string, texts ...string) {
	row := make([]cell, len(texts))
	for c, text := range texts {
		row[c] = newCell(text)
	}
	t.rows, t.notes = append(t.rows, row), append(t.notes, note)
}

func (t *statusTable) measure() {
	t.widths = make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for c, cell := range row {
			t.widths[c] = max(t.widths[c], cell.width)
		}
	}
	t.used = 2 * (len(t.shown) - 1)
	for _, c := range t.shown {
		t.used += t.widths[c]
	}
}

// line returns a row with its note behind it, however wide.
func (t *statusTable) line(n int) string {
	var b strings.Builder
	t.writeLine(&b, n, t.notes[n])
	return b.String()
}

func (t *statusTable) writeLine(b *strings.Builder, n int, note string) {
	row := t.rows[n]
	for at, c := range t.shown {
		if at > 0 {
			b.WriteString("  ")
		}
		cell := row[c]
		text := cell.text
		switch {
		case n == 0:
			text = t.ink.dim(text)
		case c == stateColumn:
			text = stateInk(t.ink, text)(text)
		}
		b.WriteString(text)
		if at < len(t.shown)-1 || note != "" {
			b.WriteString(strings.Repeat(" ", t.widths[c]-cell.width))
		}
	}
	if note != "" {
		b.WriteString("  " + note)
	}
}

// write writes all rows, each with its note: below it where the terminal is too
// narrow for both.
func (t *statusTable) write(b *strings.Builder) {
	b.Grow(len(t.rows) * (t.used + 1))
	for n := range t.rows {
		note := t.notes[n]
		if t.width == 0 || note == "" || t.used+2+ansi.StringWidth(note) <= t.width {
			t.writeLine(b, n, note)
		} else {
			t.writeLine(b, n, "")
			for _, line := range wrap(note, max(leastUnit, t.width-len(noteMargin))) {
				b.WriteString("\n" + noteMargin + line)
			}
		}
		b.WriteByte('\n')
	}
}
