//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// bench is what all rows share.
type bench struct {
	runs   int
	peers  bool
	scale  scale
	binary string // syndicate
	probe  string // the compiled probe service
	parser string // the compiled hclparse
	bare   string // the compiled bare
	npm    string // where npm packages go
	out    string // where what is compiled is kept
	work   string // a directory that is removed at the end
	tree   *tree
}

// scale is how much work the rows do.
type scale struct {
	services int // started
	chain    int
	idle     int
	stop     int
	death    int
	window   time.Duration // of idling
	lines    int
	validate int
}

var (
	full  = scale{services: 1000, chain: 20, idle: 100, stop: 100, death: 100, window: 20 * time.Second, lines: 10_000_000, validate: 10_000}
	quick = scale{services: 100, chain: 5, idle: 20, stop: 20, death: 20, window: 2 * time.Second, lines: 500_000, validate: 1000}
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	b := &bench{scale: full}
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	set.StringVar(&b.binary, "syndicate", "bin/syndicate", "the binary to measure")
	set.IntVar(&b.runs, "runs", 5, "runs of each row; the median is shown")
	set.BoolVar(&b.peers, "peers", true, "measure the other tools, too, and as root install them")
	rowNames := set.String("row", "", "rows to run, separated by commas; all without it")
	small := set.Bool("quick", false, "a tenth of the work or less: tries the benchmark, its figures mean little")
	out := set.String("out", "bench/out", "where compiled helpers and npm packages are kept")
	if err := set.Parse(args); err != nil {
		return err
	}
	if *small {
		b.scale = quick
	}
	chosen, err := choose(*rowNames)
	if err != nil {
		return err
	}
	if err := b.prepare(ctx, *out); err != nil {
		return err
	}
	defer os.RemoveAll(b.work)
	defer b.tree.clean()
	header(b)
	for _, r := range chosen {
		if err := b.row(ctx, r); err != nil {
			return fmt.Errorf("row %s: %w", r.name, err)
		}
	}
	return nil
}

// choose returns the rows named, all of them for an empty string.
func choose(names string) ([]row, error) {
	all := rows()
	if names == "" {
		return all, nil
	}
	var chosen []row
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(r row) bool { return r.name == strings.TrimSpace(name) })
		if i < 0 {
			known := make([]string, len(all))
			for i, r := range all {
				known[i] = r.name
			}
			return nil, fmt.Errorf("no row %q: there are %s", name, strings.Join(known, ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// prepare compiles the helpers, installs the peers where it may, and takes
// on the parenthood of everything that will be started.
func (b *bench) prepare(ctx context.Context, out string) error {
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	if b.binary, err = filepath.Abs(b.binary); err != nil {
		return err
	}
	if _, err := os.Stat(b.binary); err != nil {
		return fmt.Errorf("%w: run make build first", err)
	}
	b.out, b.probe, b.parser, b.bare, b.npm = out, filepath.Join(out, "probe"), filepath.Join(out, "hclparse"), filepath.Join(out, "bare"), filepath.Join(out, "npm")
	err = errors.Join(
		compile(ctx, "cc", "-O2", "-static", "-o", b.probe, "bench/probe/probe.c"),
		compile(ctx, "go", "build", "-o", b.parser, "./bench/hclparse"),
		compile(ctx, "go", "build", "-o", b.bare, "./bench/bare"))
	if err != nil {
		return err
	}
	if b.peers {
		install(ctx, b.npm)
	}
	if b.work, err = os.MkdirTemp("", "syndicate-bench-"); err != nil {
		return err
	}
	b.tree, err = newTree(b.probe)
	return err
}

func compile(ctx context.Context, argv ...string) error {
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s(run it from the top of the checkout)", strings.Join(argv, " "), err, out)
	}
	return nil
}

func header(b *bench) {
	load, _ := os.ReadFile("/proc/loadavg")
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	lastMinute, _, _ := strings.Cut(string(load), " ")
	fmt.Printf("%s, Linux %s, %d cores, load %s\n", time.Now().UTC().Format("2006-01-02 15:04 UTC"),
		strings.TrimSpace(string(kernel)), runtime.NumCPU(), lastMinute)
	fmt.Printf("%d runs of each, interleaved; medians. Ratios within one table count, not absolute times.\n", b.runs)
}
