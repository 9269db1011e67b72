package decode

import (
	"fmt"
	"time"

	"github.com/syndicate/syndicate/spec"
)

// unit returns a value that is written as a string with a unit.
func unit[T any](w view, name string, parse func(string) (T, error)) (T, bool) {
	v, attr, f, ok := w.known(name)
	def, _ := f.value.(T)
	if !ok {
		return def, false
	}
	s, ok := stringOf(v)
	if !ok {
		w.wrongType(attr, "a string with a unit", v)
		return def, false
	}
	got, err := parse(s)
	if err != nil {
		w.d.report(mistake(CodeUnit, attr.Expr.Range(), "Wrong unit", fmt.Sprintf("%s: %s.", name, err)))
		return def, false
	}
	return got, true
}

func (w view) duration(name string) spec.Duration {
	d, _ := unit(w, name, spec.ParseDuration)
	return d
}

// shortest is the shortest time in which something can happen: whoever writes
// less has taken the wrong unit.
const shortest = spec.Duration(time.Millisecond)

// period returns a duration in which something can happen.
func (w view) period(name string) spec.Duration {
	d, ok := unit(w, name, spec.ParseDuration)
	if !ok || d >= shortest {
		return d
	}
	attr, f := w.get(name)
	least := "longer than 0s"
	if d > 0 {
		least = "at least " + shortest.String()
	}
	w.d.report(mistake(CodeRange, attr.Expr.Range(), "Duration of nothing", fmt.Sprintf("%s must be %s.", name, least)))
	d, _ = f.value.(spec.Duration)
	return d
}

func (w view) size(name string) spec.Size {
	s, _ := unit(w, name, spec.ParseSize)
	return s
}

// room returns a size that something fits in.
func (w view) room(name string) spec.Size {
	s, ok := unit(w, name, spec.ParseSize)
	if ok && s == 0 {
		attr, f := w.get(name)
		w.d.report(mistake(CodeRange, attr.Expr.Range(), "Size of nothing", name+" must be more than 0B."))
		s, _ = f.value.(spec.Size)
	}
	return s
}

// share returns a percentage of at most 100.
func (w view) share(name string) spec.Share {
	s, ok := unit(w, name, spec.ParseShare)
	if ok && s > 1 {
		attr, f := w.get(name)
		w.d.report(mistake(CodeRange, attr.Expr.Range(), "Share out of range", name+` must be at most "100%".`))
		s, _ = f.value.(spec.Share)
	}
	return s
}
