//go:build linux

package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

const lineLength = 100

func logsRow() row {
	return row{
		name: "logs", title: "Lines of 100 bytes from a service to its log file, each line checked afterwards",
		goal:    "at least 0.9 of the bare cat; no line broken or lost; bounded memory",
		columns: []string{"MB/s", "peak RSS MiB", "own CPU ms"}, reference: "cat", bound: 3 * time.Minute,
		entrants: func(b *bench) []entrant {
			pipe := fmt.Sprintf("%s spam s0 %d | cat > out.log", b.probe, b.scale.lines)
			cat := entrant{name: "cat", measure: func(ctx context.Context, t *trial) (sample, error) {
				return t.logRate(ctx, launch{argv: []string{"/bin/sh", "-c", pipe}, log: t.path("out.log")})
			}}
			spam := []service{{name: "s0", args: []string{"spam", "s0", fmt.Sprint(b.scale.lines)}}}
			return append([]entrant{cat}, b.each(func(ctx context.Context, t *trial, tl tool) (sample, error) {
				l, err := tl.configure(t, spam, options{logs: true})
				if err != nil {
					return sample{}, err
				}
				return t.logRate(ctx, l)
			})...)
		},
		quoted: []quote{{"process-compose", 28.8, 657, "JSON, its default; 9 lines missing after SIGKILL"}},
	}
}

// logRate starts a tool and measures from the service's start to the last
// growth of the log. Then everything is killed, and only then the lines are
// checked: what was still in a buffer counts as lost.
func (t *trial) logRate(ctx context.Context, l launch) (sample, error) {
	if err := t.start(l); err != nil {
		return sample{}, err
	}
	payload := int64(t.scale.lines) * lineLength
	var size, grown int64
	var peak usage
	var all []event
	for look := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			look.Stop()
			return sample{}, fmt.Errorf("%d of %d bytes within the bound", size, payload)
		case <-look.C:
		}
		if t.over() {
			look.Stop()
			return sample{}, fmt.Errorf("it ended: %s", t.main.ProcessState)
		}
		if got := totalSize(l.log); got != size {
			size, grown = got, now()
		}
		_, others := t.tree.descendants()
		u := measure(others, false)
		peak.rss, peak.cpu = max(peak.rss, u.rss), max(peak.cpu, u.cpu)
		all, _ = readEvents(t.events)
		if quiet := now() - grown; len(firsts(all, 'E')) == 1 && (size >= payload && quiet > 3e8 || quiet > 3e9) {
			look.Stop()
			break
		}
	}
	t.tree.clean()
	good, err := verify(l.log, t.scale.lines)
	if err != nil {
		return sample{}, err
	}
	seconds := float64(grown-firsts(all, 'S')["s0"].at) / 1e9
	return sample{
		values: []float64{float64(payload) / 1e6 / seconds, float64(peak.rss) / 1024, float64(peak.cpu.Milliseconds())},
		note:   good,
	}, nil
}

// totalSize adds up the files of a pattern.
func totalSize(pattern string) int64 {
	var total int64
	for _, f := range logFiles(pattern) {
		total += f.size
	}
	return total
}

type logFile struct {
	path     string
	size     int64
	modified time.Time
}

// logFiles returns the files that hold lines, the oldest first: small files
// beside them are indexes and settings.
func logFiles(pattern string) []logFile {
	paths, _ := filepath.Glob(pattern)
	var files []logFile
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() || !holdsLines(path) {
			continue
		}
		files = append(files, logFile{path, info.Size(), info.ModTime()})
	}
	slices.SortFunc(files, func(a, b logFile) int {
		return cmp.Or(a.modified.Compare(b.modified), cmp.Compare(a.path, b.path))
	})
	return files
}

// holdsLines reports whether a file begins with a line of the service.
func holdsLines(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	start := make([]byte, 10)
	if _, err := io.ReadFull(f, start); err != nil {
		return false
	}
	_, err = strconv.Atoi(string(start[:9]))
	return err == nil && start[9] == ' '
}

// verify reads all log files line by line, and says what it found.
func verify(pattern string, lines int) (string, error) {
	var good, gaps, broken int
	next := 0
	for _, f := range logFiles(pattern) {
		file, err := os.Open(f.path)
		if err != nil {
			return "", err
		}
		reader := bufio.NewReaderSize(file, 1<<20)
		for {
			line, err := reader.ReadSlice('\n')
			if errors.Is(err, io.EOF) && len(line) == 0 {
				break
			}
			number, ok := payloadNumber(line)
			switch {
			case !ok:
				broken++
			case number != next:
				gaps++
				good++
			default:
				good++
			}
			if ok {
				next = number + 1
			}
			if err != nil {
				break
			}
		}
		_ = file.Close()
	}
	if good == lines && gaps == 0 && broken == 0 {
		return "all lines whole and in order", nil
	}
	return fmt.Sprintf("%d of %d lines, %d out of order, %d broken", good, lines, gaps, broken), nil
}

// payloadNumber returns the number of a line, whatever stands before its
// last 100 bytes.
func payloadNumber(line []byte) (int, bool) {
	if len(line) < lineLength || line[len(line)-1] != '\n' {
		return 0, false
	}
	payload := line[len(line)-lineLength:]
	number := 0
	for _, c := range payload[:9] {
		if c < '0' || c > '9' {
			return 0, false
		}
		number = 10*number + int(c-'0')
	}
	for _, c := range payload[10 : lineLength-1] {
		if c != 'x' {
			return 0, false
		}
	}
	return number, payload[9] == ' '
}

func validateRow() row {
	return row{
		name: "validate", title: "Validating services with two dependencies each, from the command to its end",
		goal:    "10,000 of them ahead of process-compose, near the HCL parser's own time",
		columns: []string{"ms", "peak RSS MiB"}, reference: "HCL parser",
		entrants: func(b *bench) []entrant {
			measureCommand := func(argv ...string) func(ctx context.Context, t *trial) (sample, error) {
				return func(ctx context.Context, t *trial) (sample, error) {
					path, err := t.write(configuration(t, linked(b.scale.validate), options{}), 0o644, "bench.hcl")
					if err != nil {
						return sample{}, err
					}
					return t.untilEnd(ctx, launch{argv: append(argv, path)})
				}
			}
			return []entrant{
				{name: "HCL parser", measure: measureCommand(b.parser)},
				{name: "syndicate", measure: measureCommand(b.binary, "validate")},
			}
		},
		quoted: []quote{{"process-compose", 943, 0, "148 MiB; s6-rc-compile crashes"}},
	}
}

// linked returns services of which each depends on two earlier ones.
func linked(count int) []service {
	all := trivial(count)
	for i := range all {
		if i > 0 {
			all[i].needs = []string{fmt.Sprintf("s%d", i-1)}
		}
		if half := (i - 1) / 2; i > 1 && half != i-1 {
			all[i].needs = append(all[i].needs, fmt.Sprintf("s%d", half))
		}
	}
	return all
}

// untilEnd runs a command that ends by itself.
func (t *trial) untilEnd(ctx context.Context, l launch) (sample, error) {
	if err := t.start(l); err != nil {
		return sample{}, err
	}
	select {
	case <-ctx.Done():
		return sample{}, errors.New("not within its bound")
	case <-t.ended:
	}
	took := ms(now() - t.began)
	state := t.main.ProcessState
	if !state.Success() {
		return sample{}, fmt.Errorf("it ended with %s", state)
	}
	var rss float64
	if used, ok := state.SysUsage().(*syscall.Rusage); ok {
		rss = float64(used.Maxrss) / 1024
	}
	return sample{values: []float64{took, rss}}, nil
}
