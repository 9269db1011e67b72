package gateway

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/syndicate/syndicate/engine/metric"
)

// series counts the statements of one fingerprint.
type series struct {
	text   string
	calls  atomic.Uint64
	errors atomic.Uint64
	nanos  atomic.Int64 // in sum
	seen   atomic.Int64 // when it was asked last, in seconds since 1970
	gone   atomic.Bool  // its place was taken: the others count for it
}

// maxStatements bounds the fingerprints that are told apart.
const maxStatements = 200

// keepStatement is how long a fingerprint keeps its place after it was seen
// last, in seconds.
const keepStatement = 600

// OtherStatements is the text of what is counted together: statements that
// came when there was no place, and those that have lost theirs.
const OtherStatements = "(other)"

// statements are the fingerprints that are told apart. It is safe for
// concurrent use.
type statements struct {
	mu      sync.Mutex
	known   map[string]*series // guarded by mu
	scratch []byte             // guarded by mu
	other   series
	now     func() time.Time
}

func newStatements() *statements {
	s := &statements{known: map[string]*series{}, now: time.Now}
	s.other.text = OtherStatements
	return s
}

// find returns the series of a statement. It keeps nothing of sql.
func (s *statements) find(sql []byte, escapes bool) *series {
	now := s.now().Unix()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scratch = normalize(s.scratch[:0], sql, escapes)
	found := s.known[string(s.scratch)]
	if found == nil {
		if len(s.known) >= maxStatements && !s.makeRoom(now) {
			return &s.other
		}
		found = &series{text: string(s.scratch)}
		s.known[found.text] = found
	}
	found.seen.Store(now)
	return found
}

// makeRoom gives up the fingerprint that was not seen for longest, if that is
// long enough. What it counted goes to the others, so that no sum ever falls.
// The caller holds mu.
func (s *statements) makeRoom(now int64) bool {
	var oldest *series
	for _, x := range s.known {
		if oldest == nil || x.seen.Load() < oldest.seen.Load() {
			oldest = x
		}
	}
	if now-oldest.seen.Load() < keepStatement {
		return false
	}
	delete(s.known, oldest.text)
	oldest.gone.Store(true)
	s.other.calls.Add(oldest.calls.Swap(0))
	s.other.errors.Add(oldest.errors.Swap(0))
	s.other.nanos.Add(oldest.nanos.Swap(0))
	return true
}

// of is the series that counts now; nil is a statement that is not known.
func (s *statements) of(x *series) *series {
	if x == nil || x.gone.Load() {
		return &s.other
	}
	return x
}

// list returns them in order of their texts, the others last.
func (s *statements) list() []metric.Statement {
	s.mu.Lock()
	all := make([]*series, 0, len(s.known)+1)
	for _, x := range s.known {
		all = append(all, x)
	}
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b *series) int { return strings.Compare(a.text, b.text) })
	var list []metric.Statement
	for _, x := range append(all, &s.other) {
		if n := x.calls.Load(); n > 0 || x.errors.Load() > 0 {
			list = append(list, metric.Statement{Text: x.text, Calls: n, Errors: x.errors.Load(), Total: time.Duration(x.nanos.Load())})
		}
	}
	return list
}
