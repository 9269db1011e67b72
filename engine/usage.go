package engine

import (
	"sync"
	"time"

	"github.com/syndicate/syndicate/engine/process"
)

// Usage measures what the process trees of the units take, now; ok is false
// where this system does not tell.
func (e *Engine) Usage() (list []process.Usage, ok bool) { return e.site.host.Usage() }

// Measured is Status with what the units have in memory, which is looked at
// now, or was a moment ago for somebody else. Nothing is measured unless
// somebody asks.
func (e *Engine) Measured() Status {
	st := e.Status()
	memory := e.memory.look(e.site.host.Memory)
	for i := range st.Units {
		// After the end the list is everybody's, and no unit has a run.
		if u := &st.Units[i]; !u.Started.IsZero() {
			m := memory[u.ID]
			u.Memory, u.MemoryOfCgroup = m.Bytes, m.Cgroup
		}
	}
	return st
}

// memoryAge is for how long a look at the memory serves: who asks for the
// status a thousand times a second costs one.
const memoryAge = 500 * time.Millisecond

// memoryLook is the last look at the memory of all units.
type memoryLook struct {
	mu    sync.Mutex
	at    time.Time
	units map[string]process.Memory // never changed
}

// look returns what the last look found, if it is not too old, or has one.
func (l *memoryLook) look(now func() (map[string]process.Memory, bool)) map[string]process.Memory {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at.IsZero() || time.Since(l.at) >= memoryAge {
		l.units, _ = now()
		l.at = time.Now()
	}
	return l.units
}
