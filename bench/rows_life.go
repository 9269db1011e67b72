//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"time"
)

// freePorts returns ports of loopback that nobody listens on.
func freePorts(count int) ([]int, error) {
	var ports []int
	for range count {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		// All are held until the last is found, so none comes twice.
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

const restarts = 8

func crashRow() row {
	return row{
		name: "crash", title: "From a crash to the new process, smallest delay the tool allows",
		goal:    "under 5 ms; each value is the median of 8 restarts",
		columns: []string{"ms", "slowest ms"},
		entrants: func(b *bench) []entrant {
			return b.each(func(ctx context.Context, t *trial, tl tool) (sample, error) {
				_, err := t.run(tl, []service{{name: "s0", args: []string{"crash", "s0", "200"}}}, options{again: true})
				if err != nil {
					return sample{}, err
				}
				all, err := t.waitEvents(ctx, 2*restarts+1, 10*time.Millisecond, func(all []event) bool {
					return len(gaps(all)) >= restarts
				})
				if err != nil {
					return sample{}, err
				}
				each := gaps(all)
				slowest := 0.0
				for _, g := range each {
					slowest = max(slowest, g)
				}
				return sample{values: []float64{median(each), slowest}}, nil
			})
		},
		quoted: []quote{{"process-compose", 1004, 0, "its smallest backoff is a second"}},
	}
}

// gaps returns the milliseconds from each end to the next start.
func gaps(all []event) []float64 {
	var each []float64
	var ended int64
	for _, e := range all {
		switch {
		case e.kind == 'E':
			ended = e.at
		case e.kind == 'S' && ended != 0:
			each = append(each, ms(e.at-ended))
			ended = 0
		}
	}
	return each
}

func stopRow() row {
	return row{
		name: "stop", title: "Services stopped, from the signal or command until everything has exited",
		goal:    "100 of them under 50 ms",
		columns: []string{"ms", "services gone ms"},
		entrants: func(b *bench) []entrant {
			return b.each(func(ctx context.Context, t *trial, tl tool) (sample, error) {
				l, err := t.run(tl, trivial(b.scale.stop), options{})
				if err != nil {
					return sample{}, err
				}
				if _, err := t.waitEvents(ctx, b.scale.stop, 30*time.Millisecond, started(b.scale.stop)); err != nil {
					return sample{}, err
				}
				sleep(ctx, 1500*time.Millisecond)
				services, others := t.tree.descendants()
				if len(services) != b.scale.stop {
					return sample{}, fmt.Errorf("%d services run instead of %d", len(services), b.scale.stop)
				}
				at := now()
				if err := t.stop(l); err != nil {
					return sample{}, err
				}
				servicesGone, allGone, err := t.allGone(ctx, services, others)
				if err != nil {
					return sample{}, err
				}
				return sample{values: []float64{ms(allGone - at), ms(servicesGone - at)}}, nil
			})
		},
		quoted: []quote{{"process-compose", 26, 0, "100 services"}},
	}
}

func idleRow() row {
	return row{
		name: "idle", title: "Idle services: memory and CPU of the tool and its helpers, without the services",
		goal:    "100 of them under 25 MiB PSS, at most 10 ms of CPU in 20 s",
		columns: []string{"PSS MiB", "RSS MiB", "CPU ms", "processes"}, most: 3, bound: 2 * time.Minute,
		entrants: func(b *bench) []entrant {
			return b.each(func(ctx context.Context, t *trial, tl tool) (sample, error) {
				if _, err := t.run(tl, trivial(b.scale.idle), options{}); err != nil {
					return sample{}, err
				}
				if _, err := t.waitEvents(ctx, b.scale.idle, 30*time.Millisecond, started(b.scale.idle)); err != nil {
					return sample{}, err
				}
				sleep(ctx, 5*time.Second)
				_, others := t.tree.descendants()
				before := measure(others, false)
				sleep(ctx, b.scale.window)
				services, others := t.tree.descendants()
				after := measure(others, true)
				if len(services) != b.scale.idle || len(others) == 0 {
					return sample{}, fmt.Errorf("%d services and %d supervisors run", len(services), len(others))
				}
				return sample{values: []float64{
					float64(after.pss) / 1024, float64(after.rss) / 1024,
					float64((after.cpu - before.cpu).Milliseconds()), float64(after.processes),
				}}, nil
			})
		},
		quoted: []quote{{"process-compose", 51.8, 0, "100 services; CPU below 10 ms"}},
	}
}
