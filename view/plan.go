package view

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
)

// PlanOptions say how a plan or a tree is written for people.
type PlanOptions struct {
	Width   int  // of the terminal, in columns; 0 for no limit: nothing is wrapped
	Colour  bool // ANSI escapes
	Verbose bool // attributes, and where each block stands
}

// leastColumn is the narrowest column that text is wrapped in.
const leastColumn = 20

// wrap breaks a text for the columns behind an indentation. A pipe gets it
// in one line.
func (o PlanOptions) wrap(text string, indent int) []string {
	if o.Width <= 0 {
		return []string{text}
	}
	return wrap(text, max(o.Width-indent, leastColumn))
}

// hang puts a text behind what begins its line. What does not fit goes on
// below, in the same column, or where that is too far to the right behind
// rest.
func (o PlanOptions) hang(first, text, rest string) []string {
	indent := ansi.StringWidth(first)
	whole := strings.TrimRight(first+text, " ")
	if o.Width <= 0 || ansi.StringWidth(whole) <= o.Width {
		return []string{whole}
	}
	lines, left := []string{}, rest+strings.Repeat(" ", max(indent-ansi.StringWidth(rest), 0))
	if o.Width-indent < leastColumn && strings.TrimSpace(text) != "" {
		lines, left = append(lines, strings.TrimRight(first, " ")), rest+"    "
		first, indent = left, ansi.StringWidth(left)
	}
	for i, line := range closed(o.wrap(text, indent)) {
		if i > 0 {
			first = left
		}
		lines = append(lines, first+line)
	}
	return lines
}

// closed ends the colour of each line with it, and begins it anew in the next.
func closed(lines []string) []string {
	const end = "\x1b[0m"
	colour := ""
	for i, line := range lines {
		lines[i] = colour + line
		if at := strings.LastIndex(line, "\x1b["); at >= 0 {
			code, _, _ := strings.Cut(line[at:], "m")
			if colour = code + "m"; colour == end {
				colour = ""
			}
		}
		if colour != "" {
			lines[i] += end
		}
	}
	return lines
}

// maxIDColumn bounds the column of the names, so that one long name does
// not push all notes to the right.
const maxIDColumn = 34

// PlanJSON writes the plan in its versioned JSON form.
func PlanJSON(w io.Writer, p *plan.Plan) error {
	if err := writeJSON(w, p); err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	return nil
}

// PlanText writes the plan for people: what starts, in waves, with the
// reason for each wait, and last, next to the summary, what is stopped.
func PlanText(w io.Writer, p *plan.Plan, o PlanOptions) error {
	v := &planText{w: bufio.NewWriter(w), p: p, o: o, ink: ink(o.Colour)}
	v.measure()
	v.title()
	v.waves()
	v.watchers()
	v.skipped()
	v.criticalPath()
	v.settings()
	v.held()
	v.unbuilt()
	v.followers()
	v.stops()
	v.summary()
	if err := v.w.Flush(); err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	return nil
}

// planText is one rendering of one plan.
type planText struct {
	w     *bufio.Writer
	p     *plan.Plan
	o     PlanOptions
	ink   ink
	ids   int // columns of the names
	needs int // columns of the conditions that are waited for
}

// measure finds the columns.
func (v *planText) measure() {
	for i := range v.p.Steps {
		s := &v.p.Steps[i]
		if s.Action == plan.Keep && s.Held == "" {
			continue
		}
		v.ids = max(v.ids, min(maxIDColumn, ansi.StringWidth(s.ID)))
		for _, n := range s.Needs {
			v.needs = max(v.needs, min(maxIDColumn, ansi.StringWidth(n.Wait())))
		}
	}
	for _, f := range v.p.Followers {
		v.ids = max(v.ids, min(maxIDColumn, ansi.StringWidth(f.ID)))
	}
	for _, h := range v.p.Holds {
		v.ids = max(v.ids, min(maxIDColumn, ansi.StringWidth(h.ID)))
	}
	if len(v.p.Settings) > 0 {
		v.ids = max(v.ids, len("syndicate"))
	}
	for _, s := range v.p.Skipped {
		v.ids = max(v.ids, min(maxIDColumn, ansi.StringWidth(s.Addr.String())))
	}
	for _, wt := range v.p.Watchers {
		v.ids = max(v.ids, min(maxIDColumn, ansi.StringWidth(wt.Addr.String())))
	}
}

