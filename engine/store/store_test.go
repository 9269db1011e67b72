package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/syndicate/syndicate/engine/event"
	"github.com/syndicate/syndicate/engine/store"
)

func TestEventsAndFactsOutliveTheStore(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	at := time.Date(2026, 11, 23, 12, 0, 0, 5, time.UTC)
	first := s.Append(event.Event{Time: at, Kind: event.Command, Unit: "service.api", To: "stop", Actor: "root", Life: "other"})
	second := s.Append(event.Event{Kind: event.Engine, Cause: "it ends"})
	if err := s.Put("hold/service.api", []byte("root")); err != nil {
		t.Fatal(err)
	}
	if err := s.Put("gone", []byte("x")); err != nil {
		t.Fatal(err)
	}
	s.Delete("gone")
	if first.Seq != 1 || first.Life != "other" || second.Seq != 2 || second.Life != "life" || second.Time.IsZero() {
		t.Errorf("appended %+v and %+v", first, second)
	}
	second.Time = second.Time.UTC().Round(0)
	before := all(t, s) // not written yet, as it may be
	closeStore(t, s)

	s, log := open(t, dir)
	after := all(t, s)
	if diff := cmp.Diff([]event.Event{first, second}, after); diff != "" {
		t.Error(diff)
	}
	before[1].Time = before[1].Time.UTC().Round(0)
	if diff := cmp.Diff(after, before); diff != "" {
		t.Errorf("before they were written they were others: %s", diff)
	}
	if v, ok := s.Get("hold/service.api"); !ok || string(v) != "root" {
		t.Errorf("fact %q %t", v, ok)
	}
	if _, ok := s.Get("gone"); ok {
		t.Error("a deleted fact came back")
	}
	if third := s.Append(event.Event{Kind: event.Engine}); third.Seq != 3 {
		t.Errorf("the next number is %d", third.Seq)
	}
	if log.String() != "" {
		t.Errorf("it warned: %s", log)
	}
	for _, name := range files(t, dir) {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
}

func files(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestQuery(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var events []event.Event
	for i := range 700 {
		ev := transition(i)
		ev.Time = begin.Add(time.Duration(i) * time.Second)
		events = append(events, s.Append(ev))
		if i == 300 || i == 310 {
			flush(t, s) // the rest is one batch of several rows
		}
	}
	tests := []struct {
		name string
		q    store.Query
		want []event.Event
	}{
		{"all", store.Query{}, events},
		{"after", store.Query{After: 305}, events[305:]},
		{"after the last", store.Query{After: 700}, nil},
		{"after what will never be", store.Query{After: 1 << 63}, nil},
		{"since", store.Query{Since: begin.Add(650 * time.Second)}, events[650:]},
		{"since the future", store.Query{Since: begin.Add(time.Hour)}, nil},
		{"tail", store.Query{Tail: 400}, events[300:]},
		{"tail of more than there is", store.Query{Tail: 4000}, events},
		{"limit", store.Query{Limit: 306}, events[:306]},
		{"a page", store.Query{After: 301, Limit: 4}, events[301:305]},
		{"units", store.Query{Units: []string{"service.s0", "service.s3"}, Limit: 3}, []event.Event{events[0], events[3], events[7]}},
		{"tail of units", store.Query{Units: []string{"service.s1"}, Tail: 1}, events[694:695]},
		{"no such unit", store.Query{Units: []string{"service.s1' OR 1"}}, nil},
	}
	for _, written := range []bool{false, true} {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s, written %t", tt.name, written), func(t *testing.T) {
				got := query(t, s, tt.q)
				if diff := cmp.Diff(numbers(tt.want), numbers(got)); diff != "" {
					t.Error(diff)
				}
			})
		}
		flush(t, s)
	}
}

