package process

// UnitOf returns the unit that a running process of this life belongs to: by
// its mark, its cgroup, or the nearest ancestor that has one of the two.
func (h *Host) UnitOf(pid int) (unit string, ok bool) {
	parents := map[int]int{}
	if census, err := everyProcess(); err == nil {
		for _, e := range census {
			parents[e.pid] = e.ppid
		}
	}
	for me, steps := ownPID(), 0; pid > 1 && pid != me && steps <= len(parents); pid, steps = parents[pid], steps+1 {
		if unit, ok := unitOfLife(pid, h.config.Life); ok {
			return unit, true
		}
	}
	return "", false
}

// UserID returns the number of a user, 0 for the empty name.
func UserID(name string) (int, error) {
	if name == "" {
		return 0, nil
	}
	a, err := lookupUser(name)
	return a.uid, err
}
