package store

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/syndicate/syndicate/engine/event"
)

// Bounds of single things.
const (
	maxText     = 4 << 10 // of a field of an event
	maxKey      = 1 << 10
	maxValue    = 4 << 20
	maxAllFacts = 8 << 20
)

// queue is all that is in memory: the facts, and what is not written yet.
type queue struct {
	life string

	mu     sync.Mutex
	closed bool
	seq    uint64        // the last one given
	events []event.Event // that wait, oldest first
	size   int           // of them
	since  time.Time     // when the first thing came that waits; zero: nothing does
	lost   loss

	facts    map[string][]byte
	factSize int
	loaded   bool                // the file's facts are among them
	dirty    map[string]struct{} // facts that the file does not hold like this
	reset    bool                // the file's facts are none of ours

	given    uint64        // calls that changed something
	written  uint64        // of these, how many are in the file
	attempts uint64        // to write
	failure  error         // of the last one
	failing  time.Time     // since when they do; zero: the last one did not
	changed  chan struct{} // closed after the next attempt
}

// loss is what was dropped before it could be written.
type loss struct {
	count    uint64
	seq      uint64 // of the last one
	from, to time.Time
}

func newQueue(life string) *queue {
	return &queue{
		life: life, facts: map[string][]byte{}, dirty: map[string]struct{}{}, changed: make(chan struct{}),
	}
}

// append takes an event, and returns it with its number and how many wait.
func (q *queue) append(ev event.Event) (event.Event, int) {
	if ev.Life == "" {
		ev.Life = q.life
	}
	if ev.Time.IsZero() {
		ev.Time = time.Now()
	}
	for _, text := range []*string{&ev.Life, &ev.Unit, &ev.UnitKind, &ev.From, &ev.To, &ev.Cause, &ev.Actor, &ev.Exit} {
		*text = clip(*text)
	}
	ev.Kind = event.Kind(clip(string(ev.Kind)))
	q.mu.Lock()
	defer q.mu.Unlock()
	q.seq++
	ev.Seq = q.seq
	if q.closed {
		return ev, 0
	}
	q.give()
	q.events = append(q.events, ev)
	q.size += size(ev)
	q.trim()
	return ev, len(q.events)
}

// clip cuts a text that is too long, and shows it.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	const mark = "…"
	n := maxText - len(mark)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + mark
}

// size is about what an event needs.
func size(ev event.Event) int {
	return 200 + len(ev.Life) + len(ev.Kind) + len(ev.Unit) + len(ev.UnitKind) + len(ev.From) + len(ev.To) +
		len(ev.Cause) + len(ev.Actor) + len(ev.Exit)
}

// trim drops the oldest events beyond the bounds. The caller holds mu.
func (q *queue) trim() {
	n := 0
	for len(q.events)-n > maxPending || q.size > maxPendingBytes {
		ev := q.events[n]
		if q.lost.count == 0 {
			q.lost.from = ev.Time
		}
		q.lost.count++
		q.lost.seq, q.lost.to = ev.Seq, ev.Time
		q.size -= size(ev)
		n++
	}
	if n > 0 {
		q.events = slices.Delete(q.events, 0, n)
	}
}

// event is what the journal says of a loss, in the place of the last of the
// lost ones.
func (l loss) event(life string, why error) event.Event {
	text := fmt.Sprintf("%d events between %s and %s are missing: the journal could not be written", l.count,
		l.from.UTC().Format(time.RFC3339), l.to.UTC().Format(time.RFC3339))
	if why != nil {
		text += ": " + why.Error()
	}
	return event.Event{Seq: l.seq, Time: l.to, Life: life, Kind: event.Engine, Cause: clip(text)}
}

func (q *queue) put(key string, value []byte) error {
	if len(key) > maxKey || len(value) > maxValue {
		return fmt.Errorf("%d bytes with a key of %d: at most %d and %d are kept", len(value), len(key), maxValue, maxKey)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	old, had := q.facts[key]
	if had && bytes.Equal(old, value) {
		return nil
	}
	total := q.factSize + len(key) + len(value)
	if had {
		total -= len(key) + len(old)
	}
	if total > maxAllFacts {
		return fmt.Errorf("all facts would have %d bytes: at most %d are kept", total, maxAllFacts)
	}
	q.facts[key] = append(make([]byte, 0, len(value)), value...)
	q.factSize = total
	q.touch(key)
	return nil
}

// delete reports whether there may have been one.
func (q *queue) delete(key string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	old, had := q.facts[key]
	if had {
		q.factSize -= len(key) + len(old)
		delete(q.facts, key)
	}
	if had = had || !q.loaded; had {
		q.touch(key)
	}
	return had
}

// touch marks a fact as unwritten. The caller holds mu.
func (q *queue) touch(key string) {
	if !q.closed {
		q.give()
		q.dirty[key] = struct{}{}
	}
}

// give counts one more thing that waits. The caller holds mu.
func (q *queue) give() {
	q.given++
	if q.since.IsZero() {
		q.since = time.Now()
	}
}

// waited is for how long the first thing has that is not written, and is not
// being written. It is zero where there is none.
func (q *queue) waited() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.since.IsZero() {
		return 0
	}
	return time.Since(q.since)
}

func (q *queue) get(key string) ([]byte, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	value, ok := q.facts[key]
	return bytes.Clone(value), ok
}

