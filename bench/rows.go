//go:build linux

package main

import (
	"context"
	"fmt"
	"time"
)

// rows are the kinds of work, in the order of the whole report.
func rows() []row {
	all := []row{startRow()}
	for _, kind := range []string{"log", "notify", "file", "tcp", "http", "exec"} {
		all = append(all, diamondRow(kind))
	}
	return append(all, chainRow(), crashRow(), stopRow(), idleRow(), idleManyRow(), logsRow(), validateRow(),
		changeRow(), statusRow(), rateRow(), planRow(), journalRow(), deathRow(), migrateRow(),
		gatewayRow("gateway", "prepared"), gatewayRow("gateway-simple", "simple"), gatewayRow("gateway-extended", "extended"),
		breakerRow(), breakerTCPRow(), breakerOpenRow())
}

// each makes an entrant of every tool.
func (b *bench) each(measure func(ctx context.Context, t *trial, tl tool) (sample, error)) []entrant {
	var all []entrant
	for _, tl := range b.tools() {
		all = append(all, entrant{tl.name, tl.find(b), func(ctx context.Context, t *trial) (sample, error) {
			return measure(ctx, t, tl)
		}})
	}
	return all
}

func ms(ns int64) float64 { return float64(ns) / 1e6 }

// trivial returns services that start and wait.
func trivial(count int) []service {
	all := make([]service, count)
	for i := range all {
		name := fmt.Sprintf("s%d", i)
		all[i] = service{name: name, args: []string{"run", name}}
	}
	return all
}

func startRow() row {
	return row{
		name: "start", title: "Trivial services started, from the command to the last one's first instruction",
		goal:    "within 1.3 of the floor, a C loop of pipe and posix_spawn",
		columns: []string{"ms", "own CPU ms"}, reference: "floor", bound: 90 * time.Second,
		entrants: func(b *bench) []entrant {
			floor := entrant{name: "floor", measure: func(ctx context.Context, t *trial) (sample, error) {
				err := t.start(launch{argv: []string{t.probe, "launch", "floor", fmt.Sprint(b.scale.services)}})
				if err != nil {
					return sample{}, err
				}
				return t.untilStarted(ctx, b.scale.services)
			}}
			return append([]entrant{floor}, b.each(func(ctx context.Context, t *trial, tl tool) (sample, error) {
				if _, err := t.run(tl, trivial(b.scale.services), options{}); err != nil {
					return sample{}, err
				}
				return t.untilStarted(ctx, b.scale.services)
			})...)
		},
		quoted: []quote{{"process-compose", 1477, 962, "1,000 services"}},
	}
}

// untilStarted waits for the last service's start, by its own stamp.
func (t *trial) untilStarted(ctx context.Context, count int) (sample, error) {
	all, err := t.waitEvents(ctx, count, 30*time.Millisecond, started(count))
	if err != nil {
		return sample{}, err
	}
	_, others := t.tree.descendants()
	return sample{values: []float64{
		ms(last(all, 'S').at - t.began),
		float64(measure(others, false).cpu.Milliseconds()),
	}}, nil
}

func chainRow() row {
	return row{
		name: "chain", title: "Chain of services, each healthy at once, http probe: from the command to the last one's start",
		goal:    "20 of them under 500 ms",
		columns: []string{"ms", "first to last ms"},
		entrants: func(b *bench) []entrant {
			return ours(b, func(ctx context.Context, t *trial, tl tool) (sample, error) {
				ports, err := freePorts(b.scale.chain)
				if err != nil {
					return sample{}, err
				}
				var services []service
				for i, port := range ports {
					name := fmt.Sprintf("s%d", i)
					svc := service{name: name, args: []string{"http", name, "0", fmt.Sprint(port)}, ready: &ready{kind: "http", port: port}}
					if i > 0 {
						svc.needs = []string{fmt.Sprintf("s%d", i-1)}
					}
					services = append(services, svc)
				}
				if _, err := t.run(tl, services, options{}); err != nil {
					return sample{}, err
				}
				all, err := t.waitEvents(ctx, len(services), 10*time.Millisecond, started(len(services)))
				if err != nil {
					return sample{}, err
				}
				end := last(all, 'S').at
				return sample{values: []float64{ms(end - t.began), ms(end - firsts(all, 'S')["s0"].at)}}, nil
			})
		},
		quoted: []quote{
			{"process-compose, http", 19137, 0, "its probes tick once a second"},
			{"process-compose, exec", 10189, 0, ""},
			{"s6-rc, notification fd", 293, 0, ""},
		},
	}
}

// ours is syndicate alone, for work that the installed peers cannot do.
func ours(b *bench, measure func(ctx context.Context, t *trial, tl tool) (sample, error)) []entrant {
	return b.each(measure)[:1]
}

const (
	layers  = 5  // of the diamond: 1-4-4-4-1
	readyMS = 50 // each service is ready so long after its start
)

func diamondRow(kind string) row {
	goal := "at most 1.1 of the critical path"
	if kind == "exec" {
		goal = "at most 1.15 of the critical path"
	}
	r := row{
		name: "diamond-" + kind, title: "Diamond of depth 5, each ready 50 ms after its start, " + kind + " probe: from the root's start to the end's",
		goal:    goal,
		columns: []string{"x critical path", "ms", "own start ms"},
		entrants: func(b *bench) []entrant {
			return ours(b, func(ctx context.Context, t *trial, tl tool) (sample, error) {
				services, err := diamond(t, kind)
				if err != nil {
					return sample{}, err
				}
				if _, err := t.run(tl, services, options{}); err != nil {
					return sample{}, err
				}
				all, err := t.waitEvents(ctx, len(services), 10*time.Millisecond, started(len(services)))
				if err != nil {
					return sample{}, err
				}
				starts := firsts(all, 'S')
				took := ms(starts["end"].at - starts["root"].at)
				return sample{values: []float64{took / (layers * readyMS), took, ms(starts["root"].at - t.began)}}, nil
			})
		},
	}
	switch kind {
	case "log":
		r.quoted = []quote{{"process-compose", 1.40, 0, "its own start included"}}
	case "http":
		r.quoted = []quote{{"process-compose", 20.4, 0, "its own start included"}}
	case "exec":
		r.quoted = []quote{{"process-compose", 20.5, 0, "its own start included"}}
	case "notify":
		r.quoted = []quote{{"s6-rc, notification fd", 1.62, 0, "its own start included"}}
	}
	return r
}

// diamond returns root, three full layers of four, a bottom, and an end that
// waits for it: five times the ready time from the root's start to the end's.
func diamond(t *trial, kind string) ([]service, error) {
	ports, err := freePorts(16)
	if err != nil {
		return nil, err
	}
	var services []service
	add := func(name string, needs []string) {
		port, file := ports[len(services)], t.path(name+".ready")
		mode, args := kind, []string{fmt.Sprint(readyMS)}
		switch kind {
		case "exec":
			mode, args = "file", append(args, file)
		case "file":
			args = append(args, file)
		case "http", "tcp":
			args = append(args, fmt.Sprint(port))
		}
		services = append(services, service{
			name: name, needs: needs, args: append([]string{mode, name}, args...),
			ready: &ready{kind: kind, port: port, file: file},
		})
	}
	add("root", nil)
	above := []string{"root"}
	for layer := range layers - 2 {
		var names []string
		for i := range 4 {
			names = append(names, fmt.Sprintf("l%d_%d", layer, i))
			add(names[i], above)
		}
		above = names
	}
	add("bottom", above)
	add("end", []string{"bottom"})
	return services, nil
}
