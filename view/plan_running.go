package view

import (
	"fmt"

	"github.com/syndicate/syndicate/plan"
)

// how tells apart what happens to a unit that runs already.
func (v *planText) how(s *plan.Step) string {
	switch {
	case s.Action == plan.Restart:
		return "restart, "
	case s.Action == plan.Stop:
		return "stop, "
	case s.Action == plan.Update && (s.Held != "" || s.Blocked != ""):
		return "for its next start, "
	case s.Action == plan.Update:
		return "in place, "
	}
	return ""
}

// changes writes attributes that differ. One whose text stays is sensitive.
func (v *planText) changes(list []plan.Change) {
	for _, c := range list {
		v.change(c)
	}
}

func (v *planText) change(c plan.Change) {
	name, before, after := printable(c.Name), printable(c.Old), printable(c.New)
	switch {
	case before == "":
		v.hang("      "+v.ink.green("+")+" ", name+" = "+after)
	case after == "":
		v.hang("      "+v.ink.red("-")+" ", name+" = "+before)
	case before == after:
		v.hang("      "+v.ink.yellow("~")+" ", name+" = "+after)
	default:
		v.hang("      "+v.ink.yellow("~")+" ", name+" = "+before+" → "+after)
	}
}

// settings writes what changes in the block of the system itself.
func (v *planText) settings() {
	if len(v.p.Settings) == 0 {
		return
	}
	v.line(fmt.Sprintf("  %s %s  %s", v.ink.mark(plan.Update), pad("syndicate", v.ids), v.ink.bold("in place")))
	v.changes(v.p.Settings)
	v.line("")
}

// held lists what stays stopped because a person stopped it, also where
// nothing else changes of it.
func (v *planText) held() {
	written := false
	for i := range v.p.Steps {
		s := &v.p.Steps[i]
		if s.Held == "" {
			continue
		}
		if !written {
			v.heading("Held", "stopped by a person; runs again with start")
			written = true
		}
		v.hang("    "+pad(printable(s.ID), v.ids)+"  ", v.ink.note("stopped "+printable(s.Held)))
	}
	for _, h := range v.p.Holds {
		if !written {
			v.heading("Held", "stopped by a person; runs again with start")
			written = true
		}
		v.hang("    "+pad(printable(h.ID), v.ids)+"  ", v.ink.note("stopped "+printable(h.Held)+"; not declared now, and held if it is again"))
	}
	if written {
		v.line("")
	}
}

// followers writes what happens to units that are no targets.
func (v *planText) followers() {
	if len(v.p.Followers) == 0 {
		return
	}
	for _, f := range v.p.Followers {
		note := v.ink.bold(string(f.Action)) + ", " + printable(f.Reason)
		if f.Action != plan.Stop {
			note += v.ink.note(fmt.Sprintf(" (no target: it %ss as it is)", f.Action))
		}
		v.hang(fmt.Sprintf("  %s %s  ", v.ink.mark(f.Action), pad(printable(f.ID), v.ids)), note)
	}
	v.line("")
}

// stops writes what runs and is declared no longer.
func (v *planText) stops() {
	if len(v.p.Stops) == 0 {
		return
	}
	for _, s := range v.p.Stops {
		v.hang(fmt.Sprintf("  %s %s  ", v.ink.red("-"), v.ink.red(pad(printable(s.ID), v.ids))), v.ink.note(printable(s.Reason)))
	}
	v.line("")
}
