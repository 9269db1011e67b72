package breaker

import (
	"encoding/json"
	"fmt"
	"time"
)

// Entry is what several engines have in common of one breaker: a text on a
// board that all of them read and write, one at a time.
type Entry struct {
	Version int64         // grows with each write
	Value   []byte        // what a Member wrote
	Age     time.Duration // since then, by the board's clock
}

// Member keeps a guard at one with those of other engines, through a board.
// Whoever owns it looks at the board whenever either of them has changed:
//
//	read the entry ─► Settle ─► write what it returned, if anything ─► Agreed
//
// with nobody else writing in between. It is for one goroutine.
//
// What is shared is whether the breaker is open, how long still, how often in
// a row, and the mode. Each engine counts its own calls and makes its own
// trial, and the first that succeeds closes it for all. Times are told as what
// is left of them, by the board's clock, so those of the machines do not matter.
//
// Where only one side has changed since they last agreed, that side is right.
// Where both have, as after a while without the board:
//
//   - open wins over closed, and of two that are open the one that stays so
//     longer;
//   - a mode that was set here wins over the one on the board, so of two
//     the later to come back.
//
// An engine that has just started has changed nothing: what the board says
// holds, and not what it remembers.
type Member struct {
	guard *Guard
	by    string
	known int64  // the version that was agreed on last
	base  common // what the guard was then
	mine  common // what Settle saw
}

// NewMember makes a member of a guard; by is who others see it to be.
func NewMember(g *Guard, by string) *Member {
	return &Member{guard: g, by: by, base: g.common()}
}

// common is what engines have in common, as one of them sees it. HalfOpen is
// Open whose time is over.
type common struct {
	Open   bool
	Until  time.Time // of open
	ByHand bool
	Opens  int
	Mode   Mode
	Reason string
	By     string
}

// same reports whether two are the same but for words.
func (c common) same(d common) bool {
	return c.Open == d.Open && c.Mode == d.Mode && c.Opens == d.Opens && (!c.Open || c.ByHand == d.ByHand && c.Until.Equal(d.Until))
}

// sharedValue is common as it stands on a board.
type sharedValue struct {
	Open   bool          `json:"open"`
	Left   time.Duration `json:"left_ns,omitempty"` // when it was written
	ByHand bool          `json:"by_hand,omitempty"`
	Opens  int           `json:"opens,omitempty"`
	Mode   Mode          `json:"mode"`
	Reason string        `json:"reason,omitempty"`
	By     string        `json:"by,omitempty"`
}

// Settle decides what becomes of an entry, nil where there is none yet, and
// returns what is to be written in its place, nil where it stays.
func (m *Member) Settle(e *Entry) ([]byte, error) {
	now := time.Now()
	m.mine = m.guard.common()
	if m.mine.By == "" {
		m.mine.By = m.by
	}
	mine := !m.mine.same(m.base)
	if e == nil {
		return m.mine.write(now), nil
	}
	theirs, err := readCommon(e, now)
	switch {
	case err != nil:
		return nil, err
	case !mine:
		return nil, nil
	case e.Version == m.known:
		return m.mine.write(now), nil
	}
	merged := merge(m.base, m.mine, theirs)
	if merged.same(theirs) {
		return nil, nil
	}
	return merged.write(now), nil
}

// Agreed takes the entry that is on the board now, and reports whether the
// guard has changed meanwhile, so that another look is due.
func (m *Member) Agreed(e Entry) (again bool, err error) {
	agreed, err := readCommon(&e, time.Now())
	if err != nil {
		return false, err
	}
	base, ok := m.guard.adopt(m.mine, agreed)
	if !ok {
		return true, nil
	}
	m.base, m.known = base, e.Version
	return false, nil
}

// merge settles a change here and one on the board, both since base.
func merge(base, mine, theirs common) common {
	out := theirs
	if mine.Open && (!theirs.Open || mine.Until.After(theirs.Until)) {
		out = mine
	}
	out.Opens = max(mine.Opens, theirs.Opens)
	out.Mode = theirs.Mode
	if mine.Mode != base.Mode {
		out.Mode = mine.Mode
	}
	return out
}

func (c common) write(now time.Time) []byte {
	v := sharedValue{Open: c.Open, ByHand: c.ByHand, Opens: c.Opens, Mode: c.Mode, Reason: c.Reason, By: c.By}
	if c.Open {
		v.Left = max(0, c.Until.Sub(now))
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // numbers and strings
	}
	return text
}

func readCommon(e *Entry, now time.Time) (common, error) {
	var v sharedValue
	if err := json.Unmarshal(e.Value, &v); err != nil {
		return common{}, fmt.Errorf("read what is shared of a circuit breaker: %w", err)
	}
	c := common{Open: v.Open, ByHand: v.ByHand, Opens: max(0, v.Opens), Mode: v.Mode, Reason: v.Reason, By: v.By}
	if c.Open {
		c.Until = now.Add(v.Left - max(0, e.Age))
	}
	return c, nil
}

// common looks at what engines have in common.
func (g *Guard) common() common {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.core.common()
}

func (c *core) common() common {
	s := common{Open: c.state() != Closed, Opens: c.opens, Mode: c.mode, Reason: c.reason, By: c.by}
	if s.Open {
		s.Until, s.ByHand = c.until, c.byHand
		if c.state() == HalfOpen {
			s.Reason = c.opening // that its time is over is no reason
		}
	}
	return s
}

// adopt goes over to what was agreed on, unless the guard is no longer what
// it was when that was decided. It returns what it is then.
func (g *Guard) adopt(was, agreed common) (common, bool) {
	now := time.Now()
	g.mu.Lock()
	defer g.unlock()
	if !g.core.common().same(was) {
		return common{}, false
	}
	g.core.adopt(now, agreed)
	return g.core.common(), true
}

// slack is by how much the end of an open time may differ without being
// another one: what it takes to tell it.
const slack = 250 * time.Millisecond

func (c *core) adopt(now time.Time, s common) {
	mine := len(c.changes)
	if c.mode != s.Mode {
		c.mode = s.Mode
		c.changed(now, "forced to "+s.Mode.String())
	}
	switch {
	case s.Open && (c.state() == Closed || c.until.Sub(s.Until).Abs() > slack):
		c.open(now, max(0, s.Until.Sub(now)), s.Reason)
		c.byHand = s.ByHand
	case !s.Open && c.state() != Closed:
		c.build(now)
		c.entered(now, s.Reason)
	}
	c.opens = s.Opens
	if len(c.changes) > mine {
		c.by = s.By
	}
	for i := range c.changes[mine:] {
		c.changes[mine+i].By = s.By
	}
}
