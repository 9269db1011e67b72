package migration

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
)

// standing is what a ledger means, with what happened since behind its back.
type standing struct {
	head    *uint64        // golang-migrate's version
	applied map[uint64]Row // by version: the row that tells so
	sums    map[uint64]Row // by version: the row whose checksums hold
	retired map[uint64]bool
	half    *Row     // a file that is no transaction and did not come to its end
	adopted []uint64 // applied by another tool since, in order
	undone  []uint64 // undone by another tool since, in order
}

// standing reads the rows in order, and then believes golang-migrate's table
// where that tells of something later. It changes nothing.
func (l Ledger) standing(files []File) standing {
	s := standing{head: l.head(), applied: map[uint64]Row{}, sums: map[uint64]Row{}, retired: map[uint64]bool{}}
	var after *uint64
	for i, r := range l.Rows {
		if r.Outcome != Done {
			// Once golang-migrate's table says something else, somebody
			// has dealt with it.
			if i == len(l.Rows)-1 && l.Dirty && equal(r.After, s.head) {
				s.half = &l.Rows[i]
			}
			continue
		}
		after = r.After
		switch r.Action {
		case ActionUp, ActionAdopted:
			s.applied[r.Version], s.sums[r.Version] = r, r
			delete(s.retired, r.Version)
		case ActionDown, ActionUndone:
			delete(s.applied, r.Version)
		case ActionAccepted:
			s.sums[r.Version] = r
		case ActionRetired:
			s.retired[r.Version] = true
		}
	}
	if s.half == nil && !equal(after, s.head) {
		s.catchUp(files, after, l.Dirty)
	}
	return s
}

// catchUp finds what another tool did: it applies files after the version it
// finds, and undoes from there.
func (s *standing) catchUp(files []File, after *uint64, dirty bool) {
	for _, f := range files {
		_, applied := s.applied[f.Version]
		if !applied && !above(f.Version, s.head) && above(f.Version, after) && !(dirty && f.Version == *s.head) {
			s.adopted = append(s.adopted, f.Version)
			s.applied[f.Version] = Row{Version: f.Version, Name: f.Name, Action: ActionAdopted}
		}
	}
	for _, v := range slices.Sorted(maps.Keys(s.applied)) {
		if above(v, s.head) {
			s.undone = append(s.undone, v)
			delete(s.applied, v)
		}
	}
}

// above reports whether a version is later than head.
func above(v uint64, head *uint64) bool { return head == nil || v > *head }

func equal(a, b *uint64) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

// State is how one version stands.
type State string

// How a version can stand.
const (
	Applied    State = "applied"
	Pending    State = "pending"
	OutOfOrder State = "out of order" // added below what is applied
	Edited     State = "edited"       // applied, and its up file says something else now
	Missing    State = "missing"      // applied, and it has no file
	Retired    State = "retired"      // applied, and it is accepted that it has no file
	HalfDone   State = "half done"    // up, or down, goes on with it
	Dirty      State = "dirty"        // another tool left it so: nobody knows what of it is done
)

// Entry is one version: of a file, or of the ledger, or of both.
type Entry struct {
	Version uint64
	Name    string
	State   State
	File    *File // nil where there is none
	Row     *Row  // the row of the ledger that tells of it; nil where none does
	// Permitted is set for an OutOfOrder file that asks to be applied.
	Permitted bool
}

// Entries compares the ledger with the files, in order of version.
func (l Ledger) Entries(files []File) []Entry {
	s := l.standing(files)
	var all []Entry
	known := map[uint64]bool{}
	for i := range files {
		known[files[i].Version] = true
		all = append(all, s.entry(&files[i], l.Dirty))
	}
	for v, r := range s.applied {
		if !known[v] {
			known[v] = true
			state := Missing
			if s.retired[v] {
				state = Retired
			}
			all = append(all, Entry{Version: v, Name: r.Name, State: state, Row: &r})
		}
	}
	if s.head != nil && !known[*s.head] {
		state := Missing
		if l.Dirty {
			state = Dirty
		}
		all = append(all, Entry{Version: *s.head, State: state})
	}
	slices.SortFunc(all, func(a, b Entry) int { return cmp.Compare(a.Version, b.Version) })
	return all
}

// entry is how a version with a file stands.
func (s *standing) entry(f *File, dirty bool) Entry {
	e := Entry{Version: f.Version, Name: f.Name, File: f, State: Pending}
	if r, ok := s.applied[f.Version]; ok {
		e.State = Applied
		if r.ID != 0 {
			e.Row = &r
		}
		if sum := s.sums[f.Version].UpSum; sum != "" && sum != f.UpSum {
			e.State = Edited
		}
	} else if !above(f.Version, s.head) {
		e.State, e.Permitted = OutOfOrder, f.OutOfOrder
	}
	switch {
	case s.half != nil && s.half.Version == f.Version:
		e.State, e.Row = HalfDone, s.half
	case s.half == nil && dirty && s.head != nil && *s.head == f.Version:
		e.State = Dirty
	}
	return e
}

// Pending returns the files that Up would apply, in order.
func (l Ledger) Pending(files []File) []File {
	var pending []File
	for _, e := range l.Entries(files) {
		if e.State == Pending || e.State == OutOfOrder && e.Permitted ||
			e.State == HalfDone && e.Row.Action == ActionUp {
			pending = append(pending, *e.File)
		}
	}
	return pending
}

// Finding is one way in which a database and its files do not fit.
type Finding struct {
	Entry
	Text   string // what is wrong
	Remedy string // what would be right
}

// String is both in one line.
func (f Finding) String() string { return f.Text + ": " + f.Remedy }

// Findings returns everything that keeps Up from applying anything.
func (l Ledger) Findings(files []File, dir string) []Finding {
	var all []Finding
	for _, e := range l.Entries(files) {
		add := func(text, remedy string) { all = append(all, Finding{Entry: e, Text: text, Remedy: remedy}) }
		switch name := label(e.Version, e.Name); e.State {
		case Edited:
			add(fmt.Sprintf("%s was edited after it was applied%s", e.File.Up, when(e.Row)),
				"take the edit back and write a new migration, or, where the database has the edited state, run: syndicate migrate repair")
		case OutOfOrder:
			if !e.Permitted {
				add(fmt.Sprintf("%s was added below version %d, which is applied already", e.File.Up, l.Version),
					fmt.Sprintf("give it a higher version, or, where the order does not matter, write into it: -- syndicate: %s", outOfOrder))
			}
		case Missing:
			add(fmt.Sprintf("%s is applied%s, and %s has no file of that version", name, when(e.Row), dir),
				"bring the files up to date, or give a renamed file its version back, or, where it is gone for good, run: syndicate migrate repair")
		case Dirty:
			add(dirtyText(e.Version, e.File), fmt.Sprintf("look what of it is done and undo or finish that by hand, "+
				"then run: syndicate migrate force %s (it is undone) or force %d (it is finished)", before(files, e.Version), e.Version))
		case HalfDone:
			if e.Row.Action == ActionDown {
				add(fmt.Sprintf("%s is undone by half: its down file stopped", name), "finish it: syndicate migrate down")
			}
		}
	}
	return all
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
