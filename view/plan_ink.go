package view

import (
	"fmt"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"

	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
)

// place is file and line as people read them.
func place(r spec.Range) string {
	if r.Filename == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", printable(filepath.Base(r.Filename)), r.Start.Line)
}

// pad fills a text up to a width; a longer one stays as it is.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-ansi.StringWidth(s)))
}

// printable returns a text with everything that a terminal would act on, or
// that would change how the line reads, written out.
func printable(s string) string {
	bad := func(r rune) bool { return !unicode.IsPrint(r) }
	if strings.IndexFunc(s, bad) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case bad(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// ink colours where it is true.
type ink bool

func (i ink) paint(code, s string) string {
	if !i || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (i ink) bold(s string) string   { return i.paint("1", s) }
func (i ink) dim(s string) string    { return i.paint("2", s) }
func (i ink) red(s string) string    { return i.paint("31", s) }
func (i ink) green(s string) string  { return i.paint("32", s) }
func (i ink) yellow(s string) string { return i.paint("33", s) }
func (i ink) note(s string) string   { return i.paint("36", s) }

// mark is the sign of an action, in its colour.
func (i ink) mark(a plan.Action) string {
	switch a {
	case plan.Start:
		return i.green("+")
	case plan.Restart, plan.Update:
		return i.yellow("~")
	case plan.Stop:
		return i.red("-")
	}
	return " "
}
