package engine

import (
	"fmt"
	"slices"
	"strings"
)

// judging reads what happened in a village, line by line.
type judging struct {
	now, before map[string]house // declared, and until the change that is under way is done
	version     map[string]string
	live, ready map[string]bool
	killed      map[string]bool // since it was ready last: what it does now is not ordered with what is asked
	ending      map[string]bool // to be stopped for good, or all of them
	down        bool
	pending     []string // problems of a change that count unless it goes back
	problems    []string
}

// judge checks the invariants 1 and 3 on what really happened, and that no
// unit runs twice nor is touched without need.
func judge(lines []string) []string {
	j := &judging{
		now: map[string]house{}, version: map[string]string{}, live: map[string]bool{}, ready: map[string]bool{},
		killed: map[string]bool{}, ending: map[string]bool{},
	}
	for _, line := range lines {
		words := strings.Fields(line)
		switch words[0] {
		case "apply":
			j.before, j.now = j.now, parseVillage(words[1:])
		case "back":
			j.now, j.pending = j.before, nil
			j.done()
		case "done":
			j.done()
		case "stop":
			j.ending[words[1]] = true
		case "kill":
			j.killed[words[1]] = true
		case "down":
			j.down = true
		case "start":
			if len(words) == 3 { // of a process, not a command
				j.start(words[1], words[2])
			}
		case "ready":
			j.ready[words[1]], j.killed[words[1]] = true, false
		case "gone", "end":
			j.end(words[1], words[0] == "gone")
		}
	}
	for name, live := range j.live {
		if live && !j.killed[name] {
			j.problems = append(j.problems, name+" never ended")
		}
	}
	return append(j.problems, j.pending...)
}

func parseVillage(words []string) map[string]house {
	houses := map[string]house{}
	for _, w := range words {
		part := strings.Split(w, ":")
		h := house{}
		fmt.Sscan(part[1], &h.version)
		if part[2] != "" {
			h.needs = strings.Split(part[2], ",")
		}
		houses[part[0]] = h
	}
	return houses
}

func (j *judging) done() {
	j.problems = append(j.problems, j.pending...)
	j.before, j.pending = nil, nil
	clear(j.ending)
}

func (j *judging) start(name, version string) {
	if j.live[name] && !j.killed[name] {
		j.problems = append(j.problems, name+" runs twice")
	}
	h, declared := j.now[name]
	old, was := j.before[name]
	if j.before != nil && was && declared && old.version == h.version && j.live[name] && !j.killed[name] {
		j.pending = append(j.pending, name+" did not change and was restarted")
	}
	j.live[name], j.ready[name], j.version[name] = true, false, version
	if j.killed[name] {
		return
	}
	if was && version == fmt.Sprint(old.version) && j.holds(old.needs) {
		return
	}
	if !j.holds(h.needs) {
		j.pending = append(j.pending, fmt.Sprintf("%s starts and not all of %v are ready", name, h.needs))
	}
	if j.before == nil {
		j.problems, j.pending = append(j.problems, j.pending...), nil
	}
}

// holds reports whether all of some units are ready, as far as that is known.
func (j *judging) holds(needs []string) bool {
	return !slices.ContainsFunc(needs, func(n string) bool { return !j.ready[n] && !j.killed[n] })
}

func (j *judging) end(name string, failed bool) {
	j.live[name], j.ready[name] = false, false
	_, declared := j.now[name]
	if failed || declared && !j.down && !j.ending[name] {
		return // it is about to start again
	}
	for other, h := range j.now {
		if j.live[other] && !j.killed[other] && slices.Contains(h.needs, name) {
			j.pending = append(j.pending, fmt.Sprintf("%s ends while %s runs and needs it", name, other))
		}
	}
	if j.before == nil || declared {
		return
	}
	for other, h := range j.before {
		_, stays := j.now[other]
		if !stays && j.live[other] && !j.killed[other] && slices.Contains(h.needs, name) {
			j.pending = append(j.pending, fmt.Sprintf("%s ends while %s, which goes as well, runs and needs it", name, other))
		}
	}
}
