package view

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"
)

// TextOptions say how a report is written for people.
type TextOptions struct {
	Width  int  // columns; 0 is 80
	Colour bool // ANSI escapes
	// Most bounds how many diagnostics are shown; 0 is all. The summary
	// counts them all.
	Most int
}

// Text writes the diagnostics for people: each with its line of source and
// what would be right. It writes nothing for an empty report.
func (r *Report) Text(w io.Writer, o TextOptions) error {
	t := &diagnosticText{ink: ink(o.Colour), width: max(cmp.Or(o.Width, 80), 20)}
	shown := r.Diagnostics
	if o.Most > 0 && len(shown) > o.Most {
		shown = shown[:o.Most]
	}
	for i := range shown {
		t.diagnostic(&shown[i])
	}
	if n := len(r.Diagnostics) - len(shown); n > 0 {
		fmt.Fprintf(&t.b, "… and %d more.\n", n)
	}
	if len(shown) > 0 {
		fmt.Fprintf(&t.b, "%s\n", r.Counts())
	}
	_, err := io.WriteString(w, t.b.String())
	return err
}

// Counts says how many errors and warnings there are: "2 errors, 1 warning."
func (r *Report) Counts() string {
	var parts []string
	if r.ErrorCount > 0 {
		parts = append(parts, count(r.ErrorCount, "error"))
	}
	if r.WarningCount > 0 {
		parts = append(parts, count(r.WarningCount, "warning"))
	}
	if len(parts) == 0 {
		return "No errors."
	}
	return strings.Join(parts, ", ") + "."
}

// count says how many there are of something: 1 error, 2 errors.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "y"); ok {
		return fmt.Sprintf("%d %sies", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// diagnosticText is one rendering for people.
type diagnosticText struct {
	b     strings.Builder
	ink   ink
	width int
	rule  func(string) string // the colour of the rule at the left
}

func (t *diagnosticText) diagnostic(d *Diagnostic) {
	title := "Error"
	t.rule = t.ink.red
	if d.Severity == "warning" {
		title, t.rule = "Warning", t.ink.yellow
	}
	if d.Code != "" {
		title += " " + printable(d.Code)
	}
	t.b.WriteString(t.rule("╷") + "\n")
	t.line(t.ink.bold(t.rule(title+":") + " " + t.ink.bold(printable(d.Summary))))
	t.line("")
	if d.Range != nil {
		t.place("on ", d.Range.Filename, d.Range.Start.Line, d.Snippet)
		t.line("")
	}
	t.paragraphs(d.Detail)
	for i := range d.Related {
		rel := &d.Related[i]
		t.line("")
		t.paragraphs(rel.Message + ":")
		if rel.Range != nil {
			t.place("", rel.Range.Filename, rel.Range.Start.Line, rel.Snippet)
		}
	}
	if d.Safe != "" {
		t.line("")
		t.line(t.ink.green(safeTitle))
		t.paragraphs(indent(d.Safe, "    "))
	}
	if d.Code != "" {
		t.line("")
		t.line(t.ink.dim("syndicate explain " + printable(d.Code)))
	}
	t.b.WriteString(t.rule("╵") + "\n")
}

// line writes one line behind the rule.
func (t *diagnosticText) line(text string) {
	t.b.WriteString(strings.TrimRight(t.rule("│")+" "+text, " ") + "\n")
}

// place writes where something stands, and its line of source.
func (t *diagnosticText) place(on, file string, line int, s *Snippet) {
	where := on + printable(file)
	if line > 0 {
		where += fmt.Sprintf(" line %d", line)
	}
	if s == nil {
		t.line("  " + where)
		return
	}
	if s.Context != "" {
		where += ", in " + printable(s.Context)
	}
	t.line("  " + where + ":")
	gutter := strconv.Itoa(s.StartLine)
	code, mark := t.snippet(s, t.width-len(gutter)-9)
	t.line("    " + t.ink.dim(gutter+" │") + " " + code)
	t.line("    " + t.ink.dim(strings.Repeat(" ", len(gutter))+" │") + " " + mark)
}

// snippet returns a line of source that fits, and the line below it that
// marks the token.
func (t *diagnosticText) snippet(s *Snippet, room int) (code, mark string) {
	room = max(room, 10)
	before := source(s.Code[:s.Start])
	token := source(s.Code[s.Start:s.End])
	after := source(s.Code[s.End:])
	// The token is seen whole where it fits at all, with some of what is
	// before and behind it.
	tokenWidth := min(max(ansi.StringWidth(token), 1), room*3/4)
	token = ansi.Truncate(token, tokenWidth, "…")
	if trimmed := strings.TrimLeft(before, " "); ansi.StringWidth(before)+tokenWidth > room {
		before = trimmed
	}
	if width := ansi.StringWidth(before); width+tokenWidth > room {
		keep := max((room-tokenWidth)/2, 1)
		before = ansi.TruncateLeft(before, width-keep+1, "…")
	}
	after = ansi.Truncate(after, max(room-ansi.StringWidth(before)-tokenWidth, 0), "…")
	indent := strings.Repeat(" ", ansi.StringWidth(before))
	return before + t.ink.paint("4", token) + after,
		indent + t.rule(strings.Repeat("^", max(ansi.StringWidth(token), 1)))
}

// source makes source code printable: tabs become spaces.
func source(s string) string {
	return printable(strings.ReplaceAll(s, "\t", "    "))
}

// paragraphs writes running text, wrapped. Lines that begin with a space are
// examples, and kept as they are.
func (t *diagnosticText) paragraphs(text string) {
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		if line == "" {
			t.line("")
			continue
		}
		if line[0] == ' ' || line[0] == '\t' {
			t.line(source(line))
			continue
		}
		for _, l := range wrap(printable(line), t.width-2) {
			t.line(l)
		}
	}
}

// wrap breaks text at spaces, so that no line is wider than width where a
// word is not by itself.
func wrap(text string, width int) []string {
	var lines []string
	line, used := "", 0
	for _, word := range strings.FieldsFunc(text, unicode.IsSpace) {
		w := ansi.StringWidth(word)
		switch {
		case line == "":
			line, used = word, w
		case used+1+w <= width:
			line, used = line+" "+word, used+1+w
		default:
			lines = append(lines, line)
			line, used = word, w
		}
	}
	return append(lines, line)
}
