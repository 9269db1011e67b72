package spec

import (
	"fmt"
	"log/slog"
)

// Hidden is what every sensitive value prints as.
const Hidden = "(sensitive value)"

// Text is a string that may be sensitive. Printing, formatting and
// marshalling a sensitive Text in any way gives [Hidden]; only Reveal gives
// its content.
type Text struct {
	s         string
	sensitive bool
}

// Plain returns a Text that may be shown.
func Plain(s string) Text { return Text{s: s} }

// Sensitive returns a Text that must not be shown.
func Sensitive(s string) Text { return Text{s: s, sensitive: true} }

// Reveal returns the content, sensitive or not.
func (t Text) Reveal() string { return t.s }

// IsSensitive reports whether t must not be shown.
func (t Text) IsSensitive() bool { return t.sensitive }

func (t Text) String() string {
	if t.sensitive {
		return Hidden
	}
	return t.s
}

// GoString keeps %#v from showing a sensitive value.
func (t Text) GoString() string { return fmt.Sprintf("%q", t.String()) }

// LogValue keeps slog from showing a sensitive value.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText keeps encoders from showing a sensitive value.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Ref is an attribute of another block that a value is made of.
type Ref struct {
	Addr      Addr
	Attribute string // url, port, …
	Range     Range  // where it is written
}

// Lookup gives the value of an attribute once it exists: a string, an int, a
// map[string]int (ports) or a Text. Expr.Resolve calls it.
type Lookup func(addr Addr, attribute string) (any, error)

// Expr is a value that may be known only later, because it takes an
// attribute that exists only once something runs.
type Expr[T any] struct {
	value  T
	known  bool
	source string
	rng    Range
	refs   []Ref
	later  func(Lookup) (T, error)
}

// Known returns an Expr whose value is known while planning.
func Known[T any](v T) Expr[T] { return Expr[T]{value: v, known: true} }

// KnownAt is Known with the place and the references of the value.
func KnownAt[T any](v T, at Range, refs []Ref) Expr[T] {
	return Expr[T]{value: v, known: true, rng: at, refs: refs}
}

// Later returns an Expr that eval computes once the references exist. source
// is the expression as written: it stands for the value in a digest.
func Later[T any](source string, at Range, refs []Ref, eval func(Lookup) (T, error)) Expr[T] {
	return Expr[T]{source: source, rng: at, refs: refs, later: eval}
}

// IsSet reports whether the expression was written at all.
func (e Expr[T]) IsSet() bool { return e.known || e.later != nil }

// Value returns the value and whether it is known while planning.
func (e Expr[T]) Value() (T, bool) { return e.value, e.known }

// Range returns where the expression is written.
func (e Expr[T]) Range() Range { return e.rng }

// Refs returns the attributes that the value is made of, in source order.
func (e Expr[T]) Refs() []Ref { return e.refs }

// Source returns the text of an expression that is known only later.
func (e Expr[T]) Source() string { return e.source }

// Resolve returns the value, asking lookup for what was unknown. Its error
// names the place and never contains a sensitive value.
func (e Expr[T]) Resolve(lookup Lookup) (T, error) {
	if e.known || e.later == nil {
		return e.value, nil
	}
	v, err := e.later(lookup)
	if err != nil && !e.rng.IsZero() {
		err = fmt.Errorf("%s: %w", e.rng, err)
	}
	return v, err
}

// String returns the value where it is known, else "(known after start)".
func (e Expr[T]) String() string {
	if e.known {
		return fmt.Sprint(e.value)
	}
	return "(known after start)"
}
