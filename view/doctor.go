package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/syndicate/syndicate/doctor"
)

// DoctorOptions say how a report is written for people.
type DoctorOptions struct {
	Width  int
	Colour bool
	Quiet  bool   // problems and warnings only
	Unread string // why the configuration was left out, empty where it was not
}

// DoctorJSON writes the report as one object.
func DoctorJSON(w io.Writer, r *doctor.Report) error { return writeJSON(w, r) }

// Doctor writes the report for people: one line for what is well, and the
// whole story, with what to do, for what is not.
func Doctor(w io.Writer, r *doctor.Report, o DoctorOptions) error {
	var b strings.Builder
	i := ink(o.Colour)
	width := max(o.Width, 40)
	problems := 0
	for _, f := range r.Findings {
		sign := map[doctor.Level]string{
			doctor.OK: i.green("ok     "), doctor.Note: i.note("note   "),
			doctor.Warning: i.yellow("warning"), doctor.Problem: i.red("problem"),
		}[f.Level]
		if f.Level == doctor.Problem {
			problems++
		}
		if o.Quiet && (f.Level == doctor.OK || f.Level == doctor.Note) {
			continue
		}
		const margin = "         "
		for n, line := range wrap(printable(f.Topic+": "+f.Summary), width-len(margin)) {
			head := margin
			if n == 0 {
				head = sign + "  "
			}
			b.WriteString(head + line + "\n")
		}
		for _, d := range f.Details {
			for _, line := range wrap(printable(d), width-len(margin)) {
				b.WriteString(margin + i.dim(line) + "\n")
			}
		}
		for _, m := range f.Mend {
			// A command to copy is never wrapped.
			b.WriteString(margin + i.bold("→ ") + printable(m) + "\n")
		}
	}
	if o.Unread != "" {
		fmt.Fprintf(&b, "%s\n", printable(o.Unread))
	}
	switch {
	case problems > 0:
		fmt.Fprintf(&b, "%s would keep up from working.\n", count(problems, "problem"))
	case o.Unread != "":
		b.WriteString("Nothing on this machine keeps up from working; the mistakes in the configuration do.\n")
	case !o.Quiet:
		b.WriteString("Nothing here keeps up from working.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
