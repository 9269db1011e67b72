package migration

import (
	"cmp"
	"maps"
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
	// DownEdited is set for an applied one whose down file says something
	// else than when it was applied.
	DownEdited bool
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
		sums := s.sums[f.Version]
		if sums.UpSum != "" && sums.UpSum != f.UpSum {
			e.State = Edited
		}
		// A down file that was written later is welcome.
		e.DownEdited = sums.DownSum != "" && f.DownSum != "" && sums.DownSum != f.DownSum
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
