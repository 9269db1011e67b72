package migration

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/syndicate/syndicate/engine/pg/script"
	"github.com/syndicate/syndicate/spec"
)

// Finding is one way in which a database and its files do not fit.
type Finding struct {
	Entry
	Code     string // for `syndicate explain`
	Severity spec.Severity
	Text     string // what is wrong
	Remedy   string // what would be right
}

// String is both in one line.
func (f Finding) String() string { return f.Text + ": " + f.Remedy }

// The codes of findings. A code keeps its meaning for ever.
const (
	CodeEdited     = "M101" // an applied up file
	CodeOutOfOrder = "M102"
	CodeMissing    = "M103"
	CodeDirty      = "M104"
	CodeHalfDown   = "M105" // a down file stopped
	CodeDownEdited = "M106"
	CodeUnusable   = "M107" // a file, or the directory
	CodeHalfUp     = "M108" // an up file stopped, and up goes on with it
)

// Findings returns everything that keeps Up from applying anything.
func (l Ledger) Findings(files []File, dir string) []Finding {
	var all []Finding
	for _, e := range l.Entries(files) {
		add := func(code, text, remedy string) {
			all = append(all, Finding{Entry: e, Code: code, Severity: spec.Error, Text: text, Remedy: remedy})
		}
		switch name := label(e.Version, e.Name); e.State {
		case Edited:
			add(CodeEdited, fmt.Sprintf("%s was edited after it was applied%s", e.File.Up, when(e.Row)),
				"take the edit back and write a new migration, or, where the database has the edited state, run: syndicate migrate repair")
		case OutOfOrder:
			if !e.Permitted {
				add(CodeOutOfOrder, fmt.Sprintf("%s was added below version %d, which is applied already", e.File.Up, l.Version),
					fmt.Sprintf("give it a higher version, or, where the order does not matter, write into it: -- syndicate: %s", outOfOrder))
			}
		case Missing:
			add(CodeMissing, fmt.Sprintf("%s is applied%s, and %s has no file of that version", name, when(e.Row), dir),
				"bring the files up to date, or give a renamed file its version back, or, where it is gone for good, run: syndicate migrate repair")
		case Dirty:
			add(CodeDirty, dirtyText(e.Version, e.File), fmt.Sprintf("look what of it is done and undo or finish that by hand, "+
				"then run: syndicate migrate force %s (it is undone) or force %d (it is finished)", before(files, e.Version), e.Version))
		case HalfDone:
			if e.Row.Action == ActionDown {
				add(CodeHalfDown, fmt.Sprintf("%s is undone by half: its down file stopped", name), "finish it: syndicate migrate down")
			}
		}
	}
	return all
}

// Warnings returns what does not fit and keeps Up from nothing: down files
// that were edited after their up files were applied, which Down refuses, and
// an up file that Up goes on with.
func (l Ledger) Warnings(files []File) []Finding {
	var all []Finding
	for _, e := range l.Entries(files) {
		if e.DownEdited {
			all = append(all, e.downEdited(spec.Warning))
		}
		if e.State == HalfDone && e.Row.Action == ActionUp {
			all = append(all, e.halfUp(before(files, e.Version)))
		}
	}
	return all
}

// halfUp tells of a file that runs step by step and has not come to its end:
// because a step failed, because it runs right now, or because whoever ran it
// is gone, which the ledger cannot tell apart from that. before is the version
// before it.
func (e Entry) halfUp(before string) Finding {
	f := Finding{
		Entry: e, Code: CodeHalfUp, Severity: spec.Warning,
		Text:   fmt.Sprintf("%s stopped after %s%s, which stay done", e.File.Up, count(e.Row.Units, "step"), when(e.Row)),
		Remedy: "correct the rest of it and run: syndicate migrate up, which goes on from there",
	}
	if e.Row.Outcome == Running {
		f.Text = fmt.Sprintf("%s has done %s%s, and runs now or was interrupted", e.File.Up, count(e.Row.Units, "step"), when(e.Row))
		f.Remedy = "run: syndicate migrate up, which waits while it runs, and goes on from there if it was interrupted"
	}
	if e.commitsItself() {
		look := fmt.Sprintf("look what of it is done and undo or finish that by hand, then run: syndicate migrate force %s (it is undone) or force %d (it is finished)", before, e.Version)
		f.Text += "; the next one ends transactions itself, so that nobody knows what of it is done"
		f.Remedy = look
		if e.Row.Outcome == Running {
			f.Remedy = "where it runs no more, " + look
		}
	}
	return f
}

// commitsItself reports whether the step that comes next ends transactions
// itself, so that a failed attempt at it may have done a part.
func (e Entry) commitsItself() bool {
	text, err := os.ReadFile(e.File.Up)
	if err != nil {
		return false
	}
	units := script.Units(string(text), hasDirective(string(text), noTransaction))
	return e.Row.Units < len(units) && units[e.Row.Units].Kind == script.Raw
}

// count writes how many there are of something.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (e Entry) downEdited(severity spec.Severity) Finding {
	return Finding{
		Entry: e, Code: CodeDownEdited, Severity: severity,
		Text:   fmt.Sprintf("%s was edited after its up file was applied%s", e.File.Down, when(e.Row)),
		Remedy: "take the edit back, or, where it undoes what is there, run: syndicate migrate repair; until then down refuses it",
	}
}

func dirtyText(version uint64, f *File) string {
	what := fmt.Sprintf("version %d", version)
	if f != nil {
		what = filepath.Base(f.Up)
	}
	return fmt.Sprintf("the database is marked dirty: %s failed earlier, outside of syndicate, and a part of it may be done", what)
}

// before names the version before another one, for force.
func before(files []File, version uint64) string {
	name := "none"
	for _, f := range files {
		if f.Version < version {
			name = fmt.Sprint(f.Version)
		}
	}
	return name
}

// when says when a row was written, and by whom.
func when(r *Row) string {
	if r == nil || r.Started.IsZero() {
		return ""
	}
	return fmt.Sprintf(" (%s by %s)", r.Started.Format("2006-01-02 15:04"), r.By)
}