// line writes a line.
func (v *planText) line(text string) { fmt.Fprintln(v.w, strings.TrimRight(text, " ")) }

// hang writes a text behind what begins its line, wrapped in its own column.
func (v *planText) hang(first, text string) {
	indent := len(first) - len(strings.TrimLeft(first, " "))
	for _, line := range v.o.hang(first, text, first[:indent]) {
		v.line(line)
	}
}

func (v *planText) heading(text, note string) {
	if note == "" {
		v.line(v.ink.bold(text))
		return
	}
	v.hang(v.ink.bold(text)+"  ", v.ink.dim(note))
}

// title says how much there is to do, and that waves show an order and are
// not waited for.
func (v *planText) title() {
	steps, last := 0, 0
	for _, s := range v.p.Steps {
		if s.Action != plan.Keep {
			steps++
			last = s.Wave
		}
	}
	if steps == 0 || v.p.Running {
		return
	}
	note := "1 step"
	if steps > 1 {
		note = fmt.Sprintf("%d steps at once", steps)
	}
	if last > 1 {
		note = fmt.Sprintf("%d steps in %d waves; each starts as soon as what it waits for is there", steps, last)
	}
	v.heading(printable(v.p.System), note)
	v.line("")
}

// waves writes all steps that do something. Against a running system they
// have no waves: most of them stand in gaps between units that stay.
func (v *planText) waves() {
	wave, written := 0, 0
	for i := range v.p.Steps {
		s := &v.p.Steps[i]
		if s.Action == plan.Keep {
			continue
		}
		if s.Wave != wave && !v.p.Running {
			if wave != 0 {
				v.line("")
			}
			wave = s.Wave
			v.heading(fmt.Sprintf("Wave %d", wave), v.waveNote(i))
		} else if v.o.Verbose && written > 0 {
			v.line("")
		}
		v.step(s)
		written++
	}
	if written > 0 {
		v.line("")
	}
}

// waveNote says how many steps the wave has that begins at one.
func (v *planText) waveNote(first int) string {
	n := 0
	for _, s := range v.p.Steps[first:] {
		if s.Wave != v.p.Steps[first].Wave {
			break
		}
		n++
	}
	if n == 1 {
		return ""
	}
	return fmt.Sprintf("%d in parallel", n)
}

// step writes one step: its line, its attributes, what it waits for and
// what it will migrate.
func (v *planText) step(s *plan.Step) {
	v.headline(s)
	v.problem(s)
	v.changes(s.Changes)
	if v.o.Verbose {
		v.values(s)
	}
	if v.o.Verbose || !v.p.Running {
		for _, n := range s.Needs {
			v.need(n)
		}
	}
	if s.Ledger != nil {
		mark := v.ink.green("+")
		if s.Ledger.Source == plan.LedgerUnknown {
			mark = v.ink.yellow("?")
		}
		v.migrations(mark, s.Files, s.Ledger.Misfits)
	}
	v.lint(s.Lint)
}

