package engine

import (
	"slices"
	"sync"
	"time"

	"github.com/syndicate/syndicate/engine/process"
)

// Usage measures what the process trees of the units take, now; ok is false
// where this system does not tell.
func (e *Engine) Usage() (list []process.Usage, ok bool) { return e.site.host.Usage() }

// Measured is Status with what the units have in memory, which was looked at
// after the last of them started and no more than some seconds ago. Nothing is
// measured unless somebody asks. Nobody may change the list of units.
func (e *Engine) Measured() Status {
	st := e.Status()
	st.Units, _ = e.memory.added(st.Units, e.site.host.Memory, true)
	return st
}

// MeasuredNow is Measured where that takes no look at the processes, for which
// one would have to wait; else ok is false.
func (e *Engine) MeasuredNow() (st Status, ok bool) {
	st = e.Status()
	st.Units, ok = e.memory.added(st.Units, e.site.host.Memory, false)
	return st, ok
}

const (
	// memoryAge is for how long a look at the memory serves at least: who asks
	// for the status a thousand times a second costs two. Where it takes long,
	// it serves for memoryShare times as long, up to memoryMost, so that it
	// takes no more than a fiftieth of a processor.
	memoryAge   = 500 * time.Millisecond
	memoryShare = 100
	memoryMost  = 3 * time.Second
	// memoryGrace is how old a look may be that is told while the next is
	// taken. With a thousand units it takes longer than all else of a status.
	memoryGrace = 5 * time.Second
)

// memoryLook is the last look at the memory of all units.
type memoryLook struct {
	mu      sync.Mutex
	at      time.Time
	units   map[string]process.Memory // never changed
	took    time.Duration
	looking bool // in the background

	// The last list of units that memory was added to, and what came of it.
	bare, full []UnitStatus
	fullAt     time.Time // of the look
	newest     time.Time // start of a unit
}

// added returns units with their memory: the same list again where neither has
// changed. It reports false where it would have to wait for that, and may not.
func (l *memoryLook) added(units []UnitStatus, now func() (map[string]process.Memory, bool), wait bool) ([]UnitStatus, bool) {
	if len(units) == 0 {
		return units, true
	}
	if wait {
		l.mu.Lock()
	} else if !l.mu.TryLock() { // somebody looks
		return nil, false
	}
	defer l.mu.Unlock()
	var newest time.Time
	if same(l.bare, units) {
		newest = l.newest
	} else {
		for _, u := range units {
			if u.Started.After(newest) {
				newest = u.Started
			}
		}
	}
	if !wait && !l.serves(newest) {
		return nil, false
	}
	memory := l.look(newest, now)
	if same(l.bare, units) && l.fullAt.Equal(l.at) {
		return l.full, true
	}
	l.bare, l.full, l.fullAt, l.newest = units, slices.Clone(units), l.at, newest
	for i := range l.full {
		// After the end no unit has a run.
		if u := &l.full[i]; !u.Started.IsZero() {
			m := memory[u.ID]
			u.Memory, u.MemoryOfCgroup = m.Bytes, m.Cgroup
		}
	}
	return l.full, true
}

// same reports whether two lists are one.
func same(a, b []UnitStatus) bool { return len(a) > 0 && len(a) == len(b) && &a[0] == &b[0] }

// serves reports whether the last look tells enough about units of which the
// newest started at since. l.mu is held.
func (l *memoryLook) serves(since time.Time) bool {
	return l.at.After(since) && time.Since(l.at) < memoryGrace
}

// look returns what was found at some time after since: by the last look, if
// it is not too old, or by one now. l.mu is held.
func (l *memoryLook) look(since time.Time, now func() (map[string]process.Memory, bool)) map[string]process.Memory {
	if !l.serves(since) {
		l.at = time.Now() // what starts from here on may be missed
		l.units, _ = now()
		l.took = time.Since(l.at)
	} else if age := time.Since(l.at); age >= max(memoryAge, min(memoryShare*l.took, memoryMost)) && !l.looking {
		l.looking = true
		go l.renew(now)
	}
	return l.units
}

// renew takes a look that nobody waits for.
func (l *memoryLook) renew(now func() (map[string]process.Memory, bool)) {
	at := time.Now()
	units, _ := now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.looking = false
	if at.After(l.at) {
		l.at, l.units, l.took = at, units, time.Since(at)
	}
}
