package view

import (
	"io"
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

// Reformatted is a file whose layout is not canonical.
type Reformatted struct {
	Name          string
	Before, After []byte
}

// FormatOptions say how changes of layout are written.
type FormatOptions struct {
	Diff   bool // the differences, instead of the names
	Quiet  bool // no names
	Colour bool
}

// Format writes the names of the files concerned, or what differs in them.
func Format(w io.Writer, changes []Reformatted, o FormatOptions) error {
	var b strings.Builder
	i := ink(o.Colour)
	for _, c := range changes {
		if !o.Diff {
			if !o.Quiet {
				b.WriteString(printable(c.Name) + "\n")
			}
			continue
		}
		diff := udiff.Unified(c.Name, c.Name+" (formatted)", string(c.Before), string(c.After))
		for line := range strings.Lines(diff) {
			text, end := strings.CutSuffix(line, "\n")
			switch {
			case strings.HasPrefix(text, "+"):
				text = i.green(text)
			case strings.HasPrefix(text, "-"):
				text = i.red(text)
			case strings.HasPrefix(text, "@@"):
				text = i.note(text)
			}
			b.WriteString(text)
			if end {
				b.WriteByte('\n')
			}
		}
	}
	_, err := io.WriteString(data(w), b.String())
	return err
}
