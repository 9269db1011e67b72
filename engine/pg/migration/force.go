package migration

import (
	"context"
	"fmt"
	"path/filepath"
)

// Change is one thing that Force or Repair writes into the ledger.
type Change struct {
	Version uint64
	Name    string
	Text    string // what is recorded
}

// Changed is what Force or Repair did, or would do in a dry run.
type Changed struct {
	Changes []Change
	SQL     string // what a dry run would send
	Ledger  Ledger // afterwards
}

// Force records that exactly the files up to a version are applied, nil for
// none of them, and takes the dirty mark away. It runs no file: it is for a
// person who has looked what is there.
func Force(ctx context.Context, cfg Config, version *uint64, confirm func([]Change) error) (Changed, error) {
	return changing(ctx, cfg, confirm, func(r *run) ([]Change, []string, error) { return r.force(version) })
}

// Repair accepts where the files have changed since they were applied: what
// was edited counts as applied with its new text, and what is gone as applied
// without a file.
func Repair(ctx context.Context, cfg Config, confirm func([]Change) error) (Changed, error) {
	return changing(ctx, cfg, confirm, (*run).repair)
}

// changing writes rows of the ledger under the locks.
func changing(ctx context.Context, cfg Config, confirm func([]Change) error, plan func(*run) ([]Change, []string, error)) (Changed, error) {
	r, err := open(ctx, cfg)
	if err != nil {
		return Changed{}, err
	}
	defer r.session.close()
	changes, sql, err := plan(r)
	done := Changed{Changes: changes, Ledger: r.ledger}
	if err != nil || len(sql) == 0 {
		return done, err
	}
	text := transaction(sql...)
	if r.cfg.DryRun {
		done.SQL = text + ";\n"
		return done, nil
	}
	if err := confirm(changes); err != nil {
		return done, err
	}
	if err := r.session.exec(ctx, text); err != nil {
		return done, r.failed(ctx, "write the ledger", err)
	}
	r.reread(ctx)
	done.Ledger = r.result.Ledger
	return done, nil
}

// force is the rows of Force.
func (r *run) force(version *uint64) ([]Change, []string, error) {
	known := version == nil
	for _, f := range r.files {
		known = known || f.Version == *version
	}
	if !known {
		return nil, nil, &NoVersionError{Version: *version, Dir: r.cfg.Dir, Files: r.files}
	}
	w := r.session.sql
	was := "nothing applied"
	if head := r.ledger.head(); head != nil {
		was = fmt.Sprintf("version %d", *head)
	}
	if r.ledger.Dirty {
		was += ", dirty"
	}
	note := "by force; before it " + was
	sql := []string{w.version(version, false)}
	var changes []Change
	add := func(e Entry, action Action, text string) {
		row := r.known(e.Version)
		row.Action, row.Outcome, row.After, row.Note = action, Done, version, note
		sql = append(sql, w.entry(row, false))
		changes = append(changes, Change{Version: e.Version, Name: e.Name, Text: text})
	}
	for _, e := range r.ledger.Entries(r.files) {
		counts := e.State != Pending && e.State != OutOfOrder && e.State != HalfDone && e.State != Dirty
		switch {
		case counts && above(e.Version, version):
			add(e, ActionUndone, "counts as undone")
		case !counts && !above(e.Version, version), counts && e.Row == nil && e.File != nil:
			add(e, ActionAdopted, "counts as applied")
		case !counts && (e.State == HalfDone || e.State == Dirty):
			add(e, ActionUndone, "counts as undone")
		}
	}
	row := Row{Action: ActionForce, Outcome: Done, After: version, Note: "before it " + was}
	if version != nil {
		row = r.known(*version)
		row.Action, row.Outcome, row.After, row.Note = ActionForce, Done, version, "before it "+was
	}
	return changes, append(sql, w.entry(row, false)), nil
}

// repair is the rows of Repair.
func (r *run) repair() ([]Change, []string, error) {
	w, head := r.session.sql, r.ledger.head()
	var changes []Change
	var sql []string
	var left []Finding
	found := r.ledger.Findings(r.files, r.cfg.Dir)
	for _, f := range r.ledger.Warnings(r.files) {
		if f.Code == CodeDownEdited && f.State != Edited { // whose row accepts both files
			found = append(found, f)
		}
	}
	for _, f := range found {
		row := r.known(f.Version)
		row.Outcome, row.After = Done, head
		switch f.State {
		case Edited, Applied:
			row.Action, row.Note = ActionAccepted, "edited after it was applied"
			changes = append(changes, Change{f.Version, f.Name, edits(f.Entry)})
		case Missing:
			row.Action, row.Note = ActionRetired, "its files are gone"
			changes = append(changes, Change{f.Version, f.Name, "counts as applied, without a file"})
			if f.Row == nil { // of golang-migrate's table alone
				adopted := row
				adopted.Action = ActionAdopted
				sql = append(sql, w.entry(adopted, false))
			}
		default:
			left = append(left, f)
			continue
		}
		sql = append(sql, w.entry(row, false))
	}
	if len(left) > 0 {
		return nil, nil, &FindingsError{Findings: left}
	}
	return changes, sql, nil
}

// edits says which files of a version count as they are now.
func edits(e Entry) string {
	up, down := "", ""
	if e.File != nil && e.State == Edited {
		up = filepath.Base(e.File.Up) + " counts as applied as it is now"
	}
	if e.DownEdited {
		down = filepath.Base(e.File.Down) + " counts as what undoes it"
	}
	if up != "" && down != "" {
		return up + ", and " + down
	}
	return up + down
}