func TestReader(t *testing.T) {
	dir := t.TempDir()
	if _, err := store.OpenReader(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a store: %v", err)
	}
	s, _ := open(t, dir)
	for i := range 10 {
		s.Append(transition(i))
	}
	if err := s.Put("a", []byte("1")); err != nil {
		t.Fatal(err)
	}
	flush(t, s)
	r, err := store.OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	check := func(t *testing.T) {
		t.Helper()
		before := files(t, dir)
		found, err := r.Events(t.Context(), store.Query{})
		if err != nil || len(found) != 10 {
			t.Errorf("read %d events: %v", len(found), err)
		}
		facts, err := r.List(t.Context(), "")
		if diff := cmp.Diff([]store.Fact{{Key: "a", Value: []byte("1")}}, facts); diff != "" || err != nil {
			t.Error(err, diff)
		}
		if diff := cmp.Diff(before, files(t, dir)); diff != "" {
			t.Errorf("reading left files: %s", diff)
		}
	}
	t.Run("while it is open", check)
	closeStore(t, s)
	t.Run("after it was closed", func(t *testing.T) {
		if got := files(t, dir); !slices.Equal(got, []string{"state.db"}) {
			t.Errorf("closed, it left %v", got)
		}
		check(t)
	})
}

func TestFollow(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	s.Append(transition(1))
	s.Append(transition(2))
	flush(t, s)
	r, err := store.OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	var seen []uint64
	err = r.Follow(t.Context(), store.Query{Tail: 1}, func(events []event.Event) error {
		seen = append(seen, numbers(events)...)
		switch len(seen) {
		case 1:
			s.Append(transition(3))
		case 2:
			closeStore(t, s)
			s, _ = open(t, dir)
			s.Append(transition(4))
		case 3:
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]uint64{2, 3, 4}, seen); diff != "" {
		t.Error(diff)
	}
}

func TestOpenRefuses(t *testing.T) {
	log := &record{}
	for name, c := range map[string]store.Config{
		"a relative path": {Dir: "x", Logger: log.logger()},
		"no logger":       {Dir: t.TempDir()},
	} {
		if _, err := store.Open(c); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestFactsAreBounded(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	large := make([]byte, 4<<20)
	quarter := large[:1<<20]
	if err := s.Put("k", append(large, 0)); err == nil {
		t.Error("a value that is too large was taken")
	}
	if err := s.Put(strings.Repeat("k", 2000), nil); err == nil {
		t.Error("a key that is too large was taken")
	}
	var err error
	n := 0
	for ; err == nil; n++ {
		err = s.Put(fmt.Sprint(n), quarter)
	}
	if n != 8 {
		t.Errorf("%d facts were taken", n-1)
	}
	if err := s.Put("0", []byte("small")); err != nil {
		t.Errorf("a smaller value in place of a large one: %v", err)
	}
	if err := s.Put("new", large[:1<<19]); err != nil {
		t.Errorf("there is room again: %v", err)
	}
	if err := s.Put("empty", nil); err != nil {
		t.Error(err)
	}
	closeStore(t, s)
	s, _ = open(t, dir)
	if v, ok := s.Get("empty"); !ok || len(v) != 0 {
		t.Errorf("an empty fact is %v %t", v, ok)
	}
	if got := len(s.List("")); got != n+1 {
		t.Errorf("%d facts of %d came back", got, n+1)
	}
}

func TestLongTextsAreCut(t *testing.T) {
	s, _ := open(t, t.TempDir())
	ev := s.Append(event.Event{Kind: event.Engine, Cause: strings.Repeat("ä", 5000)})
	if len(ev.Cause) > 4096 || !strings.HasSuffix(ev.Cause, "ä…") {
		t.Errorf("%d bytes that end with %q", len(ev.Cause), ev.Cause[len(ev.Cause)-8:])
	}
	s.Append(event.Event{Kind: event.Engine, Cause: "\xff\n\"\x00", Time: time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)})
	s.Append(event.Event{Kind: event.Engine, Cause: "\xff\n\"\x00"})
	flush(t, s)
	got := all(t, s)
	if len(got) != 3 || !strings.Contains(got[1].Cause, "cannot be written") || got[2].Cause != "\ufffd\n\"\x00" {
		t.Errorf("%+v", got)
	}
}

// TestFactsModel compares a store with a map: whatever is put, deleted and
// flushed, closed and opened again, both hold the same.
// A fact that was so already wakes the writer for nothing: the next one is
// written all the same, long before the store is closed.
func TestAnUnchangedFactDoesNotHoldUpTheNext(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	written := func(value string) {
		t.Helper()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(30 * time.Second); ; <-tick.C {
			r, err := store.OpenReader(dir)
			if err == nil {
				facts, err := r.List(t.Context(), "key")
				if err == nil && len(facts) == 1 && string(facts[0].Value) == value {
					return
				}
			}
			if time.Now().After(deadline) {
				t.Fatalf("%q is not in the file", value)
			}
		}
	}
	for _, value := range []string{"one", "two"} {
		if err := s.Put("key", []byte(value)); err != nil {
			t.Fatal(err)
		}
		written(value)
		if err := s.Put("key", []byte(value)); err != nil {
			t.Fatal(err)
		}
		<-time.After(100 * time.Millisecond) // twice as long as it gathers
	}
	closeStore(t, s)
}

func TestFactsModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		s, _ := open(t, dir)
		model := map[string]string{}
		key := rapid.SampledFrom([]string{"", "a", "a/b", "a/c", "ä", "%", "b"})
		rt.Repeat(map[string]func(*rapid.T){
			"put": func(rt *rapid.T) {
				k, v := key.Draw(rt, "key"), rapid.String().Draw(rt, "value")
				if err := s.Put(k, []byte(v)); err != nil {
					rt.Fatal(err)
				}
				model[k] = v
			},
			"delete": func(rt *rapid.T) {
				k := key.Draw(rt, "key")
				s.Delete(k)
				delete(model, k)
			},
			"flush": func(*rapid.T) { flush(t, s) },
			"reopen": func(rt *rapid.T) {
				if rapid.IntRange(0, 3).Draw(rt, "really") > 0 {
					return // most of the time would go into opening
				}
				closeStore(t, s)
				s, _ = open(t, dir)
			},
			"": func(rt *rapid.T) {
				prefix := rapid.SampledFrom([]string{"", "a/", "z", "%"}).Draw(rt, "prefix")
				n := 0
				for k, v := range model {
					if strings.HasPrefix(k, prefix) {
						n++
					}
					if got, ok := s.Get(k); !ok || !bytes.Equal(got, []byte(v)) {
						rt.Fatalf("%q is %q %t, not %q", k, got, ok, v)
					}
				}
				found := s.List(prefix)
				if len(found) != n || !slices.IsSortedFunc(found, func(a, b store.Fact) int { return strings.Compare(a.Key, b.Key) }) {
					rt.Fatalf("below %q there are %v, not %d", prefix, found, n)
				}
			},
		})
		closeStore(t, s)
	})
}

