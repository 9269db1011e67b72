package engine

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/syndicate/syndicate/engine/log"
)

// What a Notice is about.
const (
	NoticeJournal = "journal"
	NoticeLogs    = "logs"
)

// Notice tells of something that the engine cannot write. What runs is not
// harmed by it, and it ends by itself once there is room again.
type Notice struct {
	What    string
	Units   []string // whose logs, in order
	Since   time.Time
	Cause   string
	Stalled bool // the disk does not answer: what has more to write waits
}

// unwritten are the logs that cannot be written, by the reason. Its zero value
// is ready. It is safe for concurrent use.
type unwritten struct {
	mu     sync.Mutex
	spells map[reason]*spell
}

// reason is why logs cannot be written. All on one disk have the same.
type reason struct {
	cause   string
	stalled bool // the disk does not answer; else lines are lost
}

// spell is the time for which a reason holds.
type spell struct {
	since map[string]time.Time // of the units that it holds for
	units map[string]bool      // all that it has held for
	first time.Time            // it held for one
	lost  log.LossError        // by those for which it is over
}

// note takes what the log of a unit reports. It returns what a person is to be
// told: a reason when it begins, and its end for all of them together.
func (w *unwritten) note(unit string, err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if loss, ok := errors.AsType[*log.LossError](err); ok {
		why := reason{reasonOf(loss.Err), false}
		if !loss.Over {
			return w.begin(why, unit, time.Now(), err)
		}
		s := w.end(why, unit)
		if s == nil {
			return err
		}
		s.lost.Lines += loss.Lines
		s.lost.Bytes += loss.Bytes
		if len(s.since) > 0 {
			return nil
		}
		return &log.LossError{Unit: s.who(), Err: loss.Err, Over: true, Lines: s.lost.Lines, Bytes: s.lost.Bytes}
	}
	stall, ok := errors.AsType[*log.StalledError](err)
	switch {
	case !ok:
		return err
	case !stall.Over:
		return w.begin(reason{stall.Reason(), true}, unit, stall.Since, err)
	}
	s := w.end(reason{stall.Reason(), true}, unit)
	switch {
	case s == nil:
		return err
	case len(s.since) > 0:
		return nil
	}
	return &log.StalledError{Unit: s.who(), Since: s.first, Over: true}
}

// begin has a reason hold for a unit, and returns err where that is the first.
func (w *unwritten) begin(why reason, unit string, since time.Time, err error) error {
	s := w.spells[why]
	if s != nil {
		err = nil
	} else {
		s = &spell{since: map[string]time.Time{}, units: map[string]bool{}, first: since}
		if w.spells == nil {
			w.spells = map[reason]*spell{}
		}
		w.spells[why] = s
	}
	s.since[unit], s.units[unit] = since, true
	if since.Before(s.first) {
		s.first = since
	}
	return err
}

// end has a reason hold for a unit no longer, and returns its spell, or nil
// where it did not hold.
func (w *unwritten) end(why reason, unit string) *spell {
	s := w.spells[why]
	if s == nil || s.since[unit].IsZero() {
		return nil
	}
	delete(s.since, unit)
	if len(s.since) == 0 {
		delete(w.spells, why)
	}
	return s
}

// who names the units that a reason has held for.
func (s *spell) who() string {
	const most = 3
	units := slices.Sorted(maps.Keys(s.units))
	if len(units) == 1 {
		return units[0]
	}
	if more := len(units) - most; more > 1 {
		units = append(units[:most], fmt.Sprintf("%d others", more))
	}
	return strings.Join(units[:len(units)-1], ", ") + " and " + units[len(units)-1]
}

// forget drops a unit whose log is closed.
func (w *unwritten) forget(unit string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for why := range w.spells {
		w.end(why, unit)
	}
}

// notices lists what there is to tell, one for each reason.
func (w *unwritten) notices() []Notice {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []Notice
	for why, s := range w.spells {
		n := Notice{What: NoticeLogs, Units: slices.Sorted(maps.Keys(s.since)), Cause: why.cause, Stalled: why.stalled}
		for _, since := range s.since {
			if n.Since.IsZero() || since.Before(n.Since) {
				n.Since = since
			}
		}
		list = append(list, n)
	}
	slices.SortFunc(list, func(a, b Notice) int { return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.Cause, b.Cause)) })
	return list
}

// reasonOf is what the system says of a failed write, without the path, so that
// one full disk is one reason.
func reasonOf(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	return err.Error()
}

// notices lists what the engine cannot write now.
func (e *Engine) notices() []Notice {
	var list []Notice
	if e.cfg.Journal != nil {
		if since, err := e.cfg.Journal(); err != nil {
			list = append(list, Notice{What: NoticeJournal, Since: since, Cause: e.site.redact.clean(err.Error())})
		}
	}
	return append(list, e.unwritten.notices()...)
}
