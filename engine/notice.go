package engine

import (
	"cmp"
	"errors"
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

// unwritten are the logs that cannot be written. Its zero value is ready. It is
// safe for concurrent use.
type unwritten struct {
	mu   sync.Mutex
	logs map[trouble]lost
}

// trouble is one that a log can have: its lines are lost, or the disk does not
// answer.
type trouble struct {
	unit    string
	stalled bool
}

type lost struct {
	since time.Time
	cause string
}

// note takes what the log of a unit reports.
func (w *unwritten) note(unit string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if loss, ok := errors.AsType[*log.LossError](err); ok {
		w.set(trouble{unit, false}, lost{time.Now(), reasonOf(loss.Err)}, loss.Over)
	} else if stall, ok := errors.AsType[*log.StalledError](err); ok {
		w.set(trouble{unit, true}, lost{stall.Since, stall.Reason()}, stall.Over)
	}
}

func (w *unwritten) set(t trouble, l lost, over bool) {
	if over {
		delete(w.logs, t)
		return
	}
	if w.logs == nil {
		w.logs = map[trouble]lost{}
	}
	w.logs[t] = l
}

// forget drops a unit whose log is closed.
func (w *unwritten) forget(unit string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.logs, trouble{unit, false})
	delete(w.logs, trouble{unit, true})
}

// notices lists what there is to tell, one for each reason.
func (w *unwritten) notices() []Notice {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []Notice
	for _, t := range slices.SortedFunc(maps.Keys(w.logs), func(a, b trouble) int { return strings.Compare(a.unit, b.unit) }) {
		l := w.logs[t]
		at := slices.IndexFunc(list, func(n Notice) bool { return n.Cause == l.cause && n.Stalled == t.stalled })
		if at < 0 {
			at = len(list)
			list = append(list, Notice{What: NoticeLogs, Since: l.since, Cause: l.cause, Stalled: t.stalled})
		}
		n := &list[at]
		n.Units = append(n.Units, t.unit)
		if l.since.Before(n.Since) {
			n.Since = l.since
		}
	}
	slices.SortStableFunc(list, func(a, b Notice) int { return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.Cause, b.Cause)) })
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
