//go:build linux

package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// load is one way of asking through a relay.
type load struct {
	path    string
	clients int
	closing bool // a connection for each call
}

const (
	small = "/small" // 12 bytes
	large = "/large" // 10 MB
)

// breakerRow has wrk ask a server: directly, and through relays that do
// nothing but forward.
func breakerRow() row {
	return row{
		name: "breaker", title: "HTTP calls through a breaker and plain proxies: 12 bytes over kept connections, and one connection for each call (close), and 10 MB; by the number of connections",
		goal: "CPU of a call and added p50 within 1.05 of a bare ReverseProxy's",
		columns: []string{
			"µs CPU at 16", "p50 µs at 1", "p99 µs at 1", "p50 µs at 16", "p99 µs at 16", "p50 µs at 256", "p99 µs at 256", "µs CPU at 256",
			"close: µs CPU at 16", "close: p50 µs at 1", "10 MB: µs CPU at 1", "10 MB: p50 µs at 1", "10 MB: p50 µs at 16",
		},
		reference: "bare ReverseProxy", bound: 3 * time.Minute,
		entrants: func(b *bench) []entrant {
			return b.relayed("http", "bare ReverseProxy", "nginx", "HAProxy", "syndicate")
		},
	}
}

func (t *trial) httpCalls(ctx context.Context, address string, pids []int) (sample, error) {
	return t.calls(ctx, address, pids,
		figure{load{small, 16, false}, "cpu"}, figure{load{small, 1, false}, "p50"}, figure{load{small, 1, false}, "p99"},
		figure{load{small, 16, false}, "p50"}, figure{load{small, 16, false}, "p99"},
		figure{load{small, 256, false}, "p50"}, figure{load{small, 256, false}, "p99"}, figure{load{small, 256, false}, "cpu"},
		figure{load{small, 16, true}, "cpu"}, figure{load{small, 1, true}, "p50"},
		figure{load{large, 1, false}, "cpu"}, figure{load{large, 1, false}, "p50"}, figure{load{large, 16, false}, "p50"})
}

// breakerTCPRow is the same over connections that are only forwarded.
func breakerTCPRow() row {
	return row{
		name: "breaker-tcp", title: "The same through relays of connections",
		goal: "p50 and p99 ahead of HAProxy's in TCP mode",
		columns: []string{
			"p50 µs at 1", "p99 µs at 1", "p50 µs at 16", "p99 µs at 16", "p50 µs at 256", "p99 µs at 256", "µs CPU at 16",
			"close: p50 µs at 1", "close: µs CPU at 16", "10 MB: µs CPU at 1", "10 MB: p50 µs at 1",
		},
		reference: "HAProxy", bound: 3 * time.Minute,
		entrants: func(b *bench) []entrant { return b.relayed("tcp", "bare copy", "HAProxy", "syndicate") },
	}
}

func (t *trial) tcpCalls(ctx context.Context, address string, pids []int) (sample, error) {
	return t.calls(ctx, address, pids,
		figure{load{small, 1, false}, "p50"}, figure{load{small, 1, false}, "p99"},
		figure{load{small, 16, false}, "p50"}, figure{load{small, 16, false}, "p99"},
		figure{load{small, 256, false}, "p50"}, figure{load{small, 256, false}, "p99"}, figure{load{small, 16, false}, "cpu"},
		figure{load{small, 1, true}, "p50"}, figure{load{small, 16, true}, "cpu"},
		figure{load{large, 1, false}, "cpu"}, figure{load{large, 1, false}, "p50"})
}

// breakerOpenRow asks an open breaker, which refuses everything.
func breakerOpenRow() row {
	return row{
		name: "breaker-open", title: "Calls that an open breaker refuses, over 16 kept connections, beside a bare server that refuses everything",
		goal:    "20,000 a second cost less than a tenth of a core beyond the bare server's: 5 µs more",
		columns: []string{"µs CPU", "p50 µs", "p99 µs", "calls/s"}, reference: "bare 503", bound: time.Minute,
		entrants: func(b *bench) []entrant {
			missing := needs("wrk")(b)
			return []entrant{
				{"bare 503", missing, func(ctx context.Context, t *trial) (sample, error) {
					return t.refused(ctx, func(port string) ([]string, error) { return []string{t.bare, "refuse", port}, nil })
				}},
				{"syndicate", missing, func(ctx context.Context, t *trial) (sample, error) {
					return t.refused(ctx, func(port string) ([]string, error) { return t.syndicateRelay("http", port, "127.0.0.1:1") })
				}},
			}
		},
	}
}