// TestJournalModel writes bursts into small journals: what is there is always
// the newest, without a gap, at least the bound and not much more.
func TestJournalModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		most := rapid.IntRange(1, 400).Draw(rt, "events")
		config := store.Config{Dir: dir, MaxEvents: most}
		s, _ := openWith(t, config)
		last := uint64(0)
		for range rapid.IntRange(1, 4).Draw(rt, "bursts") {
			burst := rapid.IntRange(1, 300).Draw(rt, "burst")
			for i := range burst {
				last = s.Append(transition(i)).Seq
			}
			flush(t, s)
			if rapid.Bool().Draw(rt, "reopen") {
				closeStore(t, s)
				s, _ = openWith(t, config)
			}
			got := numbers(all(t, s))
			// A row stays until all in it may go, and bursts go in behind.
			if least, room := min(int(last), most), most+most/16+2*300; len(got) < least || len(got) > room {
				rt.Fatalf("%d events are kept: %d to %d are expected", len(got), least, room)
			}
			for i, seq := range got {
				if seq != last-uint64(len(got)-1-i) {
					rt.Fatalf("the journal of %d events holds %v", last, got)
				}
			}
		}
		closeStore(t, s)
	})
}

func TestJournalBytesAreBounded(t *testing.T) {
	dir := t.TempDir()
	const most = 1 << 20
	s, _ := openWith(t, store.Config{Dir: dir, MaxBytes: most})
	for i := range 4000 {
		ev := transition(i)
		ev.Cause = strings.Repeat("x", 1000)
		s.Append(ev)
		if i%100 == 0 {
			flush(t, s)
		}
	}
	flush(t, s)
	if got := numbers(all(t, s)); len(got) < 400 || got[len(got)-1] != 4000 {
		t.Errorf("%d events are left, the last of them %d", len(got), got[len(got)-1])
	}
	closeStore(t, s)
	info, err := os.Stat(filepath.Join(dir, "state.db"))
	if err != nil || info.Size() > most+most/2 {
		t.Errorf("the file has %d bytes, %v", info.Size(), err)
	}
}