// headline writes mark, name and notes of a step. A reason that is too long
// for the line goes on below.
func (v *planText) headline(s *plan.Step) {
	start := fmt.Sprintf("  %s %s  ", v.ink.mark(s.Action), pad(s.ID, v.ids))
	if v.o.Verbose {
		start += v.ink.dim(place(s.Range)) + "  "
	}
	if s.Ledger != nil && s.Ledger.Source == plan.LedgerUnknown { // why, in full
		indent := ansi.StringWidth(start)
		for i, text := range v.o.wrap(printable(strings.Join(s.Notes, ", ")), indent) {
			if i > 0 {
				start = strings.Repeat(" ", indent)
			}
			v.line(start + v.ink.note(text))
		}
		return
	}
	if !v.p.Running || s.Reason == "" || s.Kind == plan.StepMigrations && len(s.Files) > 0 {
		v.hang(start, v.ink.note(printable(strings.Join(s.Notes, ", "))))
		return
	}
	how, reason := v.how(s), s.Reason
	if s.Blocked != "" {
		reason += ": it " + s.Blocked
	}
	indent := ansi.StringWidth(start)
	for i, text := range v.o.wrap(how+printable(reason), indent) {
		if i > 0 {
			start = strings.Repeat(" ", indent)
		}
		text, found := strings.CutPrefix(text, how)
		if i > 0 || !found {
			how = ""
		}
		v.line(start + v.ink.bold(how) + v.ink.note(text))
	}
}

// problem says why a step will fail, with the commands that help.
func (v *planText) problem(s *plan.Step) {
	if s.Problem == "" {
		return
	}
	for i, line := range strings.Split(s.Problem, "\n") {
		if i == 0 {
			line = v.ink.yellow("! ") + printable(line)
		} else {
			line = "  " + printable(line)
		}
		v.line("      " + line)
	}
}

func (v *planText) need(n plan.Need) {
	v.hang("      "+v.ink.dim("← "+pad(n.Wait(), v.needs))+"  ", v.ink.dim(reasonText(n, v.o.Verbose)))
}

// reasonText says where and why something is waited for: for all of it, or
// where there is much for the most of it.
func reasonText(n plan.Need, all bool) string {
	reasons := make([]string, 0, 3)
	for i, r := range n.Reasons {
		if i == 2 && len(n.Reasons) > 3 && !all {
			reasons = append(reasons, fmt.Sprintf("%d more", len(n.Reasons)-2))
			break
		}
		reasons = append(reasons, strings.TrimSpace(place(r.Range)+" "+printable(r.Text)))
	}
	return strings.Join(reasons, ", ")
}

// values writes the attributes of a step, names in one column.
func (v *planText) values(s *plan.Step) {
	column := 0
	for _, a := range s.Values {
		column = max(column, min(maxIDColumn, ansi.StringWidth(printable(a.Name))))
	}
	for _, a := range s.Values {
		text := printable(a.Text)
		if len(a.From) > 0 {
			text += v.ink.dim("  from " + strings.Join(a.From, ", "))
		}
		v.hang("        "+pad(printable(a.Name), column)+"  ", text)
	}
}

// migrations lists pending files: all of them for -v, else the ends of a
// long list.
func (v *planText) migrations(mark string, files []plan.Migration, misfits []plan.Misfit) {
	const most, head = 6, 3
	for i, m := range files {
		if !v.o.Verbose && len(files) > most && i >= head && i < len(files)-1 {
			if i == head {
				v.line("        " + v.ink.dim(fmt.Sprintf("… %d more", len(files)-head-1)))
			}
			continue
		}
		v.hang(fmt.Sprintf("      %s %d ", mark, m.Version), printable(m.Name))
	}
	for _, m := range misfits {
		name := strings.TrimSpace(fmt.Sprintf("%d %s", m.Version, printable(m.Name)))
		v.hang("      "+v.ink.bold("! "+name+"  "), v.ink.bold(string(m.State))+" "+v.ink.note("("+m.Code+")"))
	}
	if len(misfits) > 0 {
		v.line("        " + v.ink.dim("syndicate migrate status says what to do"))
	}
}

// skipped lists the files that stay pending.
func (v *planText) skipped() {
	if len(v.p.Skipped) == 0 {
		return
	}
	v.heading("Migrations left alone", "syndicate migrate up applies them")
	for i := range v.p.Skipped {
		s := &v.p.Skipped[i]
		v.hang(fmt.Sprintf("    %s  ", pad(s.Addr.String(), v.ids)), v.ink.note(printable(strings.Join(s.Notes, ", "))))
		v.migrations(v.ink.dim("·"), s.Files, s.Ledger.Misfits)
		v.lint(s.Lint)
	}
	v.line("")
}

