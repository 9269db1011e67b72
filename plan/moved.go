package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Moved says in words what is not as it was when the plan of f was made,
// where now is the same made anew: first what the configuration is made
// from, then what runs. It is empty where the plan still holds.
func (f *File) Moved(now *File) []string {
	if f.Key != now.Key {
		return []string{"the key of the digests in the state directory: it was removed since, or the plan was made for another directory"}
	}
	moved := movedInputs(f.Inputs, now.Inputs)
	moved = append(moved, f.State.moved(now.State)...)
	if f.Offline != now.Offline {
		moved = append(moved, "whether databases that run elsewhere are asked (--offline)")
	}
	if len(moved) == 0 && f.Plan.Digest != now.Plan.Digest {
		moved = append(moved, "what is made of the same configuration: another version of syndicate made the plan")
	}
	return moved
}

// movedInputs compares two sorted lists.
func movedInputs(was, now []Input) []string {
	var moved []string
	pairs(was, now, Input.compare, func(a, b *Input) {
		switch {
		case b == nil:
			moved = append(moved, a.String()+" is gone")
		case a == nil:
			moved = append(moved, b.String()+" is new")
		case a.Digest != b.Digest:
			moved = append(moved, a.String()+" changed")
		}
	})
	return moved
}

func (s State) moved(now State) []string {
	var moved []string
	add := func(format string, args ...any) { moved = append(moved, fmt.Sprintf(format, args...)) }
	switch {
	case s.Running && !now.Running:
		add("the system ran then, and does not now")
	case !s.Running && now.Running:
		add("the system runs now, and did not then")
	default:
		byID := func(a, b UnitState) int { return strings.Compare(a.ID, b.ID) }
		pairs(s.Units, now.Units, byID, func(a, b *UnitState) {
			switch {
			case b == nil:
				add("%s ran then, and does not now", a.ID)
			case a == nil:
				add("%s runs now, and did not then", b.ID)
			case a.Held != b.Held || a.State != b.State:
				add("%s is %s, and was %s", a.ID, b.words(), a.words())
			case a.Digest != b.Digest:
				add("%s runs with another definition", a.ID)
			}
		})
	}
	byStep := func(a, b Applied) int { return strings.Compare(a.Step, b.Step) }
	pairs(s.Ledgers, now.Ledgers, byStep, func(a, b *Applied) {
		if a != nil && b != nil && *a != *b {
			add("%s: %s, and %s then", a.Step, b.words(), a.words())
		}
	})
	return moved
}

// words is how a unit is.
func (u *UnitState) words() string {
	if u.Held != "" {
		return "stopped " + u.Held
	}
	return u.State
}

func (a *Applied) words() string {
	switch {
	case !a.Known:
		return "what is applied is not known"
	case a.Dirty:
		return fmt.Sprintf("dirty at version %d", a.Version)
	}
	return fmt.Sprintf("version %d is applied and %d pending", a.Version, a.Pending)
}

// pairs calls f for each element of two sorted lists, with nil where one of
// them has none.
func pairs[T any](a, b []T, order func(a, b T) int, f func(a, b *T)) {
	a, b = slices.Clone(a), slices.Clone(b)
	for len(a) > 0 || len(b) > 0 {
		side := cmp.Compare(len(b), 0) - cmp.Compare(len(a), 0) // 0: both go on
		if side == 0 {
			side = order(a[0], b[0])
		}
		switch {
		case side < 0:
			f(&a[0], nil)
			a = a[1:]
		case side > 0:
			f(nil, &b[0])
			b = b[1:]
		default:
			f(&a[0], &b[0])
			a, b = a[1:], b[1:]
		}
	}
}
