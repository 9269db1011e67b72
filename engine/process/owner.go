package process

// UnitOf returns the unit that a running process of this life belongs to: by
// its mark, its cgroup, or the nearest ancestor that has one of the two.
func (h *Host) UnitOf(pid int) (unit string, ok bool) {
	const farthest = 1 << 12 // ancestor: numbers are given anew, and could go in a circle
	for me, steps := ownPID(), 0; pid > 1 && pid != me && steps < farthest; steps++ {
		e, _ := lookAt(pid)                                               // first, since it may be about to end
		if unit, ok := unitOfLife(pid, h.config.Life); ok && unit != "" { // "": a cgroup that units share
			return unit, true
		}
		pid = e.ppid
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
