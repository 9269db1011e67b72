package migration

import (
	"fmt"
	"slices"
	"strings"

	"github.com/syndicate/syndicate/spec"
)

// upSteps are the pending files, up to a version or all. What an earlier run
// began comes first.
func (r *run) upSteps(last *uint64) ([]Step, error) {
	if found := r.ledger.Findings(r.files, r.cfg.Dir); len(found) > 0 {
		return nil, &FindingsError{Findings: found}
	}
	s := r.ledger.standing(r.files)
	var steps []Step
	head := s.head
	add := func(f File, resume *Row) {
		if above(f.Version, head) {
			head = &f.Version
		}
		steps = append(steps, Step{File: f, Target: head, resume: resume})
	}
	pending := r.ledger.Pending(r.files)
	if s.half != nil {
		i := slices.IndexFunc(pending, func(f File) bool { return f.Version == s.half.Version })
		if i < 0 {
			return nil, &FindingsError{Findings: []Finding{{Entry: Entry{Version: s.half.Version, State: HalfDone, Row: s.half}, Code: CodeMissing, Severity: spec.Error,
				Text: label(s.half.Version, s.half.Name) + " stopped half way, and its file is gone", Remedy: "bring the file back"}}}
		}
		add(pending[i], s.half)
		pending = slices.Delete(pending, i, i+1)
	}
	for _, f := range pending {
		if last == nil || f.Version <= *last {
			add(f, nil)
		}
	}
	return steps, nil
}

// downSteps are the files to undo: the last n, or all above a version.
func (r *run) downSteps(n int, to *uint64) ([]Step, error) {
	s := r.ledger.standing(r.files)
	var applied []Entry
	for _, e := range r.ledger.Entries(r.files) {
		switch {
		case e.State == Dirty, e.State == HalfDone && e.Row.Action == ActionUp:
			f := Finding{Entry: e, Code: CodeDirty, Severity: spec.Error, Text: dirtyText(e.Version, e.File),
				Remedy: fmt.Sprintf("finish or undo it by hand, then run: syndicate migrate force %d or %s", e.Version, before(r.files, e.Version))}
			if e.State == HalfDone {
				f.Text, f.Remedy = label(e.Version, e.Name)+" is applied by half", "finish it first: syndicate migrate up"
			}
			return nil, &FindingsError{Findings: []Finding{f}}
		case e.State != Pending && e.State != OutOfOrder:
			applied = append(applied, e)
		}
	}
	slices.Reverse(applied)
	var steps []Step
	var refused []Finding
	for i, e := range applied {
		if to != nil && e.Version <= *to || n > 0 && i >= n {
			break
		}
		if e.File == nil || e.File.Down == "" {
			refused = append(refused, noDown(e, r.cfg.Dir))
			continue
		}
		if e.DownEdited {
			refused = append(refused, e.downEdited(spec.Error))
			continue
		}
		step := Step{File: *e.File, Down: true, recorded: s.sums[e.Version].DownSum != ""}
		if i+1 < len(applied) {
			step.Target = &applied[i+1].Version
		}
		if e.State == HalfDone {
			step.resume, step.Target, step.recorded = s.half, s.half.After, false
		}
		steps = append(steps, step)
	}
	if len(refused) > 0 {
		return nil, &FindingsError{Findings: refused}
	}
	return steps, nil
}

func noDown(e Entry, dir string) Finding {
	f := Finding{Entry: e, Code: CodeMissing, Severity: spec.Error, Text: label(e.Version, e.Name) + " cannot be undone: it has no down file",
		Remedy: fmt.Sprintf("write %s/%s.down.sql; nothing was undone", dir, label(e.Version, e.Name))}
	if e.File != nil {
		f.Remedy = fmt.Sprintf("write %s; nothing was undone", strings.TrimSuffix(e.File.Up, ".up.sql")+".down.sql")
	}
	return f
}
