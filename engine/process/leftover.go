package process

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Leftover is a process of an earlier life that still runs.
type Leftover struct {
	PID   int
	Start uint64 // when it started, in the system's unit: with the pid its identity
	Unit  string // empty where nothing tells
	life  string
}

// FindByLife lists what still runs of a life whose engine is dead: by the
// mark in the environment, by the cgroup, and whatever descends from such
// or shares a group with it. They come in the order of their pids.
func FindByLife(life string) ([]Leftover, error) {
	if err := checkLife(life); err != nil {
		return nil, err
	}
	census, err := everyProcess()
	if err != nil {
		return nil, fmt.Errorf("find the processes of life %s: %w", life, err)
	}
	me := ownPID()
	found := map[int]Leftover{}
	groups := map[int]string{}
	for _, e := range census {
		if e.dead || e.pid == me {
			continue
		}
		unit, ok := unitOfLife(e.pid, life)
		if !ok {
			continue
		}
		found[e.pid] = Leftover{PID: e.pid, Start: e.start, Unit: unit, life: life}
		groups[e.pgid] = unit
	}
	for grown := true; grown; {
		grown = false
		for _, e := range census {
			if _, known := found[e.pid]; known || e.dead || e.pid == me {
				continue
			}
			parent, ok := found[e.ppid]
			if unit, grouped := groups[e.pgid]; grouped && !ok {
				parent, ok = Leftover{Unit: unit}, true
			}
			if ok {
				found[e.pid] = Leftover{PID: e.pid, Start: e.start, Unit: parent.Unit, life: life}
				grown = true
			}
		}
	}
	leftovers := make([]Leftover, 0, len(found))
	for _, l := range found {
		leftovers = append(leftovers, l)
	}
	slices.SortFunc(leftovers, func(a, b Leftover) int { return a.PID - b.PID })
	return leftovers, nil
}

// unitOfLife reports whether a process belongs to a life, and for what unit.
func unitOfLife(pid int, life string) (unit string, ok bool) {
	if env, err := environOf(pid); err == nil && mark(env, LifeVariable) == life {
		return mark(env, UnitVariable), true
	}
	below, ok := cellOf(pid, life)
	if !ok {
		return "", false
	}
	if _, name, own := strings.Cut(below, "."); own {
		if plain, err := url.PathUnescape(name); err == nil {
			return plain, true
		}
	}
	return "", true
}

// inCellOf finds a life's directory in the path of a cgroup, and returns the
// name below it.
func inCellOf(path, life string) (below string, ok bool) {
	_, after, ok := strings.Cut(path+"/", "/"+cellPrefix+life+"/")
	below, _, _ = strings.Cut(after, "/")
	return below, ok
}

// KillTree sends SIGKILL to leftovers and to what is found beside them, until
// nothing is left of their lives or wait is over.
func KillTree(leftovers []Leftover, wait time.Duration) error {
	lives := map[string]bool{}
	for _, l := range leftovers {
		_ = signalExactly(entry{pid: l.PID, start: l.Start}, syscall.SIGKILL)
		lives[l.life] = true
	}
	var err error
	for life := range lives {
		if _, lifeErr := endLife(life, syscall.SIGKILL, 0, wait); lifeErr != nil && err == nil {
			err = lifeErr
		}
	}
	return err
}

// EndLife ends whatever still runs of a life whose engine is dead: sig
// first, SIGKILL when timeout is over, and at most five seconds more. It
// removes that life's cgroups and returns what it had found.
func EndLife(life string, sig syscall.Signal, timeout time.Duration) ([]Leftover, error) {
	return endLife(life, sig, timeout, 5*time.Second)
}

func endLife(life string, sig syscall.Signal, timeout, killWait time.Duration) ([]Leftover, error) {
	begin := time.Now()
	told := map[int]uint64{}
	var first []Leftover
	pause := time.NewTimer(0)
	defer pause.Stop()
	for wait := 2 * time.Millisecond; ; wait = min(2*wait, retryMost) {
		<-pause.C
		left, err := FindByLife(life)
		if err != nil {
			return first, err
		}
		if first == nil {
			first = left
		}
		if len(left) == 0 {
			removeLife(life)
			return first, nil
		}
		over := time.Since(begin)
		if over > timeout+killWait {
			stuck := &StuckError{Unit: "life " + life, Wait: killWait}
			for _, l := range left {
				stuck.PIDs = append(stuck.PIDs, l.PID)
			}
			return first, stuck
		}
		kill := over >= timeout || sig == syscall.SIGKILL
		for _, l := range left {
			e := entry{pid: l.PID, start: l.Start}
			if kill {
				_ = signalExactly(e, syscall.SIGKILL)
			} else if start, ok := told[l.PID]; !ok || start != l.Start {
				told[l.PID] = l.Start
				_ = signalExactly(e, sig)
				_ = signalExactly(e, syscall.SIGCONT)
			}
		}
		pause.Reset(wait)
	}
}