func (q *queue) list(prefix string) []Fact {
	q.mu.Lock()
	defer q.mu.Unlock()
	var found []Fact
	for key, value := range q.facts {
		if strings.HasPrefix(key, prefix) {
			found = append(found, Fact{key, bytes.Clone(value)})
		}
	}
	slices.SortFunc(found, func(a, b Fact) int { return strings.Compare(a.Key, b.Key) })
	return found
}

// waiting returns the events that are not written.
func (q *queue) waiting() []event.Event {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.withLoss()
}

// withLoss returns the events that wait, behind what is to say of the lost
// ones. The caller holds mu.
func (q *queue) withLoss() []event.Event {
	if q.lost.count == 0 {
		return slices.Clone(q.events)
	}
	return append([]event.Event{q.lost.event(q.life, q.failure)}, q.events...)
}

// batch is what is written in one transaction.
type batch struct {
	events []event.Event
	facts  map[string][]byte // nil: deleted
	reset  bool              // all facts before are deleted
	given  uint64
	dirty  map[string]struct{}
	taken  []event.Event
	lost   loss
}

// empty reports whether there is nothing to write.
func (b *batch) empty() bool { return len(b.events) == 0 && len(b.facts) == 0 && !b.reset }

// take hands out everything that waits. What becomes of it must be told with
// done or back before the next take.
func (q *queue) take() *batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	b := &batch{
		events: q.withLoss(), taken: q.events, lost: q.lost,
		facts: map[string][]byte{}, dirty: q.dirty, reset: q.reset, given: q.given,
	}
	for key := range q.dirty {
		b.facts[key] = q.facts[key]
	}
	q.events, q.size, q.lost, q.since = nil, 0, loss{}, time.Time{}
	q.dirty, q.reset = map[string]struct{}{}, false
	return b
}

// done says that a batch is in the file.
func (q *queue) done(b *batch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.written = b.given
}

// back says that it is not.
func (q *queue) back(b *batch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	later, laterLost := q.events, q.lost
	q.events, q.lost, q.size = append(b.taken, later...), b.lost, 0
	if laterLost.count > 0 {
		// Even what came during the attempt was too much: then nothing of
		// what was before it can be kept.
		q.lose(b.taken, laterLost)
		q.events = later
	}
	for _, ev := range q.events {
		q.size += size(ev)
	}
	maps.Copy(q.dirty, b.dirty)
	q.reset = q.reset || b.reset
	q.trim()
}

// lose counts events, and a loss after them. The caller holds mu.
func (q *queue) lose(events []event.Event, after loss) {
	if q.lost.count == 0 {
		q.lost.from = after.from
		if len(events) > 0 {
			q.lost.from = events[0].Time
		}
	}
	q.lost.count += uint64(len(events)) + after.count
	q.lost.seq, q.lost.to = after.seq, after.to
}

// attempted tells all who wait how an attempt to write ended.
func (q *queue) attempted(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.attempts++
	q.failure = err
	switch {
	case err == nil:
		q.failing = time.Time{}
	case q.failing.IsZero():
		q.failing = time.Now()
	}
	close(q.changed)
	q.changed = make(chan struct{})
}

// trouble says since when nothing can be written, and why; a nil error is that
// it can.
func (q *queue) trouble() (since time.Time, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.failing, q.failure
}

// waiter waits until what was given before is written.
type waiter struct {
	queue           *queue
	given, attempts uint64
}

func (q *queue) waiter() waiter {
	q.mu.Lock()
	defer q.mu.Unlock()
	return waiter{q, q.given, q.attempts}
}

// look reports whether it is, why the last attempt since has failed, or where
// to wait for the next one.
func (w waiter) look() (done bool, next <-chan struct{}, err error) {
	q := w.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.written >= w.given:
		return true, nil, nil
	case q.attempts > w.attempts && q.failure != nil:
		return false, nil, q.failure
	}
	return false, q.changed, nil
}

// pending reports whether anything waits.
func (q *queue) pending() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.written < q.given || q.reset
}

// close takes nothing more, and reports whether this was the first call.
func (q *queue) close() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	was := q.closed
	q.closed = true
	return !was
}

// remainder returns how much could not be written, and why.
func (q *queue) remainder() (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.events) + len(q.dirty)
	if n == 0 {
		return 0, nil
	}
	if q.failure == nil {
		return n, errors.New("it is unknown why")
	}
	return n, q.failure
}

// adopt takes over what a file holds. Facts that were put or deleted
// meanwhile are newer than the file's.
func (q *queue) adopt(facts []Fact) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.loaded = true
	for _, f := range facts {
		_, newer := q.dirty[f.Key]
		if total := q.factSize + len(f.Key) + len(f.Value); !newer && total <= maxAllFacts {
			q.facts[f.Key], q.factSize = f.Value, total
		}
	}
}

// follow numbers the events that wait behind the last one of a file.
func (q *queue) follow(last uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	first := q.seq + 1
	if len(q.events) > 0 {
		first = q.events[0].Seq
	}
	if q.lost.count > 0 {
		first = q.lost.seq
	}
	if first > last {
		return
	}
	by := last + 1 - first
	for i := range q.events {
		q.events[i].Seq += by
	}
	q.lost.seq += by
	q.seq += by
}

// rewrite makes all facts unwritten, since the file is another one.
func (q *queue) rewrite() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for key := range q.facts {
		q.dirty[key] = struct{}{}
	}
	q.reset = true
	q.give()
}
