package spec

import (
	"cmp"
	"fmt"
	"strings"
)

// Kind is the type of a block that has an address.
type Kind string

// The kinds of blocks, and the two built-in objects.
const (
	KindService   Kind = "service"
	KindDatabase  Kind = "database"
	KindTask      Kind = "task"
	KindBreaker   Kind = "breaker"
	KindQueue     Kind = "queue"
	KindThreshold Kind = "threshold"
	KindBoundary  Kind = "boundary"
	KindNotify    Kind = "notify"
	KindHost      Kind = "host"
	KindSystem    Kind = "system"
)

// Kinds lists the kinds of blocks that a user declares, in the order of the
// reference.
var Kinds = []Kind{
	KindService, KindTask, KindDatabase, KindBreaker, KindQueue,
	KindThreshold, KindBoundary, KindNotify,
}

// Addr names one block, or with a Key one instance of a block that has
// for_each. It is comparable. The zero Addr names nothing.
type Addr struct {
	Kind Kind
	Name string
	Key  string // the for_each key, empty without
}

// String returns the form that HCL uses: service.api, service.worker["a"].
func (a Addr) String() string {
	if a.Key != "" {
		return fmt.Sprintf("%s.%s[%q]", a.Kind, a.Name, a.Key)
	}
	if a.Name == "" {
		return string(a.Kind)
	}
	return string(a.Kind) + "." + a.Name
}

// MarshalText writes the address as String does.
func (a Addr) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (a *Addr) UnmarshalText(text []byte) error {
	got, err := ParseAddr(string(text))
	if err == nil {
		*a = got
	}
	return err
}

// Block returns the address without its key.
func (a Addr) Block() Addr { a.Key = ""; return a }

// File returns what files and directories of a block are called by: api,
// worker.a. It is unique among the blocks of a kind, and a name everywhere.
func (a Addr) File() string {
	if a.Key == "" {
		return a.Name
	}
	return a.Name + "." + a.Key
}

// IsZero reports whether a names nothing.
func (a Addr) IsZero() bool { return a == Addr{} }

// Compare orders addresses by kind, name and key.
func (a Addr) Compare(b Addr) int {
	return cmp.Or(
		strings.Compare(string(a.Kind), string(b.Kind)),
		strings.Compare(a.Name, b.Name),
		strings.Compare(a.Key, b.Key))
}

// ParseAddr reads an address as people type it: service.api,
// service.worker["a"], service.worker[a], and, with an empty Kind in the
// result, api and worker[a]. It does not check that the block exists.
func ParseAddr(s string) (Addr, error) {
	bad := func(why string) (Addr, error) {
		return Addr{}, fmt.Errorf("address %q: %s", s, why)
	}
	rest, key, hasKey := strings.Cut(s, "[")
	var a Addr
	if hasKey {
		inner, ok := strings.CutSuffix(key, "]")
		if !ok {
			return bad(`the key is not closed by "]"`)
		}
		if len(inner) >= 2 && inner[0] == '"' && inner[len(inner)-1] == '"' {
			inner = inner[1 : len(inner)-1]
		}
		if !ValidKey(inner) {
			return bad("a key has 1 to 63 letters, digits and _ . -")
		}
		a.Key = inner
	}
	if kind, name, ok := strings.Cut(rest, "."); ok {
		a.Kind, a.Name = Kind(kind), name
	} else {
		a.Name = rest
	}
	if !ValidName(a.Name) {
		return bad("expected KIND.NAME, such as service.api")
	}
	return a, nil
}

// ValidName reports whether s may be a block's label:
// [A-Za-z_][A-Za-z0-9_-]{0,62}.
func ValidName(s string) bool {
	if s == "" || len(s) > 63 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '_', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case i > 0 && (c == '-' || '0' <= c && c <= '9'):
		default:
			return false
		}
	}
	return true
}

// ValidKey reports whether s may be a for_each key: [A-Za-z0-9_.-]{1,63}.
func ValidKey(s string) bool {
	if s == "" || len(s) > 63 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '_', c == '.', c == '-', '0' <= c && c <= '9',
			'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		default:
			return false
		}
	}
	return true
}