// lint lists what is wrong with pending files: all of it for -v, else the
// worst.
func (v *planText) lint(findings []plan.LintFinding) {
	const most = 5
	for i, f := range findings {
		if i == most && !v.o.Verbose {
			v.line("        " + v.ink.dim(fmt.Sprintf("… %s more", count(len(findings)-most, "finding"))))
			break
		}
		paint := v.ink.yellow
		if f.Severity == spec.Error {
			paint = v.ink.red
		}
		v.hang("      "+paint("! "+f.Code)+" ", fmt.Sprintf("%s %s:%d", printable(f.Summary), printable(f.File), f.Line))
	}
	if len(findings) > 0 {
		v.line("        " + v.ink.dim("syndicate migrate lint shows the safe way"))
	}
}

func (v *planText) watchers() {
	if len(v.p.Watchers) == 0 || v.p.Running && !v.o.Verbose {
		return
	}
	v.heading("Watchers", "begin with what they watch, outside the order")
	for _, wt := range v.p.Watchers {
		v.hang("    "+pad(wt.Addr.String(), v.ids)+"  ", v.ink.note(printable(strings.Join(wt.Notes, ", "))))
	}
	v.line("")
}

// criticalPath writes the longest chain, in as many lines as it takes.
func (v *planText) criticalPath() {
	path := v.p.CriticalPath
	if len(path) < 2 || v.p.Running {
		return
	}
	const most = 12
	if len(path) > most && !v.o.Verbose {
		left := fmt.Sprintf("… %d more …", len(path)-most+1)
		path = slices.Concat(path[:most/2], []string{left}, path[len(path)-most/2+1:])
	}
	v.heading("Critical path", "")
	line := "  "
	for i, id := range path {
		word := id
		if i > 0 {
			word = " → " + id
		}
		if i > 0 && v.o.Width > 0 && ansi.StringWidth(line+word) > v.o.Width {
			v.line(line)
			line = "   " + word
			continue
		}
		line += word
	}
	v.line(line)
	v.line("")
}

func (v *planText) unbuilt() {
	if len(v.p.Unbuilt) == 0 {
		return
	}
	v.heading("Not in this version", "up refuses these")
	for _, u := range v.p.Unbuilt {
		text := u.Addr.String()
		if u.Name != string(u.Addr.Kind) {
			text = strings.TrimSpace(text + " " + u.Name)
		}
		v.hang(fmt.Sprintf("  %s %s  ", v.ink.yellow("!"), pad(printable(text), v.ids)), v.ink.note(place(u.Range)))
	}
	v.line("")
}

func (v *planText) summary() {
	if v.p.Empty() {
		if v.p.Running {
			v.line("No changes. The running system matches the configuration.")
		} else {
			v.line("No changes. Nothing is declared that could start.")
		}
		return
	}
	v.line(v.ink.bold("Plan: " + summaryText(v.p.Summary) + "."))
}

// summaryText counts in words what a plan does, what is stopped last.
func summaryText(s plan.Summary) string {
	var parts []string
	add := func(n int, one, many string) {
		switch {
		case n == 1:
			parts = append(parts, "1 "+one)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", n, many))
		}
	}
	add(s.Start, "to start", "to start")
	add(s.Tasks, "task to run", "tasks to run")
	add(s.Migrations, "migration", "migrations")
	add(s.Unknown, "migration whose state is unknown", "migrations whose state is unknown")
	add(s.Restart, "to restart", "to restart")
	add(s.Update, "to change in place", "to change in place")
	add(s.Stop, "to stop", "to stop")
	add(s.Keep, "unchanged", "unchanged")
	return strings.Join(parts, ", ")
}
