package breaker

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// board is what engines share, with no database around it.
type board struct{ entry *Entry }

// look has a member settle with the board, and reports whether it wrote.
func (b *board) look(t testing.TB, m *Member, written time.Time) bool {
	t.Helper()
	for {
		if b.entry != nil {
			b.entry.Age = time.Since(written)
		}
		value, err := m.Settle(b.entry)
		if err != nil {
			t.Fatal(err)
		}
		if value != nil {
			version := int64(1)
			if b.entry != nil {
				version = b.entry.Version + 1
			}
			b.entry = &Entry{Version: version, Value: value}
		}
		again, err := m.Agreed(*b.entry)
		if err != nil {
			t.Fatal(err)
		}
		if !again {
			return value != nil
		}
	}
}

// isOpen reports whether a breaker is, and for how long matters.
func (c common) isOpen() bool { return c.Open && time.Until(c.Until) > slack }

// sharedStep is one thing that happens to one of the engines.
type sharedStep struct {
	what   string
	engine int
	number int
}

// TestSharedModel has engines live through anything, each with or without
// the board, and has them agree once all of them are back.
func TestSharedModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		count := rapid.IntRange(2, 4).Draw(rt, "engines")
		var steps []sharedStep
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			steps = append(steps, sharedStep{
				rapid.SampledFrom([]string{"fail", "succeed", "trip", "reset", "force", "wait", "away", "back", "look"}).Draw(rt, "what"),
				rapid.IntRange(0, count-1).Draw(rt, "engine"), rapid.IntRange(1, 30).Draw(rt, "number"),
			})
		}
		problem := ""
		synctest.Test(t, func(t *testing.T) { problem = liveShared(t, count, steps) })
		if problem != "" {
			rt.Fatal(problem)
		}
	})
}

// liveShared returns what went wrong.
func liveShared(t *testing.T, count int, steps []sharedStep) string {
	var (
		b       board
		written time.Time
		guards  []*Guard
		members []*Member
		away    = make([]bool, count)
	)
	for range count {
		g := newGuard(t, Config{Rule: Rule{Failures: 1}, ResetTimeout: 10 * time.Second, Jitter: -1})
		guards, members = append(guards, g), append(members, NewMember(g, "somebody"))
	}
	look := func(i int) bool {
		wrote := b.look(t, members[i], written)
		if wrote {
			written = time.Now()
		}
		return wrote
	}
	// settle has everybody who is there look until nobody writes, and tells
	// where they do not agree then.
	settle := func() string {
		for round, wrote := 0, true; wrote; round++ {
			if round > count {
				return "they go on writing"
			}
			wrote = false
			for i := range guards {
				wrote = !away[i] && look(i) || wrote
			}
		}
		var first *common
		for i, g := range guards {
			c := g.common()
			over := c.Open && time.Until(c.Until) <= 0
			switch {
			case away[i]:
			case first == nil:
				first = &c
			case over && first.Open && time.Until(first.Until) <= 0 && c.Mode == first.Mode:
			case c.Open != first.Open || c.Mode != first.Mode || c.Opens != first.Opens || c.Open && c.Until.Sub(first.Until).Abs() > slack:
				return fmt.Sprintf("engine %d has %+v, another one %+v", i, c, *first)
			}
		}
		return ""
	}
	for _, s := range steps {
		g, problem := guards[s.engine], ""
		switch s.what {
		case "fail":
			if p, err := g.Permit(); err == nil {
				p.Failure(Evidence{})
			}
		case "succeed":
			if p, err := g.Permit(); err == nil {
				p.Success()
			}
		case "trip":
			g.Trip(time.Duration(s.number)*time.Second, "me")
		case "reset":
			g.Reset("me")
		case "force":
			g.Force(Mode(s.number%len(modeNames)), "me")
		case "wait":
			time.Sleep(time.Duration(s.number) * time.Second)
		case "away":
			away[s.engine] = true
		case "back":
			away[s.engine] = false
			problem = settle()
		case "look":
			if !away[s.engine] {
				look(s.engine)
			}
		}
		if problem != "" {
			return problem
		}
	}
	open := func(g *Guard) bool { return g.common().isOpen() }
	before := slices.ContainsFunc(guards, open)
	if b.entry != nil { // it holds for who has not looked since
		b.entry.Age = time.Since(written)
		theirs, err := readCommon(b.entry, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		before = before || theirs.isOpen()
	}
	clear(away)
	if problem := settle(); problem != "" {
		return problem
	}
	if open(guards[0]) && !before {
		return "nobody was open, and all are"
	}
	return ""
}

func TestSharedTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []Change
		a, other := newGuard(t, Config{Rule: Rule{Failures: 2}, Jitter: -1}), newGuard(t, Config{Jitter: -1, OnChange: func(c Change) { told = append(told, c) }})
		ma, mb := NewMember(a, "engine a"), NewMember(other, "engine b")
		var b board
		b.look(t, ma, time.Now())
		b.look(t, mb, time.Now())
		if len(told) != 0 {
			t.Errorf("agreeing on nothing is told: %v", told)
		}
		fail(t, a, 2)
		at := time.Now()
		b.look(t, ma, at)
		time.Sleep(time.Second) // it takes a second to come
		b.look(t, mb, at)
		in(t, other, Open)
		if got := time.Until(other.Snapshot().Until); got != 29*time.Second {
			t.Errorf("it stays open for %v more", got)
		}
		if len(told) != 1 || told[0].By != "engine a" || !strings.HasPrefix(told[0].Reason, "2 failures in a row, the last: 503") {
			t.Errorf("told %+v", told)
		}
		// The board need not say it twice.
		if b.look(t, mb, at) || len(told) != 1 {
			t.Error("what was known is told again")
		}

		// Each makes its own trial, and the first success is everybody's.
		time.Sleep(29 * time.Second)
		allowed(t, a)
		allowed(t, other).Success()
		b.look(t, mb, time.Now())
		b.look(t, ma, time.Now())
		in(t, a, Closed)

		// One that begins goes by the board, not by what it remembers.
		late := newGuard(t, Config{})
		late.Restore(Record{State: Open, Since: time.Now(), Until: time.Now().Add(time.Minute), Mode: ForcedOpen})
		b.look(t, NewMember(late, "engine c"), time.Now())
		in(t, late, Closed)
		if m := late.Snapshot().Mode; m != Auto {
			t.Errorf("its mode is %v", m)
		}
	})
}

// Both have changed while they were apart: open wins, and so does the mode
// of the one that comes back.
func TestSharedAfterBeingApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, c := newGuard(t, Config{}), newGuard(t, Config{})
		ma, mc := NewMember(a, "a"), NewMember(c, "c")
		var b board
		b.look(t, ma, time.Now())
		b.look(t, mc, time.Now())
		a.Trip(time.Hour, "somebody")
		b.look(t, ma, time.Now())
		c.Trip(time.Minute, "another one") // and knows nothing of it
		c.Force(Observe, "another one")
		b.look(t, mc, time.Now())
		b.look(t, ma, time.Now())
		for _, g := range []*Guard{a, c} {
			if s := g.Snapshot(); s.State != Open || time.Until(s.Until) < 59*time.Minute || s.Mode != Observe {
				t.Errorf("it is %v until %v, %v", s.State, time.Until(s.Until), s.Mode)
			}
		}
	})
}
