//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// asked is how often a row asks one running system, each time for the median.
const asked = 8

// changeRow edits one service of many, and applies that to what runs.
func changeRow() row {
	return row{
		name: "change", title: "One of the running services is edited, and the change applied: the command, beyond that service's own start",
		goal:    "1,000 of them: under 100 ms; each value is the median of 8 changes",
		columns: []string{"ms beyond", "to its start ms", "whole command ms", "own start ms", "CPU ms"}, bound: 2 * time.Minute,
		entrants: func(b *bench) []entrant {
			return b.named([]string{"syndicate", "supervisord"}, func(ctx context.Context, t *trial, tl tool) (sample, error) {
				services := trivial(b.scale.services)
				l, err := t.up(ctx, tl, services)
				if err != nil {
					return sample{}, err
				}
				var all []sample
				for i := range asked {
					s, err := t.change(ctx, tl, l, services, i)
					if err != nil {
						return sample{}, err
					}
					all = append(all, s)
				}
				return medians(all), nil
			})
		},
	}
}

// up starts services and waits until they, and the tool, have come to rest.
func (t *trial) up(ctx context.Context, tl tool, services []service) (launch, error) {
	l, err := t.run(tl, services, options{})
	if err != nil {
		return l, err
	}
	if _, err := t.waitEvents(ctx, len(services), 30*time.Millisecond, started(len(services))); err != nil {
		return l, err
	}
	sleep(ctx, 3*time.Second)
	return l, nil
}

// change edits the command of one service, in another one each time, applies
// that, and measures it.
func (t *trial) change(ctx context.Context, tl tool, l launch, services []service, n int) (sample, error) {
	i := (n*2 + 1) * len(services) / (2 * asked)
	svc := &services[i]
	svc.args = append(svc.args, fmt.Sprint("edition-", n))
	own, err := t.ownStart(*svc)
	if err != nil {
		return sample{}, err
	}
	if _, err := tl.configure(t, services, options{}); err != nil {
		return sample{}, err
	}
	before, err := readEvents(t.events)
	if err != nil {
		return sample{}, err
	}
	_, others := t.tree.descendants()
	used := cpuTime(others)
	c, err := t.command(ctx, l.apply)
	if err != nil {
		return sample{}, err
	}
	all, err := t.waitEvents(ctx, len(before)+1, time.Millisecond, func(all []event) bool {
		return latest(all, svc.name).at > c.began
	})
	if err != nil {
		return sample{}, fmt.Errorf("%s was not started again: %w\n%s", svc.name, err, c.output)
	}
	start := latest(all, svc.name).at
	sleep(ctx, 300*time.Millisecond) // the tool tidies up, which is part of what it uses
	return sample{values: []float64{
		ms(max(c.ended, start) - c.began - own), ms(start - c.began), ms(c.ended - c.began), ms(own),
		ms(int64(cpuTime(others) - used + c.cpu)),
	}}, nil
}

// ownStart is what one service takes from its spawning to its first
// instruction, with nobody between.
func (t *trial) ownStart(svc service) (int64, error) {
	events := t.path("own")
	cmd := exec.Command(t.probe, svc.args...)
	cmd.Env = append(t.environ(), "PROBE_EVENTS="+events)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	began := now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = out.Close()
		_ = cmd.Wait()
	}()
	for deadline := began + int64(10*time.Second); now() < deadline; {
		all, err := readEvents(events)
		if e := latest(all, svc.name); err == nil && e.at > began {
			return e.at - began, nil
		}
		time.Sleep(time.Millisecond)
	}
	return 0, errors.New("a service that the harness has spawned does not start")
}

// latest is the last start of a service.
func latest(all []event, name string) event {
	var found event
	for _, e := range all {
		if e.kind == 'S' && e.name == name && e.at > found.at {
			found = e
		}
	}
	return found
}

func statusRow() row {
	return row{
		name: "status", title: "The state of everything, asked of a running system: the command",
		goal:    "1,000 units under 20 ms; each value is the median of 8",
		columns: []string{"ms", "CPU ms"}, most: 3, bound: 2 * time.Minute,
		entrants: askEntrants([]string{"syndicate", "supervisord"}, func(l launch) []string { return l.status }, func(output string, last service) error {
			if !strings.Contains(output, last.name) {
				return fmt.Errorf("%s is not in what it says", last.name)
			}
			return nil
		}),
	}
}

func planRow() row {
	return row{
		name: "plan", title: "What an unchanged configuration would change in the running system: the command",
		goal:    "1,000 services under 300 ms; each value is the median of 8",
		columns: []string{"ms", "CPU ms"}, most: 3, bound: 2 * time.Minute,
		entrants: askEntrants([]string{"syndicate"}, func(l launch) []string { return l.plan }, func(output string, _ service) error {
			if !strings.Contains(output, "No changes") {
				return errors.New("the plan is not empty")
			}
			return nil
		}),
	}
}

// askEntrants are the tools that have a command, which is run against a
// system that rests. CPU is that of the command and of the tool.
func askEntrants(names []string, argv func(launch) []string, check func(output string, last service) error) func(*bench) []entrant {
	return func(b *bench) []entrant {
		return b.named(names, func(ctx context.Context, t *trial, tl tool) (sample, error) {
			services := trivial(b.scale.services)
			l, err := t.up(ctx, tl, services)
			if err != nil {
				return sample{}, err
			}
			_, others := t.tree.descendants()
			var all []sample
			for range asked {
				used := cpuTime(others)
				c, err := t.command(ctx, argv(l))
				if err == nil {
					err = check(c.output, services[len(services)-1])
				}
				if err != nil {
					return sample{}, fmt.Errorf("%w\n%s", err, c.output)
				}
				all = append(all, sample{values: []float64{ms(c.ended - c.began), ms(int64(cpuTime(others) - used + c.cpu))}})
			}
			return medians(all), nil
		})
	}
}

// named makes an entrant of each of these tools.
func (b *bench) named(names []string, measure func(ctx context.Context, t *trial, tl tool) (sample, error)) []entrant {
	return slices.DeleteFunc(b.each(measure), func(e entrant) bool { return !slices.Contains(names, e.name) })
}

// medians takes the median of each column.
func medians(all []sample) sample {
	var s sample
	for c := range all[0].values {
		s.values = append(s.values, median(column(all, c)))
	}
	return s
}

// commanded is one run of a tool's command to its end.
type commanded struct {
	began, ended int64
	cpu          time.Duration // of the command alone
	output       string
}

// command runs a command of the tool. What it says is kept in memory: nobody
// draws it.
func (t *trial) command(ctx context.Context, argv []string) (commanded, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = t.dir, t.environ()
	c := commanded{began: now()}
	out, err := cmd.CombinedOutput()
	c.ended, c.output = now(), string(out)
	if err != nil {
		return c, fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, out)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	c.cpu = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	return c, nil
}
