package view

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/syndicate/syndicate/api"
)

// Watch shows the status of a system as it changes: on a terminal one table,
// drawn anew in its place and cut to its size; elsewhere the table once and
// then a line for each change. Its methods are called by one goroutine at a
// time.
type Watch struct {
	out   io.Writer
	ink   ink
	size  func() (columns, rows int)
	shown bool // the terminal is taken
	last  []string
	width int // of the column of units, in lines
}

// WatchConfig says how to show it.
type WatchConfig struct {
	Out    io.Writer
	Colour bool
	// Size gives the terminal's size at the moment, zeros where it has none;
	// nil means that Out is no terminal.
	Size func() (columns, rows int)
}

// NewWatch returns the view of a system that is watched.
func NewWatch(c WatchConfig) *Watch {
	return &Watch{out: c.Out, ink: ink(c.Colour), size: c.Size}
}

// Live reports whether there is a terminal to draw on.
func (w *Watch) Live() bool { return w.size != nil }

// What takes a terminal and gives it back: its second screen, without cursor.
const (
	takeScreen = "\x1b[?1049h\x1b[?25l"
	giveScreen = "\x1b[?25h\x1b[?1049l"
	toTop      = "\x1b[H"
	clearRest  = "\x1b[K"
	clearBelow = "\x1b[J"
)

// The size of a terminal that does not tell.
const (
	usualColumns = 80
	usualRows    = 24
)

// Draw shows a status and a line below it. The first one takes the terminal,
// until Leave.
func (w *Watch) Draw(st api.Status, note string) error {
	columns, rows := w.size()
	columns, rows = cmp.Or(columns, usualColumns), cmp.Or(rows, usualRows)
	w.last = w.frame(st, note, columns, rows)
	var b bytes.Buffer
	if !w.shown {
		b.WriteString(takeScreen)
		w.shown = true
	}
	b.WriteString(toTop)
	for n, line := range w.last {
		// What wraps, or scrolls, would move all the rest.
		w.last[n] = ansi.Truncate(line, columns, "…")
		b.WriteString(w.last[n] + clearRest)
		if n < len(w.last)-1 {
			b.WriteString("\r\n")
		}
	}
	b.WriteString(clearBelow)
	_, err := w.out.Write(b.Bytes())
	return err
}

// Suspend gives the terminal back for a while.
func (w *Watch) Suspend() error {
	if !w.shown {
		return nil
	}
	w.shown = false
	_, err := io.WriteString(w.out, giveScreen)
	return err
}

// Leave gives the terminal back, with what was shown last.
func (w *Watch) Leave() error {
	if !w.shown {
		return nil
	}
	w.shown = false
	_, err := io.WriteString(w.out, giveScreen+strings.Join(w.last, "\n")+"\n")
	return err
}

// frame returns the lines that show a status, at most so many.
func (w *Watch) frame(st api.Status, note string, columns, rows int) []string {
	head := []string{statusHead(st, w.ink)}
	if st.Cause != "" {
		head = append(head, "  "+printable(headline(st.Cause)))
	}
	var foot []string
	for _, line := range []string{unwell(st), leftoverNote(st), note} {
		if line != "" {
			foot = append(foot, w.ink.yellow(line))
		}
	}
	if len(foot) > 0 {
		foot = append([]string{""}, foot...)
	}
	lines := head
	if len(st.Units) > 0 {
		lines = append(append(lines, ""), w.fit(st, columns, rows-len(head)-1-len(foot))...)
	}
	lines = append(lines, foot...)
	return lines[:max(1, min(rows, len(lines)))]
}

func leftoverNote(st api.Status) string {
	if len(st.Leftovers) == 0 {
		return ""
	}
	return "Still running without an engine: " + processes(len(st.Leftovers))
}

// fit returns the table in at most so many lines. Where there are more units
// those stay that are not as they should be, then those that changed last; the
// others are counted.
func (w *Watch) fit(st api.Status, columns, most int) []string {
	table := newStatusTable(st, w.ink, columns)
	lines := make([]string, len(table.rows))
	for n := range lines {
		lines[n] = table.line(n)
	}
	if len(lines) <= most {
		return lines
	}
	room := max(0, most-2) // the headings, and the count
	order := make([]int, len(st.Units))
	for n := range order {
		order[n] = n
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := st.Units[a], st.Units[b]
		return cmp.Or(cmp.Compare(settledRank(x), settledRank(y)), y.Since.Compare(x.Since))
	})
	shown := slices.Clone(order[:min(room, len(order))])
	slices.Sort(shown)
	few := lines[:1:1]
	for _, n := range shown {
		few = append(few, lines[n+1])
	}
	return append(few, w.ink.dim(others(st, order[len(shown):])))
}

// settledRank tells what asks for attention first.
func settledRank(u api.Unit) int {
	switch u.State {
	case "failed", "unhealthy", "blocked", "backoff":
		return 0
	case "starting", "stopping":
		return 1
	case "ready", "completed":
		return 3
	}
	return 2 // pending, or held by a person
}

// others counts units that are not shown, by state.
func others(st api.Status, left []int) string {
	var states []string
	counts := map[string]int{}
	for _, n := range left {
		state := st.Units[n].State
		if counts[state] == 0 {
			states = append(states, state)
		}
		counts[state]++
	}
	slices.SortFunc(states, func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	if len(states) == 1 {
		return fmt.Sprintf("and %d more, all %s", len(left), states[0])
	}
	for n, state := range states {
		states[n] = fmt.Sprintf("%d %s", counts[state], state)
	}
	return fmt.Sprintf("and %d more: %s", len(left), strings.Join(states, ", "))
}

// Begin shows what is there, where changes are lines.
func (w *Watch) Begin(st api.Status) error {
	for _, u := range st.Units {
		w.width = max(w.width, min(ansi.StringWidth(printable(u.ID)), maxUnitColumn))
	}
	return StatusText(w.out, st, StatusOptions{Colour: bool(w.ink)})
}

// Change shows one change as a line: when, of which unit, and why.
func (w *Watch) Change(ev api.Event) error {
	subject, state := eventSubject(&ev), pad(printable(ev.To), len("completed"))
	if ev.Kind != api.EventCommand {
		state = stateInk(w.ink, ev.To)(state)
	}
	return w.line(ev.Time, pad(printable(subject), w.width)+"  "+state+"  "+printable(eventNote(&ev)))
}

// Note shows what concerns the system as a whole as a line.
func (w *Watch) Note(at time.Time, text string) error { return w.line(at, printable(text)) }

func (w *Watch) line(at time.Time, text string) error {
	line := w.ink.dim(at.Local().Format(time.TimeOnly)) + "  " + text
	_, err := io.WriteString(w.out, strings.TrimRight(line, " ")+"\n")
	return err
}
