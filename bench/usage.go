//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the resolution of CPU times in /proc.
const tick = 10 * time.Millisecond

// stat is what is used of /proc/PID/stat.
type stat struct {
	state byte
	cpu   time.Duration // user and system
}

func readStat(pid int) (stat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	return parseStat(string(text))
}

// parseStat reads a line of /proc/PID/stat. The name may contain spaces and
// brackets, so fields are counted from its last bracket.
func parseStat(text string) (stat, error) {
	i := strings.LastIndexByte(text, ')')
	if i < 0 {
		return stat{}, errors.New("stat without a name")
	}
	fields := strings.Fields(text[i+1:])
	if len(fields) < 13 {
		return stat{}, errors.New("stat is too short")
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return stat{state: fields[0][0], cpu: time.Duration(user+system) * tick}, errors.Join(err1, err2)
}

// cpuTime adds up what the living threads of processes have used of the
// processors, to the nanosecond.
func cpuTime(pids []int) time.Duration {
	var sum time.Duration
	for _, pid := range pids {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		for _, f := range files {
			text, _ := os.ReadFile(f)
			first, _, _ := strings.Cut(string(text), " ")
			n, _ := strconv.ParseInt(first, 10, 64)
			sum += time.Duration(n)
		}
	}
	return sum
}

// usage is what a set of processes holds and has used.
type usage struct {
	pss, rss  int64 // KiB
	cpu       time.Duration
	processes int
}

// measure adds up the memory and CPU time of processes. With smaps it reads
// the proportional set size, which is slow; without only the resident size.
func measure(pids []int, smaps bool) usage {
	var u usage
	for _, pid := range pids {
		s, err := readStat(pid)
		if err != nil {
			continue
		}
		u.cpu += s.cpu
		u.processes++
		file := "status"
		if smaps {
			file = "smaps_rollup"
		}
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
		u.pss += kib(string(text), "Pss:")
		u.rss += kib(string(text), "Rss:") + kib(string(text), "VmRSS:")
	}
	return u
}

// kib returns the figure of a line such as "Pss:   123 kB", 0 without one.
func kib(text, name string) int64 {
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok {
			continue
		}
		n, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
		return n
	}
	return 0
}
