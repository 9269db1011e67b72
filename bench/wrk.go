//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// report has wrk print its figures without rounding: latencies in
// microseconds, the duration too.
const report = `done = function(s, l, r)
  local e = s.errors
  io.write(string.format("figures %d %d %d %d %d\n", s.requests, s.duration, l:percentile(50), l:percentile(99),
    e.status + e.connect + e.read + e.write + e.timeout))
end
`

// answers are what one load gave: microseconds, and calls that went wrong or had
// another status than one below 400.
type answers struct {
	calls, errors int
	seconds       float64
	cpu, p50, p99 float64
}

// wrk asks an address for a while, and measures what that costs processes.
func (t *trial) wrk(ctx context.Context, address string, l load, pids []int) (answers, error) {
	script, err := t.write(report, 0o644, "report.lua")
	if err != nil {
		return answers{}, err
	}
	run := func(d time.Duration) (string, error) {
		argv := []string{"-t1", "-c", strconv.Itoa(l.clients), "-d", strconv.Itoa(max(1, int(d.Seconds()))), "--latency", "-s", script}
		if l.closing {
			argv = append(argv, "-H", "Connection: close")
		}
		cmd := exec.CommandContext(ctx, "wrk", append(argv, "http://"+address+l.path)...)
		cmd.Dir, cmd.Env = t.dir, t.environ()
		out, err := cmd.CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("wrk: %w: %s", err, out)
		}
		return string(out), nil
	}
	before := cpuTime(pids)
	out, err := run(t.scale.window / 8)
	cpu := cpuTime(pids) - before
	if err != nil {
		return answers{}, err
	}
	_, line, ok := strings.Cut(out, "figures ")
	var a answers
	var us int64
	if !ok {
		return answers{}, fmt.Errorf("wrk says %s", out)
	}
	if _, err := fmt.Sscan(line, &a.calls, &us, &a.p50, &a.p99, &a.errors); err != nil {
		return answers{}, fmt.Errorf("wrk says %s: %w", out, err)
	}
	if a.calls == 0 {
		return answers{}, errors.New("wrk asked nothing: " + out)
	}
	a.seconds = float64(us) / 1e6
	a.cpu = float64(cpu.Nanoseconds()) / 1e3 / float64(a.calls)
	return a, nil
}

// listening waits until somebody does.
func listening(ctx context.Context, address string) error {
	for range 400 {
		c, err := net.Dial("tcp", address)
		if err == nil {
			return c.Close()
		}
		sleep(ctx, 25*time.Millisecond)
	}
	return errors.New("nobody listens on " + address)
}