func (t *trial) refused(ctx context.Context, command func(address string) ([]string, error)) (sample, error) {
	ports, err := freePorts(1)
	if err != nil {
		return sample{}, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", ports[0])
	argv, err := command(address)
	if err != nil {
		return sample{}, err
	}
	if err := t.start(launch{argv: argv}); err != nil {
		return sample{}, err
	}
	if err := listening(ctx, address); err != nil {
		return sample{}, err
	}
	if argv[0] == t.binary { // nothing is behind it
		trip := exec.CommandContext(ctx, t.binary, "-f", t.path("bench.hcl"), "breaker", "trip", "--for", "1h", "up")
		trip.Dir, trip.Env = t.dir, t.environ()
		if out, err := trip.CombinedOutput(); err != nil {
			return sample{}, fmt.Errorf("%w: %s", err, out)
		}
	}
	r, err := t.wrk(ctx, address, load{small, 16, false}, []int{t.main.Process.Pid})
	if err != nil {
		return sample{}, err
	}
	if r.errors < r.calls {
		return sample{}, fmt.Errorf("%d of %d calls were refused", r.errors, r.calls)
	}
	return sample{values: []float64{r.cpu, r.p50, r.p99, float64(r.calls) / r.seconds}}, nil
}

// relayed are the entrants that forward, and nobody at all.
func (b *bench) relayed(mode string, names ...string) []entrant {
	measure := func(name string) func(context.Context, *trial) (sample, error) {
		return func(ctx context.Context, t *trial) (sample, error) { return t.through(ctx, mode, name) }
	}
	missing := needs("wrk", "nginx")(b)
	all := []entrant{{"direct", missing, measure("direct")}}
	for _, name := range names {
		m := missing
		if name == "HAProxy" && m == nil {
			m = needs("haproxy")(b)
		}
		all = append(all, entrant{name, m, measure(name)})
	}
	return all
}

// through starts a server and a relay before it, and has wrk ask.
func (t *trial) through(ctx context.Context, mode, name string) (sample, error) {
	ports, err := freePorts(2)
	if err != nil {
		return sample{}, err
	}
	server, front := fmt.Sprintf("127.0.0.1:%d", ports[0]), fmt.Sprintf("127.0.0.1:%d", ports[1])
	argv, err := t.upstream(server)
	if err != nil {
		return sample{}, err
	}
	behind := exec.Command(argv[0], argv[1:]...)
	behind.Dir, behind.Env = t.dir, t.environ()
	if err := behind.Start(); err != nil {
		return sample{}, err
	}
	defer func() {
		_ = behind.Process.Signal(quitSignal)
		_ = behind.Wait()
	}()
	if err := listening(ctx, server); err != nil {
		return sample{}, err
	}
	address, pids := server, []int(nil)
	if name != "direct" {
		argv, err := t.relay(name, mode, front, server)
		if err != nil {
			return sample{}, err
		}
		if err := t.start(launch{argv: argv}); err != nil {
			return sample{}, err
		}
		if err := listening(ctx, front); err != nil {
			return sample{}, fmt.Errorf("%s: %w", strings.Join(argv, " "), err)
		}
		address, pids = front, append(children(t.main.Process.Pid), t.main.Process.Pid)
	}
	if mode == "tcp" {
		return t.tcpCalls(ctx, address, pids)
	}
	return t.httpCalls(ctx, address, pids)
}

// figure is one number of one load.
type figure struct {
	load load
	of   string // cpu, p50, p99
}

// calls measures each load once and picks the figures from it, after a first
// load that warms up what has only just been started.
func (t *trial) calls(ctx context.Context, address string, pids []int, figures ...figure) (sample, error) {
	if _, err := t.wrk(ctx, address, figures[0].load, pids); err != nil {
		return sample{}, err
	}
	done := map[load]answers{}
	var s sample
	for _, f := range figures {
		r, ok := done[f.load]
		if !ok {
			var err error
			if r, err = t.wrk(ctx, address, f.load, pids); err != nil {
				return sample{}, err
			}
			if r.errors > 0 {
				return sample{}, fmt.Errorf("%d of %d calls went wrong", r.errors, r.calls)
			}
			done[f.load] = r
		}
		s.values = append(s.values, map[string]float64{"cpu": r.cpu, "p50": r.p50, "p99": r.p99}[f.of])
	}
	return s, nil
}
